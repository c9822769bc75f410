//! Before anything moves: judge the push, and note which environments it is about to move.

use super::input::{Push, Update};
use super::pusher::own_user;
use super::say::Voice;
use super::{Verdict, who_pushes};
use crate::clock;
use crate::deployment::{clean_note, note};
use crate::durable::random_name;
use crate::error::Result;
use crate::git::{RefName, Repository};
use crate::guard::{Wanted, judge};
use crate::queue::{Movement, MovementState, State};
use crate::site::{Environment, Site};

/// How many refusals are explained.
const EXPLAINED_MAX: usize = 5;

pub(super) fn run(repository: &Repository, push: &Push, voice: &mut Voice) -> Result<Verdict> {
    let (site, _) = Site::for_hook(&repository.config())?;
    let refused: Vec<_> = push
        .updates
        .iter()
        .filter_map(|update| {
            let name = repository.follow(&update.name);
            // The name the client used counts as well as the one that would move.
            let rule =
                [&name, &update.name].into_iter().find_map(|name| judge(&site, &Wanted { name: name.clone() }))?;
            Some((update.name.clone(), rule))
        })
        .collect();
    for (name, rule) in refused.iter().take(EXPLAINED_MAX) {
        let [why, instead] = rule.explain(name);
        voice.refusal(&why);
        voice.hint(&instead);
    }
    if !refused.is_empty() {
        if push.updates.len() > refused.len() {
            voice.hint("the other references of this push were refused only with it");
        }
        return Ok(Verdict::Refused);
    }
    let moved = moved_environments(repository, &site, push);
    if !moved.is_empty() {
        note_all(repository, &site, push, &moved, voice);
    }
    Ok(Verdict::Accepted)
}

/// Returns the updates that move the branch of an environment that takes deployments.
pub(super) fn moved_environments<'a>(
    repository: &Repository,
    site: &'a Site,
    push: &Push,
) -> Vec<(&'a Environment, Update)> {
    let deploying = |name: &RefName| site.of_branch(name).filter(|environment| site.deploys(environment));
    let moved = push.updates.iter().filter(|update| update.old != update.new);
    let moved = moved.filter_map(|update| {
        let name = repository.follow(&update.name);
        Some((deploying(&name)?, Update { name, ..update.clone() }))
    });
    moved.collect()
}

/// Describes a movement of an environment by this push.
pub(super) fn movement(environment: &Environment, update: &Update, push: &Push) -> Movement {
    Movement {
        id: 0,
        token: random_name(),
        environment: environment.name.to_string(),
        old: update.old,
        new: update.new,
        seen: update.old,
        pusher: who_pushes(|name| std::env::var(name).ok(), own_user).to_string(),
        note: push.option("note").and_then(clean_note),
        at: clock::now(),
        state: MovementState::Pending,
        confirmed: false,
        tag: None,
    }
}

/// A note that cannot be kept stops no push: the tag is made all the same, only its place among slow hooks is less sure.
fn note_all(repository: &Repository, site: &Site, push: &Push, moved: &[(&Environment, Update)], voice: &mut Voice) {
    let state = State::of(repository, site.modes);
    for (environment, update) in moved {
        let noted = repository
            .ref_id(&environment.branch)
            .and_then(|seen| note(&state, &Movement { seen, ..movement(environment, update, push) }));
        if let Err(error) = noted {
            voice.warning(&format!("the deployment could not be noted before it happens: {error}"));
        }
    }
}
