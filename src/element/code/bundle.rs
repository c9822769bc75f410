//! One bundle that holds a whole repository, whatever the chain behind it.

use crate::bundle::{Header, write_header};
use crate::error::{AtPath, Result};
use crate::git::{self, ObjectId, RefList, RefName, RefValue, Repository};
use std::io::{self, Write};
use std::path::Path;

/// Writes every reference of `list` that `wanted` passes, with `head` as HEAD, and all they reach.
///
/// The objects come from `repository`, which must hold them.
pub fn write_self_contained(
    repository: &Repository,
    list: &RefList,
    head: Option<ObjectId>,
    wanted: impl Fn(&RefName) -> bool,
    out: &mut dyn Write,
    shown: &Path,
) -> Result<()> {
    let head = head.map(|id| (RefName::head(), id));
    // A bundle has no symbolic references: one is written as what it leads to, as git itself does.
    let refs = list.refs.iter().filter(|(name, _)| wanted(name));
    let refs = refs.filter_map(|(name, value): (_, &RefValue)| Some((name.clone(), value.id()?)));
    let header = Header::new(repository.hash_kind(), vec![], head.into_iter().chain(refs).collect());
    let mut tips: Vec<_> = header.refs.iter().map(|(_, id)| *id).collect();
    tips.sort_unstable();
    tips.dedup();
    write_header(&header, out).at("write", shown)?;
    git::stream_pack(repository, &tips, |pack| io::copy(pack, out).map(drop).at("write", shown))?;
    out.flush().at("write", shown)
}
