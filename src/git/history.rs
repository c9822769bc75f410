//! What a reference held before, and which commits are in one history and not in others.

use super::{ObjectId, RefName, Repository, Scratch};
use crate::error::{Error, Result};
use bstr::ByteSlice;

/// A commit with its parents.
pub type Lineage = (ObjectId, Vec<ObjectId>);

impl Repository {
    /// Returns every object that a reference held, as far back as its reflog goes, each once; what is no longer here is left
    /// out.
    pub fn held_before(&self, name: &RefName) -> Result<Vec<ObjectId>> {
        let mut held = if self.uses_reftable() {
            let out = self.git().args(["reflog", "show", "--format=%H"]).arg(name.as_os_str()).output()?;
            out.stdout.lines().filter_map(|line| ObjectId::from_hex(line).ok()).collect()
        } else {
            let mut buffer = Vec::new();
            let lines = self.gix().refs.reflog_iter(name.as_bytes().as_bstr(), &mut buffer);
            let lines = lines.map_err(|error| {
                Error::outside("reflog", format!("the reflog of {name}: {error}"))
                    .hint(format!("to forget what it says: git reflog expire --expire=now {name}"))
            })?;
            let lines = lines.into_iter().flatten().flatten();
            lines.flat_map(|line| [line.previous_oid(), line.new_oid()]).collect::<Vec<_>>()
        };
        held.sort_unstable();
        held.dedup();
        held.retain(|id| !id.is_null() && self.contains(id));
        Ok(held)
    }
}

impl Scratch {
    /// Lists the commits reachable from `from` and from none of `not`, parents before children, as git-rebase(1) orders them.
    pub fn commits_apart(&self, from: &ObjectId, not: &[ObjectId]) -> Result<Vec<Lineage>> {
        let mut list = format!("{from}\n");
        for id in not {
            list.push_str(&format!("^{id}\n"));
        }
        let words = ["rev-list", "--reverse", "--topo-order", "--parents", "--stdin"];
        let out = self.git()?.args(words).read_with(list.as_bytes())?;
        let ids = |line: &[u8]| {
            let mut ids = line.split_str(" ").filter_map(|id| ObjectId::from_hex(id).ok());
            ids.next().map(|commit| (commit, ids.collect()))
        };
        Ok(out.lines().filter_map(ids).collect())
    }
}
