//! How a verdict is told to the person who pushes.

use super::judge::{Change, Objection, Rule, Verdict, Wanted};
use super::loss::Loss;
use super::policy::{Demand, Protected};
use super::words::Announcement;
use crate::git::{ObjectId, RefName};
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

/// Tells why a push is refused, and what to do instead. `losses` holds what explained movements would take away, by their places.
pub fn refusal(site: &Site, wanted: &[Wanted], verdict: &Verdict, losses: &[(usize, Loss)]) -> Vec<Line> {
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
        lines.extend(next_steps(site, wanted, verdict));
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

fn short(id: &ObjectId) -> String {
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
fn next_steps(site: &Site, wanted: &[Wanted], verdict: &Verdict) -> Vec<Line> {
    let mut told = Vec::new();
    let mut lines = Vec::new();
    for Objection { place, rule } in verdict.refused.iter().take(EXPLAINED_MAX) {
        if told.contains(&rule.word()) {
            continue;
        }
        told.push(rule.word());
        lines.extend(steps(site, &wanted[*place], rule).into_iter().map(Line::Hint));
    }
    lines
}

fn steps(site: &Site, one: &Wanted, rule: &Rule) -> Vec<String> {
    match rule {
        Rule::DeploymentTag => vec!["to deploy, move the environment's branch: git cairn deploy <env>".into()],
        Rule::Meta | Rule::Hidden => {
            vec!["leave it out of the push; with --mirror, name what to push instead".into()]
        }
        Rule::Stale => vec!["see where it stands now: git fetch; then push again".into()],
        Rule::Demands(protected) => put_back(site, one, protected),
        Rule::By(_) => vec!["ask one of them, or bring your work in: git pull --rebase; git push".into()],
        Rule::Reintroduces(banned) => vec![
            format!(
                "to bring only your own commits: git cairn catch-up --push; with plain git: git fetch; git rebase --onto {} {}; git push",
                upstream(banned.from.as_ref().unwrap_or(&one.name)),
                short(banned.tips.first().unwrap_or(&banned.root))
            ),
            format!("to really bring it back: git push -o cairn.reintroduce={} ...", banned.rescue),
        ],
        Rule::OutOfOrder(environment, from) => {
            vec![format!("deploy it there first: git cairn deploy {from} <commit>; git cairn deploy {environment}")]
        }
        Rule::Unannounced(environment) => vec![format!(
            "to deploy: git cairn deploy {environment}; with plain git: git push -o cairn.deploy={environment} ..."
        )],
        Rule::Held(environment, _) => vec![format!("on the host: git cairn release {environment}")],
        Rule::Git(setting) => vec![format!(
            "on the host, where the guard does what it is for: git config {setting} {}",
            if setting.starts_with("receive.denyDeleteCurrent") || setting.starts_with("receive.denyCurrent") {
                "ignore"
            } else {
                "false"
            }
        )],
        Rule::Gitolite(denied) => {
            let mut steps = if one.change == Change::Rewind { without_loss(site, one) } else { vec![] };
            let name = shell_quoted(denied.name.as_bytes().as_bstr());
            steps.push(format!(
                "whoever writes gitolite's rules may permit it; on the host they see by which it is decided: gitolite access -s {} {name}",
                denied.ask
            ));
            steps
        }
    }
}

fn upstream(name: &RefName) -> String {
    format!("origin/{}", shell_quoted(name.short()))
}

/// The ways on from a rewind of a branch that lose nothing, where people develop on it: bring one's own in, undo by a new
/// commit.
fn without_loss(site: &Site, one: &Wanted) -> Vec<String> {
    let deploys = site.of_branch(&one.name).is_some_and(|environment| site.deploys(environment));
    let Some(new) = one.new.filter(|_| !deploys && one.name.is_below("refs/heads/")) else { return vec![] };
    let branch = shell_quoted(one.name.short());
    vec![
        format!("to bring your work in: git pull --rebase origin {branch}; git push origin HEAD:{branch}"),
        format!(
            "to undo by a new commit: git cairn revert <commit>, or: git cairn reset {} --as-commit --branch {branch}",
            short(&new)
        ),
    ]
}

/// The ways on from a movement that would lose commits: bring one's own in, undo by a new commit, really put it back.
fn put_back(site: &Site, one: &Wanted, protected: &Protected) -> Vec<String> {
    let Some(old) = one.old else { return vec![] };
    let deploys = site.of_branch(&one.name).filter(|environment| site.deploys(environment));
    let mut steps = without_loss(site, one);
    match (deploys, one.new) {
        (Some(environment), Some(new)) => {
            steps.push(format!("to deploy or to go back: git cairn rollback {} {}", environment.name, short(&new)));
        }
        (None, Some(new)) if one.name.is_below("refs/heads/") => {
            let branch = shell_quoted(one.name.short());
            steps.push(format!(
                "to really put it back: git cairn reset {} --overwrite-history --branch {branch}",
                short(&new)
            ));
        }
        _ => {}
    }
    steps.extend(with_plain_git(one, old, protected));
    steps
}

fn with_plain_git(one: &Wanted, old: ObjectId, protected: &Protected) -> Option<String> {
    let demand = if one.change == Change::Delete { protected.delete } else { protected.rewind };
    let name = &one.name;
    let announcement = Announcement { name: name.clone(), old, new: one.new };
    let option = shell_quoted(announcement.option().as_bstr());
    let refspec = one.new.map(|new| new.to_string()).unwrap_or_default();
    let lease =
        shell_quoted([b"--force-with-lease=", name.as_bytes(), format!(":{old}").as_bytes()].concat().as_bstr());
    let target = shell_quoted([refspec.as_bytes(), b":", name.as_bytes()].concat().as_bstr());
    match demand {
        Demand::Allow | Demand::Announce => {
            Some(format!("with plain git: git push -o {option} {lease} origin {target}"))
        }
        Demand::Reason => {
            Some(format!("with plain git: git push -o {option} -o cairn.reason=<why> {lease} origin {target}"))
        }
        Demand::Grant => Some(format!(
            "on the host somebody may permit it once: git cairn guard grant --ref {} --old {old} --new {} --for <who> --ttl 15m --reason <text>",
            shell_quoted(name.as_bytes().as_bstr()),
            one.new.unwrap_or_else(|| crate::git::null_id(old.kind()))
        )),
        Demand::Refuse => None,
    }
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
