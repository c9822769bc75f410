//! What people on the host ruled that bears on a push: holds, and permissions that it shows.

use super::say::Voice;
use crate::audit::{Entry, Log, Sync, What};
use crate::clock;
use crate::error::{Error, Result};
use crate::git::{ObjectId, RefName, Repository};
use crate::guard::{Announcement, Wanted};
use crate::queue::State;
use crate::rescue::{is_over, own_push};
use crate::ruling::{Grant, Hold, Useless};
use crate::site::{EnvironmentName, Site};
use bstr::BString;

/// The most tokens that are looked at.
const TOKENS_MAX: usize = 20;

/// Returns the environments that are held, with who held them, until when and why.
pub(super) fn holds(site: &Site, state: &State) -> Result<Vec<(EnvironmentName, String)>> {
    let mut held = Vec::new();
    for environment in site.environments.iter().filter(|environment| site.deploys(environment)) {
        if let Some(hold) = Hold::on(state, environment.name.as_str(), clock::now())? {
            held.push((environment.name.clone(), hold.to_string()));
        }
    }
    Ok(held)
}

/// The permissions that a push shows.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    good: Vec<(Grant, Announcement)>,
    useless: Vec<Useless>,
}

impl Permissions {
    /// Looks at the tokens of a push.
    pub(super) fn of(state: &State, tokens: &[BString], pusher: &str, wanted: &[Wanted]) -> Result<Self> {
        let mut found = Self::default();
        for token in tokens.iter().take(TOKENS_MAX) {
            let permitted = Grant::find(state, token, pusher, clock::now())?.and_then(|grant| fits(grant, wanted));
            match permitted {
                Ok(good) => found.good.push(good),
                Err(useless) => found.useless.push(useless),
            }
        }
        Ok(found)
    }

    /// Returns the movements that are permitted.
    pub(super) fn movements(&self) -> Vec<Announcement> {
        self.good.iter().map(|(_, movement)| movement.clone()).collect()
    }

    /// Says why tokens permit nothing, where the push is refused.
    pub(super) fn tell(&self, voice: &mut Voice) {
        for useless in &self.useless {
            voice.refusal(&useless.to_string());
        }
    }

    /// Takes them, until it is known whether the references move.
    ///
    /// Returns a refusal where another push was quicker: then nothing permits this one.
    pub(super) fn take(&self, state: &State, pusher: &str) -> Result<()> {
        for (grant, _) in &self.good {
            if !grant.take(state, pusher, own_push(), clock::now())? {
                let message = format!("the permission {} was taken by another push in the meantime", grant.id);
                return Err(Error::refused("grant-used", message)
                    .hint("ask the operator of the host for another: git cairn guard grant"));
            }
        }
        Ok(())
    }
}

/// Notes that the references of this push moved: the permissions it took are used up.
pub(super) fn used_up(state: &State, moved: &[(RefName, Option<ObjectId>, Option<ObjectId>)]) -> Result<()> {
    let taken = Grant::taken(state)?;
    if taken.is_empty() {
        return Ok(());
    }
    let own = own_push();
    let mine = |grant: &&Grant| own.is_none() || grant.push == own;
    for grant in taken.iter().filter(mine) {
        let (Some(name), Some((old, new))) = (grant.ref_name(), grant.ids()) else { continue };
        if moved.iter().any(|(of, before, after)| *of == name && *before == Some(old) && *after == new) {
            settle(state, grant, true)?;
        }
    }
    Ok(())
}

/// Settles the permissions of pushes that are over and noted nothing: something stopped them, or their hook died. One whose
/// reference still holds what it held was not used.
pub(super) fn reconcile(repository: &Repository, state: &State) -> Result<()> {
    for grant in Grant::taken(state)? {
        let since = grant.used.as_ref().map_or(grant.at, |(_, at)| *at);
        if !is_over(grant.push.as_deref(), since) {
            continue;
        }
        let (Some(name), Some((old, _))) = (grant.ref_name(), grant.ids()) else { continue };
        settle(state, &grant, repository.ref_id(&name)? != Some(old))?;
    }
    Ok(())
}

fn settle(state: &State, grant: &Grant, moved: bool) -> Result<()> {
    if grant.settle(state, moved)? && moved {
        let who = super::audited::who_is_here(|name| std::env::var(name).ok());
        let by = grant.used.as_ref().map_or("", |(by, _)| by);
        let entry = Entry::new(clock::now(), What::Grant, who).about(&format!("{} used by {by}", grant.id));
        // It goes to the disk with whatever is synced next: the file says it too.
        let _ = Log::of(state).append(&entry.because(&grant.reason), Sync::Later);
    }
    Ok(())
}

fn fits(grant: Grant, wanted: &[Wanted]) -> Result<(Grant, Announcement), Useless> {
    let (Some(name), Some((old, new))) = (grant.ref_name(), grant.ids()) else { return Err(Useless::Unknown) };
    let of_ref: Vec<_> = wanted.iter().filter(|one| one.name == name || one.asked == name).collect();
    if of_ref.is_empty() {
        return Err(Useless::OtherRef(grant.id, name.to_string()));
    }
    if !of_ref.iter().any(|one| one.old == Some(old) && one.new == new) {
        return Err(Useless::OtherMovement(grant.id, grant.old, grant.new));
    }
    Ok((grant, Announcement { name, old, new }))
}

/// `cairn.hold=<reason>`: what was just deployed is held there.
pub(super) fn hold(state: &State, environment: &EnvironmentName, reason: &[u8], voice: &mut Voice) {
    let who = super::audited::who_is_here(|name| std::env::var(name).ok());
    let reason: String = crate::text::shown(reason).chars().take(1000).collect();
    let reason = if reason.trim().is_empty() { "held by the push that deployed".to_owned() } else { reason };
    let hold =
        Hold { environment: environment.to_string(), at: clock::now(), until: None, by: who.name.clone(), reason };
    let entry = Entry::new(hold.at, What::Hold, who).about(environment.as_str()).because(&hold.reason);
    match hold.place(state).and_then(|()| Log::of(state).append(&entry, Sync::Now)) {
        Ok(()) => {
            voice.success(&format!("{environment} is held: nothing is deployed there until it is released"));
            voice.hint(&format!("on the host: git cairn release {environment}"));
        }
        Err(error) => voice.warning(&format!("{environment} could not be held: {error}")),
    }
}
