//! How a verdict is told to the person who pushes.

use super::judge::{Change, GitSettings, Objection, Rule, Verdict, Wanted};
use super::loss::Loss;
use super::policy::{Demand, Protected};
use super::steps::{Refused, steps};
use crate::git::ObjectId;
use crate::site::{EnvironmentName, Site};
use crate::text::{count, shell_quoted, shown};
use bstr::ByteSlice;

/// How many refusals are explained.
pub const EXPLAINED_MAX: usize = 5;
/// How many references a person is shown how to push.
const REFSPECS_MAX: usize = 8;

/// A line, and how it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `error: `
    Error(String),
    /// `warning: `
    Warning(String),
    /// `hint: `
    Hint(String),
}

/// Tells why a push is refused, and what to do instead. `losses` holds what explained movements would take away, by their
/// places; `git` what git itself would refuse of what is done instead.
pub fn refusal(
    site: &Site,
    git: &GitSettings,
    wanted: &[Wanted],
    verdict: &Verdict,
    losses: &[(usize, Loss)],
) -> Vec<Line> {
    let mut lines = Vec::new();
    for objection in verdict.refused.iter().take(EXPLAINED_MAX) {
        let one = &wanted[objection.place];
        lines.push(Line::Error(reason(one, &objection.rule)));
        if let Some((_, loss)) = losses.iter().find(|(place, _)| *place == objection.place) {
            lines.extend(lost(one, loss));
        }
    }
    let refused = verdict.refused.len();
    if refused > EXPLAINED_MAX {
        lines.push(Line::Error(format!("{} more are refused", count(refused - EXPLAINED_MAX, "reference"))));
    }
    if is_mirror(wanted) {
        lines.extend(instead_of_a_mirror(wanted, verdict));
    } else {
        lines.extend(next_steps(site, git, wanted, verdict, losses));
    }
    if wanted.len() > refused {
        lines.push(Line::Hint("the other references of this push were refused only with it".into()));
    }
    lines
}

/// Tells what would have refused a push that is let through.
pub fn tolerated(wanted: &[Wanted], verdict: &Verdict) -> Vec<Line> {
    let told = verdict.tolerated.iter().take(EXPLAINED_MAX).map(|objection| {
        let reason = reason(&wanted[objection.place], &objection.rule);
        Line::Warning(format!("the guard only warns, else it would refuse this: {reason}"))
    });
    told.collect()
}

/// Says which rule refuses which reference.
pub fn reason(wanted: &Wanted, rule: &Rule) -> String {
    let name = &wanted.name;
    match rule {
        Rule::DeploymentTag => format!(
            "{} is the mark of a deployment: only this host makes such tags, and nobody moves or deletes them",
            wanted.asked.short()
        ),
        Rule::Meta | Rule::Hidden => format!("{} is written by git-cairn on this host alone", wanted.asked),
        Rule::Stale => {
            let held = |id: Option<ObjectId>| id.map_or("nothing".into(), |id| short(&id));
            format!("{name} holds {}, not {} as this push says", held(wanted.old), held(wanted.claimed))
        }
        Rule::Demands(protected) => {
            format!("{} {}: {}", does(wanted), needs(protected, wanted.change), protected.source)
        }
        Rule::By(protected) => {
            format!("{}, which only {} may: {}", does(wanted), protected.by.join(", "), protected.source)
        }
        Rule::Reintroduces(banned) => {
            let tip = banned.tips.first().filter(|tip| **tip != banned.root);
            let tip = tip.map(|tip| format!(" to {}", short(tip))).unwrap_or_default();
            let root = short(&banned.root);
            format!("{name} would bring back {root}{tip}, which was dropped on purpose (rescue {})", banned.rescue)
        }
        Rule::OutOfOrder(environment, from) => {
            format!("{environment} takes only what {from} has had: cairn.promote = in-order")
        }
        Rule::Unannounced(environment) => {
            format!("{environment} takes only deployments that say so: cairn.{environment}.deploy = announced")
        }
        Rule::Held(environment, reason) => format!("{environment} is held: {}", shown(reason.as_bytes())),
        Rule::Git(setting) => format!("{}, which git's own {setting} refuses on this host", does(wanted)),
        Rule::Gitolite(denied) => format!("{}, which gitolite refuses on this host: {}", does(wanted), denied.said),
    }
}

pub(super) fn short(id: &ObjectId) -> String {
    id.to_hex_with_len(10).to_string()
}

fn does(wanted: &Wanted) -> String {
    let name = &wanted.name;
    match (wanted.change, wanted.old, wanted.new) {
        (Change::Delete, ..) => format!("{name} would be deleted"),
        (Change::Create, ..) => format!("{name} would be made"),
        (Change::Rewind | Change::TagMove, Some(old), Some(new)) => {
            format!("{name} would go from {} to {} and lose what it has", short(&old), short(&new))
        }
        _ => format!("{name} would move"),
    }
}

fn needs(protected: &Protected, change: Change) -> &'static str {
    match if change == Change::Delete { protected.delete } else { protected.rewind } {
        Demand::Allow | Demand::Announce => "without saying so",
        Demand::Reason => "without saying so and why",
        Demand::Grant => "without a permission given on this host",
        Demand::Refuse => "and no push may do that",
    }
}

fn lost(wanted: &Wanted, loss: &Loss) -> Vec<Line> {
    if loss.count == 0 {
        return vec![];
    }
    let more = if loss.count > loss.commits.len() { ", the newest of them" } else { "" };
    let what = count(loss.count, "commit");
    let mut lines = vec![Line::Error(format!("{what} would be lost from {}{more}:", wanted.name.short()))];
    lines.extend(loss.commits.iter().map(|commit| {
        let (author, subject) = (shown(commit.author.as_bytes()), shown(commit.subject.as_bytes()));
        Line::Error(format!("  {} {author}: {subject}", short(&commit.id)))
    }));
    if !loss.environments.is_empty() {
        let names: Vec<_> = loss.environments.iter().map(EnvironmentName::as_str).collect();
        lines.push(Line::Error(format!("on them stands {}", names.join(", "))));
    }
    lines
}

/// Says for each intent what to type next; of each kind of refusal once, for the first that is.
fn next_steps(
    site: &Site,
    git: &GitSettings,
    wanted: &[Wanted],
    verdict: &Verdict,
    losses: &[(usize, Loss)],
) -> Vec<Line> {
    let mut told = Vec::new();
    let mut lines = Vec::new();
    for Objection { place, rule } in verdict.refused.iter().take(EXPLAINED_MAX) {
        if told.contains(&rule.word()) {
            continue;
        }
        told.push(rule.word());
        let loss = losses.iter().find(|(of, _)| of == place).map(|(_, loss)| loss);
        lines.extend(steps(&Refused { site, git, one: &wanted[*place], loss }, rule).into_iter().map(Line::Hint));
    }
    lines
}

/// `git push --mirror` sends everything a clone has, and deletes everything it does not have.
pub fn is_mirror(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|one| {
        one.asked.is_below("refs/remotes/")
            || (one.new.is_none() && one.asked.as_bytes() == crate::site::META_REF.as_bytes())
    })
}

fn instead_of_a_mirror(wanted: &[Wanted], verdict: &Verdict) -> Vec<Line> {
    let harmless = |(place, one): &(usize, &Wanted)| {
        matches!(one.change, Change::Create | Change::Forward)
            && (one.asked.is_below("refs/heads/") || one.asked.is_below("refs/tags/"))
            && !verdict.refused.iter().any(|objection| objection.place == *place)
    };
    let harmless: Vec<_> = wanted.iter().enumerate().filter(harmless).map(|(_, one)| one).collect();
    let refspec = |one: &&Wanted| {
        let name = one.asked.as_bytes();
        shell_quoted([name, b":", name].concat().as_bstr())
    };
    let mut words: Vec<String> = harmless.iter().take(REFSPECS_MAX).map(refspec).collect();
    if words.is_empty() || harmless.len() > REFSPECS_MAX {
        words = vec!["'refs/heads/*:refs/heads/*'".into(), "'refs/tags/*:refs/tags/*'".into()];
    }
    vec![Line::Hint(format!(
        "this is git push --mirror: it deletes here what you do not have. Name what to push: git push <remote> {}",
        words.join(" ")
    ))]
}
