//! Keeping what people wrote into served trees before a hook of the site writes over it.

use super::input::Push;
use super::say::Voice;
use crate::durable::random_name;
use crate::element::uncommitted::{Uncommitted, Why, captures_folder, warnings};
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use crate::queue::State;
use crate::site::{CaptureRules, Environment, Site};
use crate::worker::{Against, How, keep_capture, look_at, noted};
use std::path::Path;

/// An environment whose branch a push moved, and whose tree is served from a folder here.
pub(super) struct Served<'a> {
    pub environment: &'a Environment,
    folder: &'a Path,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

/// What was kept of one environment's tree.
pub(super) struct Kept<'a> {
    pub environment: &'a Environment,
    /// Under which it waits for its backup.
    pub token: String,
    record: Uncommitted,
}

/// Returns the environments that a push moved and whose trees may hold edits.
pub(super) fn served<'a>(repository: &Repository, site: &'a Site, push: &Push) -> Vec<Served<'a>> {
    if site.environments.iter().all(|environment| environment.worktree.is_none()) {
        return vec![];
    }
    let moved = push.updates.iter().filter(|update| update.old != update.new);
    let moved = moved.filter_map(|update| {
        let environment = site.of_branch(&repository.follow(&update.name))?;
        let folder = environment.worktree.as_deref()?;
        Some(Served { environment, folder, old: update.old, new: update.new })
    });
    moved.collect()
}

/// Captures the edits in each tree. A push never fails by it: what cannot be captured is told.
pub(super) fn capture<'a>(
    repository: &Repository,
    site: &Site,
    state: &State,
    served: &[Served<'a>],
    voice: &mut Voice,
) -> Vec<Kept<'a>> {
    let mut kept = Vec::new();
    for one in served {
        match capture_one(repository, site, state, one, voice) {
            Ok(found) => kept.extend(found),
            Err(error) => {
                let (name, folder) = (&one.environment.name, one.folder.display());
                voice.warning(&format!("uncommitted edits of {name} in {folder}, if any, are not captured: {error}"));
            }
        }
    }
    kept
}

fn capture_one<'a>(
    repository: &Repository,
    site: &Site,
    state: &State,
    one: &Served<'a>,
    voice: &mut Voice,
) -> Result<Option<Kept<'a>>> {
    let environment = one.environment;
    let (rules, unclear) = CaptureRules::of(&repository.config(), &environment.name);
    for error in unclear {
        voice.warning(&format!("{error}; the default is taken"));
    }
    let begun = std::time::Instant::now();
    let against = Against::Before { old: one.old, new: one.new };
    // So that what is seen can also be read.
    let half = Some(begun + rules.budget / 2);
    let found = look_at(repository, site, state, environment, one.folder, (against, half))?;
    for unreadable in &found.seen.unreadable {
        let path = crate::text::shown(&unreadable.path);
        voice.warning(&format!("{path} in the work tree of {} cannot be read: {}", environment.name, unreadable.why));
    }
    let how = How { rules: Some(&rules), deadline: Some(begun + rules.budget), ignored: false };
    let token = random_name();
    let place = captures_folder(state.folder());
    let pending = keep_capture(repository, state, environment, &found, how, (&place, &token))?;
    if pending.is_none() {
        for line in warnings(&noted(&found.seen)) {
            voice.warning(&format!("uncommitted edits of {}, if any: {line}", environment.name));
        }
    }
    Ok(pending.map(|pending| Kept { environment, token, record: pending.record }))
}

/// Tells the pusher what was kept and how to see it; `tag` is the deployment's, by which its backup is named.
pub(super) fn tell(kept: &Kept<'_>, tag: Option<&str>, voice: &mut Voice) {
    let name = &kept.environment.name;
    let changes = crate::text::count(kept.record.changes, "uncommitted change");
    let in_time = if kept.record.left_out.iter().any(|one| one.why == Why::Time) { "read in time" } else { "there" };
    voice.warning(&format!(
        "the work tree of {name} held {changes}; what was {in_time} is captured for the backup of this push"
    ));
    for line in warnings(&kept.record) {
        voice.warning(&line);
    }
    let backup = tag.map_or_else(|| name.to_string(), str::to_owned);
    voice.hint(&format!("to see it, on the host: git cairn backup get {backup} --element uncommitted --patch --to -"));
    voice.hint(&format!("to have it back: git cairn restore {backup} --element uncommitted --to <dir>"));
}
