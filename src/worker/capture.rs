//! Keeping what people wrote into a served work tree and did not commit.

use crate::clock;
use crate::deployment::{Served, look_at_served, of_repository};
use crate::element::uncommitted::{LeftOut, Pending, Take, Taken, Uncommitted, Why, captures_folder, take};
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use crate::queue::State;
use crate::site::{CaptureRules, Environment, Site};
use crate::uncommitted::{Candidate, Kept, Options, Owners, Seen, WorkTree, look, look_at_deployed};
use std::path::Path;
use std::time::{Duration, Instant};

/// How old a capture must be that no job names before it is taken for one whose hook died.
const ORPHAN_AGE_MIN: Duration = Duration::from_secs(600);

/// What a work tree is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// What it stands on now.
    Now,
    /// What it stood on before a push moved its branch.
    Before {
        /// What the branch held.
        old: Option<ObjectId>,
        /// What it holds since.
        new: Option<ObjectId>,
    },
}

/// Looks at an environment's served work tree in `folder`; what it did not look at by the deadline is in
/// [`Seen::late`].
///
/// Returns an error where there is no folder, or nothing to compare it with.
pub fn look_at(
    repository: &Repository,
    site: &Site,
    state: &State,
    environment: &Environment,
    folder: &Path,
    (against, deadline): (Against, Option<Instant>),
) -> Result<Served> {
    let cache = state.is_ours()?.then(|| (state.folder().join("looks"), state.modes()));
    let options = Options { cache, deadline, ..Options::default() };
    let Against::Before { old, new } = against else {
        return look_at_served(repository, site, environment, folder, &options);
    };
    let tree = WorkTree::open(repository, folder)?;
    let plain = |tree: WorkTree, base| -> Result<Served> {
        let seen = look(repository, &tree, base, &options)?;
        Ok(Served { tree, seen, tag: None, note: None })
    };
    let head = tree.head();
    match tree.kept() {
        Kept::Clone(_) => plain(tree, head),
        // Its branch has just been moved from under it.
        Kept::Linked(_) => plain(tree, if head == new { old } else { head }),
        Kept::Plain => {
            let Some(old) = old.filter(|_| site.deploys(environment)) else { return plain(tree, old) };
            let candidates = earlier(repository, site, environment, old)?;
            let standing = look_at_deployed(repository, &tree, &candidates, &options)?;
            Ok(Served { tree, seen: standing.seen, tag: standing.tag, note: standing.note })
        }
    }
}

/// The deployments the tree may stand on: the one that the push left, then those before it.
fn earlier(repository: &Repository, site: &Site, environment: &Environment, old: ObjectId) -> Result<Vec<Candidate>> {
    let all = of_repository(repository, site)?;
    let own = all.into_iter().filter(|one| one.environment == environment.name.as_str());
    let mut rest: Vec<Candidate> = own.map(|one| Candidate { tag: one.tag, commit: one.commit }).collect();
    let place = rest.iter().position(|one| one.commit == old);
    let rest = rest.split_off(place.unwrap_or(0));
    let unmarked = place.is_none().then(|| Candidate { tag: old.to_hex_with_len(10).to_string(), commit: old });
    Ok(unmarked.into_iter().chain(rest).collect())
}

/// How a capture is taken.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// What may be in it; `None`: everything.
    pub rules: Option<&'a CaptureRules>,
    /// When it must be done: what was not read by then is left out.
    pub deadline: Option<Instant>,
    /// Whether what ignore rules hide is taken too.
    pub ignored: bool,
}

/// Takes a capture of what was found, into a repository of a moment below `scratch`; `None` where there is nothing to take.
pub fn take_capture(
    repository: &Repository,
    environment: &str,
    served: &Served,
    how: How<'_>,
    scratch: &Path,
) -> Result<Option<Taken>> {
    let owners = Owners::read();
    let what = Take {
        host: repository,
        environment,
        rules: how.rules,
        deadline: how.deadline,
        ignored: how.ignored,
        scratch,
        user: &|number| owners.name(number),
    };
    let base = served.seen.base;
    let options = Options { deadline: how.deadline, ..Options::default() };
    let again = &mut || -> Result<Seen> { look(repository, &served.tree, base, &options) };
    take(&what, &served.tree, served.seen.clone(), again)
}

/// Takes a capture and keeps it under `token` in `folder` until a backup takes it.
pub fn keep_capture(
    repository: &Repository,
    state: &State,
    environment: &Environment,
    served: &Served,
    how: How<'_>,
    (place, token): (&Path, &str),
) -> Result<Option<Pending>> {
    let name = environment.name.as_str();
    let found = take_capture(repository, name, served, how, &state.scratch()?)?;
    found.map(|taken| taken.keep(repository, place, token, state.modes(), name)).transpose()
}

/// What a backup notes of a look after which nothing was kept.
pub fn noted(seen: &Seen) -> Uncommitted {
    let record = Uncommitted {
        changes: seen.changes.len(),
        base: seen.base.map(|base| base.to_string()),
        taken_at: Some(clock::now()),
        ..Uncommitted::default()
    };
    record.leaving_out(seen.late.iter().map(|path| LeftOut::new(path, None, Why::Time)).collect())
}

/// Returns the captures that no job in `open` names, whose hooks must have died.
pub(super) fn orphans(state: &State, open: &[String]) -> Result<Vec<Pending>> {
    let folder = captures_folder(state.folder());
    let mut found = Vec::new();
    for token in Pending::tokens(&folder)?.into_iter().filter(|token| !open.contains(token)) {
        // One that is damaged is told by whoever looks at it, and stays.
        let Ok(Some(pending)) = Pending::open(&folder, &token) else { continue };
        if pending.age().is_none_or(|age| age > ORPHAN_AGE_MIN) {
            found.push(pending);
        }
    }
    Ok(found)
}
