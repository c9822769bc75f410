//! Which references have the commits that are taken back.

use super::plan::Container;
use crate::deployment::Host;
use crate::error::Result;
use crate::git::{ObjectId, RefName, Repository, Scratch};
use crate::text;
use std::collections::BTreeMap;

/// Returns the branches and tags of the host, or with no host of this clone, that have one of these commits, but for the
/// branch itself; and how many of the host's lead to commits that are not here, of which it cannot be known.
pub(super) fn containers(
    repository: &Repository,
    scratch: &Scratch,
    host: Option<&Host>,
    branch: &RefName,
    bottoms: &[ObjectId],
) -> Result<(Vec<Container>, usize)> {
    let mut tips: BTreeMap<RefName, ObjectId> = BTreeMap::new();
    let mut unseen = 0;
    if let Some(host) = host {
        for name in host.advertised.refs.keys().filter(|name| is_listed(name, branch)) {
            match host.advertised.commit_of(name).filter(|id| repository.contains(id)) {
                Some(id) => drop(tips.insert(name.clone(), id)),
                None => unseen += 1,
            }
        }
    } else {
        for (name, id) in repository.refs_below("refs/")? {
            let commit = if is_listed(&name, branch) { repository.peel_to_commit(&id) } else { None };
            tips.extend(commit.map(|commit| (name, commit)));
        }
    }
    let mut ids: Vec<ObjectId> = tips.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let having = scratch.having(bottoms, &ids)?;
    let environment = |name: &RefName| {
        let environments = host.map(|host| host.environments.as_slice()).unwrap_or_default();
        environments.iter().find(|one| one.branch == *name).map(|one| one.name.to_string())
    };
    let found = tips.iter().filter(|(_, id)| having.contains(id)).map(|(name, id)| Container {
        reference: text::json_text(name.as_bytes()),
        ref_bytes: text::extra_bytes(name.as_bytes()),
        environment: environment(name),
        id: id.to_string(),
    });
    Ok((found.collect(), unseen))
}

fn is_listed(name: &RefName, branch: &RefName) -> bool {
    name != branch && (name.is_below("refs/heads/") || name.is_below("refs/tags/"))
}
