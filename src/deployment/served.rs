//! The work tree an environment is served from, seen from the commit it stands on.

use super::list::of_environment;
use crate::error::{Error, Result};
use crate::git::{ObjectId, Repository};
use crate::os;
use crate::site::{Environment, Site};
use crate::uncommitted::{Candidate, Kept, Options, Seen, WorkTree, look, look_at_deployed};
use std::path::Path;

/// A served work tree and what stands in it that no commit holds.
pub struct Served {
    /// The tree.
    pub tree: WorkTree,
    /// What was seen.
    pub seen: Seen,
    /// The deployment it stands on, of a plain folder that deployments fill.
    pub tag: Option<String>,
    /// Where that is not the last one, a sentence that says so.
    pub note: Option<String>,
}

/// Looks at the work tree in `folder` as that of an environment.
///
/// A clone, or a work tree of the host's own, is compared with its HEAD, a plain folder of the first environment with the
/// branch, and one of any other with the deployment it stands on.
///
/// Returns [`crate::error::Kind::NotFound`] where there is no folder, or nothing to compare a plain one with.
pub fn look_at_served(
    host: &Repository,
    site: &Site,
    environment: &Environment,
    folder: &Path,
    options: &Options,
) -> Result<Served> {
    let tree = WorkTree::open(host, folder)?;
    let plain = |tree, base| -> Result<Served> {
        let seen = look(host, &tree, base, options)?;
        Ok(Served { tree, seen, tag: None, note: None })
    };
    if *tree.kept() != Kept::Plain {
        let head = tree.head();
        return plain(tree, head);
    }
    let candidates = if site.deploys(environment) { candidates(host, site, environment)? } else { vec![] };
    if candidates.is_empty() {
        let tip = tip(host, environment)?;
        return plain(tree, Some(tip));
    }
    let standing = look_at_deployed(host, &tree, &candidates, options)?;
    Ok(Served { tree, seen: standing.seen, tag: standing.tag, note: standing.note })
}

/// The deployments of an environment, the last one first.
fn candidates(host: &Repository, site: &Site, environment: &Environment) -> Result<Vec<Candidate>> {
    let deployments = of_environment(host, site, environment)?;
    Ok(deployments.into_iter().rev().map(|(tag, commit)| Candidate { tag, commit }).collect())
}

fn tip(host: &Repository, environment: &Environment) -> Result<ObjectId> {
    let id = host.ref_id(&environment.branch)?.and_then(|id| host.peel_to_commit(&id));
    id.ok_or_else(|| {
        let branch = environment.branch.short();
        Error::not_found(
            "no-base",
            format!("nothing was pushed to {} yet: there is no branch {branch}", environment.name),
        )
        .hint(format!("push it first: git push <remote> <commit>:refs/heads/{branch}"))
    })
}

/// Returns the environments that have a work tree.
///
/// Returns [`crate::error::Kind::NotFound`], naming the key, where none has.
pub fn served_environments(site: &Site) -> Result<Vec<&Environment>> {
    let served: Vec<_> = site.environments.iter().filter(|environment| environment.worktree.is_some()).collect();
    if served.is_empty() {
        let name = &site.first().name;
        return Err(Error::not_found("no-worktree", "no environment of this site has a work tree".to_owned())
            .hint(format!("name it: git config cairn.{name}.worktree <dir>, or --worktree <dir>")));
    }
    Ok(served)
}

/// Returns the environment that is served from this folder, else the first.
pub fn served_from<'s>(site: &'s Site, folder: &Path) -> &'s Environment {
    let real = os::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let is_there = |environment: &&Environment| {
        let own = environment.worktree.as_ref().map(|own| os::canonicalize(own).unwrap_or_else(|_| own.clone()));
        own.is_some_and(|own| own == real)
    };
    site.environments.iter().find(is_there).unwrap_or(site.first())
}
