//! Before anything moves: judge the push, and note which environments it is about to move.

use super::audited::{Answer, not_noted};
use super::input::{Push, Update};
use super::pusher::own_user;
use super::ruled::{self, Permissions};
use super::say::Voice;
use super::{Verdict, gitolite, who_pushes};
use crate::audit::{Verdict as Judged, What};
use crate::clock;
use crate::deployment::{clean_note, note};
use crate::durable::random_name;
use crate::error::{Error, Result};
use crate::git::{RefName, Repository};
use crate::guard::{
    self, Circumstances, EXPLAINED_MAX, GitSettings, Loss, Mode, Policy, Wanted, Words, judge, look, loss, refusal,
    report, tolerated,
};
use crate::queue::{Movement, MovementState, State};
use crate::rescue::{self, Why};
use crate::site::{Environment, Site};

pub(super) fn run(repository: &Repository, push: &Push, paused: bool, voice: &mut Voice) -> Result<Answer> {
    let config = repository.config();
    let (site, _) = Site::for_hook(&config)?;
    let policy = Policy::from_config(&config, &site)?;
    let state = State::of(repository, site.modes).hurried();
    let pusher = who_pushes(|name| std::env::var(name).ok(), own_user).name;
    let mut words = Words::of(&push.options);
    rescue::reconcile(repository)?;
    ruled::reconcile(repository, &state)?;
    let banned = rescue::bans(repository)?;
    words.reintroduced.extend(rescue::undone(repository, &words, &banned)?);
    let mut wanted = look(repository, &site, &policy, &banned, &push.commands())?;
    rescue::name_tips(repository, &mut wanted)?;
    let permissions = Permissions::of(&state, &words.grants, &pusher, &wanted)?;
    let mut circumstances = Circumstances {
        pusher,
        words,
        granted: permissions.movements(),
        held: ruled::holds(&site, &state)?,
        paused,
        git: GitSettings::of(repository, &config),
        gitolite: vec![],
    };
    let mut verdict = judge(&site, &policy, &circumstances, &wanted);
    if verdict.accepts() && verdict.mode == Mode::Enforce {
        circumstances.gitolite = gitolite::denied(repository, &wanted, circumstances.words.check);
        if !circumstances.gitolite.is_empty() {
            verdict = judge(&site, &policy, &circumstances, &wanted);
        }
    }
    tell(repository, &site, &wanted, &verdict, &circumstances, voice)?;
    let mut answer = answer(&wanted, &verdict, circumstances.words.check, paused);
    if answer.verdict == Verdict::Refused {
        permissions.tell(voice);
        return Ok(answer);
    }
    let why = Why {
        by: who_pushes(|name| std::env::var(name).ok(), own_user).to_string(),
        reason: circumstances.words.reason.clone(),
        meant: &verdict.meant,
    };
    rescue::keep(repository, &site, &wanted, &why).map_err(cannot_keep)?;
    permissions.take(&state, &circumstances.pusher)?;
    let moved = moved_environments(repository, &site, push);
    if !moved.is_empty() {
        note_all(repository, &state.synced_later(), push, &moved, voice);
        answer.noted = true;
    }
    Ok(answer)
}

/// A push that drops something is refused where that cannot be kept.
fn cannot_keep(error: Error) -> Error {
    error
        .while_doing("what this push drops cannot be kept")
        .hint("on the host: mend that, or let pushes in without it: git cairn guard pause --for 1h --reason <text>")
}

/// What the audit says of a verdict.
fn answer(wanted: &[Wanted], verdict: &guard::Verdict, check: bool, paused: bool) -> Answer {
    let objection = verdict.refused.first().or(verdict.tolerated.first());
    let judged = match (verdict.accepts(), objection) {
        (false, _) => Judged::Refused,
        (true, None) => Judged::Accepted,
        (true, Some(_)) if paused => Judged::Paused,
        (true, Some(_)) => Judged::WouldRefuse,
    };
    let what = match (check, verdict.accepts()) {
        (true, _) => What::Check,
        (false, false) => What::Refusal,
        (false, true) if wanted.iter().any(|one| one.change.drops()) => What::Rewind,
        (false, true) => What::Push,
    };
    let goes_on = verdict.accepts() && !check;
    let verdict = if goes_on { Verdict::Accepted } else { Verdict::Refused };
    Answer { verdict, what, judged, rule: objection.map(|objection| objection.rule.word()), noted: false }
}

/// Says what was found; of a push that goes through with nothing to say, nothing.
fn tell(
    repository: &Repository,
    site: &Site,
    wanted: &[Wanted],
    verdict: &guard::Verdict,
    circumstances: &Circumstances,
    voice: &mut Voice,
) -> Result<()> {
    let check = circumstances.words.check;
    let told = if verdict.accepts() { &verdict.tolerated } else { &verdict.refused };
    if told.is_empty() && !check {
        return Ok(());
    }
    let mut losses: Vec<(usize, Loss)> = Vec::new();
    for objection in told.iter().take(EXPLAINED_MAX).filter(|objection| objection.rule.is_of_loss()) {
        losses.push((objection.place, loss(repository, site, wanted, objection.place)?));
    }
    let document = report(wanted, verdict, &losses, check);
    voice.reserve(&document);
    let lines = if verdict.accepts() {
        tolerated(wanted, verdict)
    } else {
        refusal(site, &circumstances.git, wanted, verdict, &losses)
    };
    for line in &lines {
        voice.tell(line);
    }
    if check {
        let answer = if verdict.accepts() { "it would be accepted" } else { "it would be refused" };
        voice.hint(&format!("this push was only checked: {answer}, and nothing was changed"));
    }
    voice.document(&document);
    Ok(())
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

/// Notes what is about to move; it lasts when the verdict does.
fn note_all(repository: &Repository, state: &State, push: &Push, moved: &[(&Environment, Update)], voice: &mut Voice) {
    for (environment, update) in moved {
        let noted = repository
            .ref_id(&environment.branch)
            .and_then(|seen| note(state, &Movement { seen, ..movement(environment, update, push) }));
        if let Err(error) = noted {
            not_noted(&error, voice);
        }
    }
}
