//! Setting a repository up by its first push, where the operator wants that of new ones.

use super::begin::begin;
use super::{Options, apply, look};
use crate::error::Result;
use crate::git::Repository;
use crate::queue::State;
use crate::worker::{git_cairn, snapshot_lock};
use std::time::Duration;

/// How long a first push waits for another one.
const WAIT: Duration = Duration::from_secs(60);

/// Makes a repository a host as `setup` without a flag does, but for the first backup: the push brings that about. The guard
/// only warns at first.
pub fn at_first_push(repository: &Repository) -> Result<()> {
    let options = Options { no_backup: true, warn: true, git_cairn: git_cairn()?, ..Options::default() };
    let plan = look(repository, &options)?;
    let _lock = snapshot_lock(&State::of(repository, plan.site.modes), WAIT)?;
    let repository = Repository::open(repository.git_dir())?;
    // Of two first pushes the second finds it done.
    if repository.config().get("cairn", "id").is_none() {
        let plan = look(&repository, &options)?;
        // A push is judged as soon as the repository is set up, and is not to be the first line of the audit.
        begin(&repository, &plan.site)?;
        apply(&repository, &plan)?;
    }
    Ok(())
}
