//! Bringing back what was dropped.

use super::list::ids_below;
use super::{BANS, Kept, Why, confirm, keep};
use crate::error::{Error, Kind, Result};
use crate::git::{ObjectId, RefName, Repository, null_id};
use crate::guard::{Change, Wanted};
use crate::site::Site;
use bstr::ByteSlice;

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The reference.
    pub name: RefName,
    /// What it holds now.
    pub id: ObjectId,
}

/// Makes a new branch of what was dropped; without a name one that says where it comes from.
///
/// Returns [`Kind::Nothing`] where the branch holds it already, [`Kind::Unsafe`] where it holds something else, and a usage error
/// where what was dropped is no commit.
pub fn recover_as_branch(repository: &Repository, kept: &Kept, branch: Option<&str>) -> Result<Recovered> {
    let record = &kept.record;
    let commit = repository.peel_to_commit(&record.old).ok_or_else(|| {
        Error::usage(format!("what {} held is no commit, so no branch can hold it", record.name))
            .hint(format!("bring it back where it was: git cairn rescue recover {} --in-place", record.id))
    })?;
    let name = match branch {
        Some(branch) => RefName::branch(branch),
        None => RefName::branch([b"rescued/", record.name.short().as_bytes(), b"-", record.id.as_bytes()].concat()),
    };
    let name = name.ok_or_else(|| {
        let shown = crate::text::shown(branch.unwrap_or_default().as_bytes());
        Error::usage(format!("{shown:?} cannot be the name of a branch")).hint("name another with --branch")
    })?;
    match repository.ref_id(&name)? {
        Some(held) if held == commit => return Err(back_already(&name, &commit)),
        Some(_) => {
            return Err(Error::refused("branch-exists", format!("{name} exists, and holds something else"))
                .hint("name another with --branch"));
        }
        None => {}
    }
    let create = [b"create ", name.as_bytes(), format!(" {commit}\n").as_bytes()].concat();
    repository.update_refs("cairn: recover", &create)?;
    Ok(Recovered { name, id: commit })
}

/// Puts the reference back to what it held, if it still is what it was moved to. What it holds now is kept in turn.
///
/// Returns [`Kind::Nothing`] where it is back already, [`Kind::Moved`] where it moved since, and [`Kind::Unsafe`] for an environment
/// that takes deployments.
pub fn recover_in_place(repository: &Repository, site: &Site, kept: &Kept, by: String) -> Result<Recovered> {
    let record = &kept.record;
    let now = repository.ref_id(&record.name)?;
    if now == Some(record.old) {
        return Err(back_already(&record.name, &record.old));
    }
    if let Some(environment) = site.of_branch(&record.name).filter(|environment| site.deploys(environment)) {
        let name = &environment.name;
        return Err(Error::refused("deploys", format!("{name} takes deployments, and this would be none"))
            .hint(format!("roll it back: git cairn rollback {name} {}", record.old)));
    }
    if now != record.new {
        let message = format!("{} moved since it was dropped there; nothing was changed", record.name);
        return Err(Error::new(Kind::Moved, "moved", message)
            .hint(format!("bring it back as a branch: git cairn rescue recover {}", record.id)));
    }
    if let Some(held) = now {
        let back = Wanted {
            asked: record.name.clone(),
            name: record.name.clone(),
            claimed: now,
            old: now,
            new: Some(record.old),
            change: Change::Rewind,
            brings_back: vec![],
            in_order: false,
        };
        if record.name.is_below("refs/tags/") || !repository.is_ancestor(&held, &record.old)? {
            keep(repository, site, &[back], &Why { by, ..Why::default() })?;
        }
    }
    let expected = now.unwrap_or_else(|| null_id(record.old.kind()));
    let update = [b"update ", record.name.as_bytes(), format!(" {} {expected}\n", record.old).as_bytes()].concat();
    let bans = ids_below(repository, &format!("{BANS}{}/", record.id))?;
    let lifted = bans.iter().map(|(root, _)| format!("delete {BANS}{}/{root}\n", record.id)).collect::<String>();
    repository.update_refs("cairn: recover", &[update, lifted.into_bytes()].concat())?;
    confirm(repository, &[(record.name.clone(), now, Some(record.old))])?;
    Ok(Recovered { name: record.name.clone(), id: record.old })
}

fn back_already(name: &RefName, id: &ObjectId) -> Error {
    Error::new(Kind::Nothing, "back-already", format!("it is back already: {name} is {id}; nothing was changed"))
}
