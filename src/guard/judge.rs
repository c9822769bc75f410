//! The verdict on a push: a decision from values alone.

use super::policy::{Demand, Mode, Policy, Protected};
use super::words::{Announcement, Words};
use crate::git::{ObjectId, RefName};
use crate::site::{EnvironmentName, HIDDEN_REFS, META_REF, Site};

/// What a movement does to a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It stays where it is.
    Nothing,
    /// It is made.
    Create,
    /// It moves on; nothing leaves it.
    Forward,
    /// It moves, and something leaves it.
    Rewind,
    /// A tag that exists moves.
    TagMove,
    /// It is deleted.
    Delete,
}

/// The movement of one reference that a push asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The reference as the client names it.
    pub asked: RefName,
    /// The reference that would really move, symbolic ones followed.
    pub name: RefName,
    /// What the client says it holds.
    pub claimed: Option<ObjectId>,
    /// What it really holds.
    pub old: Option<ObjectId>,
    /// What it is to hold; `None`: it is to be deleted.
    pub new: Option<ObjectId>,
    /// What that does to it.
    pub change: Change,
    /// What it would bring back that was dropped on purpose.
    pub brings_back: Vec<Banned>,
    /// Whether the environment before has had this commit, or this one itself; looked up only where the policy asks.
    pub in_order: bool,
}

/// How many ends are named of what was dropped by one movement.
pub const TIPS_MAX: usize = 4;

/// A commit that was dropped on purpose, and by which rescue it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Banned {
    /// The rescue of what was dropped.
    pub rescue: String,
    /// The first of what was dropped.
    pub root: ObjectId,
    /// What it was dropped from; looked up only for what a push brings back.
    pub from: Option<RefName>,
    /// The last of it that the push has, [`TIPS_MAX`] at most: more than one where it has branches of it.
    pub tips: Vec<ObjectId>,
}

/// git's own settings that refuse a movement after us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// `receive.denyNonFastForwards`
    pub deny_rewinds: bool,
    /// `receive.denyDeletes`
    pub deny_deletes: bool,
    /// `receive.denyDeleteCurrent`: unless it says otherwise, HEAD's branch is not deleted; this is that branch.
    pub undeletable: Option<RefName>,
    /// `receive.denyCurrentBranch`: the branch that a work tree has checked out, where it must not move under it.
    pub immovable: Option<RefName>,
}

/// A movement that gitolite's rules would deny after us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The reference as the client names it.
    pub name: RefName,
    /// gitolite's answer in its own words, with the rule that denies it.
    pub said: String,
    /// The repository, the user and the right as they are asked of `gitolite access`.
    pub ask: String,
}

/// All that is to be known of a push beside the movements it asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Who pushes, by the name the host knows.
    pub pusher: String,
    /// What the push says.
    pub words: Words,
    /// The movements for which a permission is there and still good.
    pub granted: Vec<Announcement>,
    /// The environments that are held, and why.
    pub held: Vec<(EnvironmentName, String)>,
    /// Whether the guard is paused: then it only warns.
    pub paused: bool,
    /// git's own settings.
    pub git: GitSettings,
    /// What gitolite denies; asked only about what everything else lets pass.
    pub gitolite: Vec<Denied>,
}

/// The rule by which a movement is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Deployment tags are made by the host alone.
    DeploymentTag,
    /// What clients are told of the site is written by `setup` alone.
    Meta,
    /// Our own references.
    Hidden,
    /// The reference does not hold what the client says.
    Stale,
    /// What is dropped must be announced, or more.
    Demands(Protected),
    /// Only these may.
    By(Protected),
    /// It brings back what was dropped on purpose.
    Reintroduces(Banned),
    /// The environment takes only what this one has had.
    OutOfOrder(EnvironmentName, EnvironmentName),
    /// The environment takes only deployments that say so.
    Unannounced(EnvironmentName),
    /// The environment is held, for this reason.
    Held(EnvironmentName, String),
    /// This setting of git would refuse it after us.
    Git(&'static str),
    /// A rule of gitolite's would.
    Gitolite(Denied),
}

/// A movement that a rule refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The place of the movement among those asked for.
    pub place: usize,
    /// The rule.
    pub rule: Rule,
}

/// What is to become of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How the guard was set when it judged.
    pub mode: Mode,
    /// Why the push is refused; empty: it is accepted.
    pub refused: Vec<Objection>,
    /// What would have refused it if the guard enforced its rules; empty when it does.
    pub tolerated: Vec<Objection>,
    /// The places of the movements that drop something and were announced or granted, where that was demanded.
    pub meant: Vec<usize>,
}

impl Verdict {
    /// Tells whether the push goes on.
    pub fn accepts(&self) -> bool {
        self.refused.is_empty()
    }
}

/// Judges all movements of a push at once: if one is refused, none is made.
pub fn judge(site: &Site, policy: &Policy, circumstances: &Circumstances, wanted: &[Wanted]) -> Verdict {
    let mode = if circumstances.paused && policy.mode == Mode::Enforce { Mode::Warn } else { policy.mode };
    let mut verdict = Verdict { mode, refused: vec![], tolerated: vec![], meant: vec![] };
    for (place, one) in wanted.iter().enumerate() {
        if let Some(rule) = host_rule(site, one) {
            verdict.refused.push(Objection { place, rule });
            continue;
        }
        if mode == Mode::Off {
            continue;
        }
        let protected = policy.of(site, &one.name);
        let found = object(site, policy, circumstances, one, &protected);
        if found.is_none() && demand(&protected, one.change).is_some_and(Demand::is_announced) {
            verdict.meant.push(place);
        }
        let Some(rule) = found else { continue };
        match mode {
            Mode::Enforce => verdict.refused.push(Objection { place, rule }),
            // git or gitolite refuses it by itself, and says so.
            Mode::Warn if matches!(rule, Rule::Git(_) | Rule::Gitolite(_)) => {}
            Mode::Warn | Mode::Off => verdict.tolerated.push(Objection { place, rule }),
        }
    }
    verdict
}

/// What holds whatever the policy: the host's own references, and what git itself would find out a moment later.
fn host_rule(site: &Site, wanted: &Wanted) -> Option<Rule> {
    // The name the client used counts as well as the one that would move.
    let own = [&wanted.name, &wanted.asked].into_iter().find_map(|name| host_owns(site, name));
    own.or_else(|| (wanted.claimed != wanted.old).then_some(Rule::Stale))
}

/// Returns the rule that keeps a name for the host alone.
pub fn host_owns(site: &Site, name: &RefName) -> Option<Rule> {
    if name.as_bytes() == META_REF.as_bytes() {
        return Some(Rule::Meta);
    }
    if name.is_below(HIDDEN_REFS) {
        return Some(Rule::Hidden);
    }
    let short = std::str::from_utf8(name.short()).ok().filter(|_| name.is_below("refs/tags/"))?;
    // A tag below the name of a deployment's would keep git from ever making that one.
    let ends = short.match_indices('/').map(|(end, _)| end).chain([short.len()]);
    ends.into_iter().find_map(|end| site.parse_tag(&short[..end])).map(|_| Rule::DeploymentTag)
}

fn object(
    site: &Site,
    policy: &Policy,
    circumstances: &Circumstances,
    wanted: &Wanted,
    protected: &Protected,
) -> Option<Rule> {
    let deploys = site.of_branch(&wanted.name).filter(|environment| site.deploys(environment));
    if let Some(environment) = deploys.filter(|_| wanted.change != Change::Nothing) {
        let name = &environment.name;
        if let Some((_, reason)) = circumstances.held.iter().find(|(held, _)| held == name) {
            return Some(Rule::Held(name.clone(), reason.clone()));
        }
        let says = circumstances.words.deploys.iter().any(|deploy| deploy == name.as_str());
        if policy.announced.contains(name) && !says {
            return Some(Rule::Unannounced(name.clone()));
        }
        if let Some(from) = environment.from.as_ref().filter(|_| policy.in_order && wanted.new.is_some())
            && !wanted.in_order
        {
            return Some(Rule::OutOfOrder(name.clone(), from.clone()));
        }
    }
    drops(circumstances, wanted, protected)
        .or_else(|| reintroduces(&circumstances.words, wanted, deploys.is_some()))
        .or_else(|| git_refuses(&circumstances.git, wanted))
        .or_else(|| {
            let mut denied = circumstances.gitolite.iter();
            denied.find(|denied| denied.name == wanted.asked).cloned().map(Rule::Gitolite)
        })
}

/// Returns what a movement needs because of what it drops.
fn demand(protected: &Protected, change: Change) -> Option<Demand> {
    match change {
        Change::Rewind | Change::TagMove => Some(protected.rewind),
        Change::Delete => Some(protected.delete),
        Change::Nothing | Change::Create | Change::Forward => None,
    }
}

fn drops(circumstances: &Circumstances, wanted: &Wanted, protected: &Protected) -> Option<Rule> {
    let demand = demand(protected, wanted.change)?;
    let names = [&wanted.name, &wanted.asked];
    let exactly =
        |one: &Announcement| names.contains(&&one.name) && Some(one.old) == wanted.old && one.new == wanted.new;
    let announced = circumstances.words.announcements.iter().any(exactly);
    let met = match demand {
        Demand::Allow => true,
        Demand::Announce => announced,
        Demand::Reason => announced && circumstances.words.reason.is_some(),
        Demand::Grant => circumstances.granted.iter().any(exactly),
        Demand::Refuse => false,
    };
    if !met {
        return Some(Rule::Demands(protected.clone()));
    }
    let may = protected.by.is_empty() || protected.by.contains(&circumstances.pusher);
    (!may).then(|| Rule::By(protected.clone()))
}

/// Deployments, and so rollbacks and going forward again, are never stopped by what was dropped elsewhere.
fn reintroduces(words: &Words, wanted: &Wanted, deploys: bool) -> Option<Rule> {
    if deploys {
        return None;
    }
    let lifted = |one: &&Banned| {
        let root = one.root.to_string();
        words.reintroduced.iter().any(|word| *word == one.rescue || *word == root)
    };
    wanted.brings_back.iter().find(|one| !lifted(one)).map(|one| Rule::Reintroduces(one.clone()))
}

/// git's own checks of branches (`update()` in builtin/receive-pack.c); to tags they are not applied.
pub(super) fn git_refuses(git: &GitSettings, wanted: &Wanted) -> Option<Rule> {
    let branch = wanted.name.is_below("refs/heads/");
    let is = |name: &Option<RefName>| name.as_ref() == Some(&wanted.name);
    match wanted.change {
        Change::Rewind if git.deny_rewinds && branch => Some(Rule::Git("receive.denyNonFastForwards")),
        Change::Delete if git.deny_deletes && branch => Some(Rule::Git("receive.denyDeletes")),
        Change::Delete if is(&git.undeletable) => Some(Rule::Git("receive.denyDeleteCurrent")),
        Change::Create | Change::Forward | Change::Rewind if is(&git.immovable) => {
            Some(Rule::Git("receive.denyCurrentBranch"))
        }
        _ => None,
    }
}

impl Rule {
    /// Tells whether it is about what a reference would lose.
    pub fn is_of_loss(&self) -> bool {
        matches!(self, Self::Demands(_) | Self::By(_) | Self::Git(_) | Self::Gitolite(_))
    }

    /// Returns the stable word for scripts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::DeploymentTag => "deployment-tag",
            Self::Meta => "meta",
            Self::Hidden => "hidden",
            Self::Stale => "stale",
            Self::Demands(_) => "protected",
            Self::By(_) => "by",
            Self::Reintroduces(_) => "reintroduced",
            Self::OutOfOrder(..) => "promote",
            Self::Unannounced(_) => "deploy",
            Self::Held(..) => "hold",
            Self::Git(_) => "git",
            Self::Gitolite(_) => "gitolite",
        }
    }
}

#[cfg(test)]
mod tests;
