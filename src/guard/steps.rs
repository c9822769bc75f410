//! What to do instead of a push that is refused: commands that do what they say in the clone from which it came, where that
//! has what it wanted to push.

use super::judge::{Banned, Change, GitSettings, Rule, Wanted, git_refuses};
use super::loss::Loss;
use super::policy::{Demand, Protected};
use super::tell::short;
use super::words::Announcement;
use crate::git::{ObjectId, RefName, null_id};
use crate::site::{Environment, EnvironmentName, Site};
use crate::text::shell_quoted;
use bstr::{BString, ByteSlice};

/// What stands for commits that the person has to name.
const ANY: &str = "<commit>";

/// Returns the commits that are in the history of `old` and not in that of `new` as `git cairn revert` takes them: `count` of
/// them, of those of which it is known whether it is a merge. A merge it takes only with a parent named.
pub fn to_revert(merges: impl ExactSizeIterator<Item = bool>, count: usize, [new, old]: [&ObjectId; 2]) -> String {
    let plain = merges.len() == count && !merges.into_iter().any(|is_merge| is_merge);
    match count {
        1 if plain => short(old),
        2.. if plain => format!("{}..{}", short(new), short(old)),
        _ => ANY.into(),
    }
}

/// A movement that is refused, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Refused<'a> {
    pub site: &'a Site,
    /// git's own settings, which judge after us whatever is done instead.
    pub git: &'a GitSettings,
    pub one: &'a Wanted,
    /// What its reference would lose, where that was looked up.
    pub loss: Option<&'a Loss>,
}

/// Returns the ways on, most harmless first, each a line.
pub(super) fn steps(refused: &Refused<'_>, rule: &Rule) -> Vec<String> {
    let one = refused.one;
    match rule {
        Rule::DeploymentTag => refused.of_a_mark(),
        Rule::Meta | Rule::Hidden => {
            vec!["leave it out of the push; with --mirror, name what to push instead".into()]
        }
        Rule::Stale => vec!["see where it stands now: git fetch; then push again".into()],
        Rule::Demands(protected) => refused.put_back(protected),
        Rule::By(_) => [vec!["ask one of them to do it".into()], refused.without_loss()].concat(),
        Rule::Reintroduces(banned) => refused.only_own(banned),
        Rule::OutOfOrder(environment, from) => refused.in_order(environment, from),
        Rule::Unannounced(environment) => refused.announced(environment),
        Rule::Held(environment, _) => vec![format!("on the host: git cairn release {environment}")],
        Rule::Git(setting) => {
            vec![format!("{}: {}", "on the host, where the guard does what it is for", allowing(setting))]
        }
        Rule::Gitolite(denied) => {
            let mut steps = if one.change == Change::Rewind { refused.without_loss() } else { vec![] };
            let name = shell_quoted(denied.name.as_bytes().as_bstr());
            steps.push(format!(
                "whoever writes gitolite's rules may permit it; on the host they see by which it is decided: gitolite access -s {} {name}",
                denied.ask
            ));
            steps
        }
    }
}

/// The command on the host by which one of git's settings refuses nothing any more.
fn allowing(setting: &str) -> String {
    let current = setting.starts_with("receive.denyDeleteCurrent") || setting.starts_with("receive.denyCurrent");
    format!("git config {setting} {}", if current { "ignore" } else { "false" })
}

fn upstream(name: &RefName) -> String {
    format!("origin/{}", shell_quoted(name.short()))
}

impl Refused<'_> {
    /// The environment that deployments move this reference of.
    fn deploys(&self) -> Option<&Environment> {
        self.site.of_branch(&self.one.name).filter(|environment| self.site.deploys(environment))
    }

    /// A branch on which people develop.
    fn is_developed(&self) -> bool {
        self.deploys().is_none() && self.one.name.is_below("refs/heads/")
    }

    fn branch(&self) -> String {
        shell_quoted(self.one.name.short())
    }

    /// Of the mark of a deployment: the host makes another when something is deployed.
    fn of_a_mark(&self) -> Vec<String> {
        let name = self.one.asked.short().to_string();
        let Some((environment, _)) = self.site.parse_tag(&name) else {
            return vec!["to deploy, move the environment's branch: git cairn deploy <env>".into()];
        };
        let (environment, tag) = (&environment.name, shell_quoted(self.one.asked.short()));
        let Some(new) = self.one.new else {
            return vec![format!("to go back to an earlier deployment: git cairn rollback {environment}")];
        };
        let keep_out = match self.one.old {
            None => format!("to keep it out of the push: git tag -d {tag}"),
            Some(_) => format!("to have it as the host has it: git fetch --force origin tag {tag}"),
        };
        vec![format!("to deploy that: git cairn deploy {environment} {}", short(&new)), keep_out]
    }

    /// The ways on from a rewind of a branch that lose nothing, where people develop on it: bring one's own in, undo by new
    /// commits.
    fn without_loss(&self) -> Vec<String> {
        let Some(new) = self.one.new.filter(|_| self.is_developed()) else { return vec![] };
        let (branch, new) = (self.branch(), short(&new));
        let bring = format!("git pull --rebase origin {branch}; git push origin HEAD:{branch}");
        let by_one = format!("git cairn reset {new} --as-commit --branch {branch}");
        if self.loss.is_some_and(|loss| loss.diverges) {
            return vec![
                format!("to bring your work in: git cairn catch-up --branch {branch} --push, or: {bring}"),
                format!("then, to undo what you meant to drop: git cairn revert {} --branch {branch}", self.lost()),
                format!("to have just what you have, by a new commit: {by_one}"),
            ];
        }
        vec![
            format!("to bring your work in: {bring}"),
            format!("to undo by a new commit: git cairn revert {} --branch {branch}, or: {by_one}", self.lost()),
        ]
    }

    /// The commits that would be lost, as `git cairn revert` takes them.
    fn lost(&self) -> String {
        match (self.loss, self.one.old, self.one.new) {
            (Some(loss), Some(old), Some(new)) => {
                to_revert(loss.commits.iter().map(|one| one.merge), loss.count, [&new, &old])
            }
            _ => ANY.into(),
        }
    }

    /// The ways on from a movement that would lose commits: those that lose nothing, and the one that really does it.
    fn put_back(&self, protected: &Protected) -> Vec<String> {
        let Some(old) = self.one.old else { return vec![] };
        let demand = if self.one.change == Change::Delete { protected.delete } else { protected.rewind };
        let mut steps = if self.one.new.is_some() { self.without_loss() } else { self.kept() };
        match (self.deploys(), self.one.new) {
            (Some(environment), Some(new)) => {
                steps.push(format!("to deploy or to go back: git cairn rollback {} {}", environment.name, short(&new)));
            }
            // A reason or a permission it cannot send.
            (None, Some(new)) if self.is_developed() && demand <= Demand::Announce => {
                steps.push(format!(
                    "to really put it back: git cairn reset {} --overwrite-history --branch {}",
                    short(&new),
                    self.branch()
                ));
            }
            _ => {}
        }
        let really = self.with_plain_git(old, demand);
        if really.is_some()
            && let Some(Rule::Git(setting)) = git_refuses(self.git, self.one)
        {
            steps.push(format!("git's own {setting} would refuse it then; on the host: {}", allowing(setting)));
        }
        steps.extend(really);
        steps
    }

    /// What may be meant by deleting the branch of an environment.
    fn kept(&self) -> Vec<String> {
        let Some(environment) = self.site.of_branch(&self.one.name) else { return vec![] };
        let name = &environment.name;
        if self.site.deploys(environment) {
            return vec![
                format!("to go back to an earlier deployment: git cairn rollback {name}"),
                format!("to let nothing be deployed there, on the host: git cairn hold {name} --reason <text>"),
            ];
        }
        let branch = self.branch();
        vec![
            format!("to put it back to a commit instead: git cairn reset <commit> --as-commit --branch {branch}"),
            format!("where people develop on another branch, on the host: git cairn setup --env {name}=<branch>"),
        ]
    }

    fn with_plain_git(&self, old: ObjectId, demand: Demand) -> Option<String> {
        let name = shell_quoted(self.one.name.as_bytes().as_bstr());
        let what = if self.one.new.is_some() { "with plain git" } else { "to really delete it, with plain git" };
        match demand {
            Demand::Allow | Demand::Announce => Some(format!("{what}: {}", self.push(&[]))),
            Demand::Reason => Some(format!("{what}: {}", self.push(&[" -o cairn.reason=<why>"]))),
            Demand::Grant => Some(format!(
                "on the host somebody may permit it once: git cairn guard grant --ref {name} --old {old} --new {} --for <who> --ttl 15m --reason <text>",
                self.one.new.unwrap_or_else(|| null_id(old.kind()))
            )),
            Demand::Refuse => None,
        }
    }

    /// The push of exactly this movement, announced where it drops something, with more options.
    fn push(&self, options: &[&str]) -> String {
        let (name, new) = (&self.one.name, self.one.new);
        let mut words = String::from("git push");
        let drops = self.one.old.filter(|_| self.one.change.drops());
        if let Some(old) = drops {
            let option = Announcement { name: name.clone(), old, new }.option();
            words.push_str(&format!(" -o {}", shell_quoted(option.as_bstr())));
        }
        words.extend(options.iter().copied());
        if let Some(old) = drops {
            let lease = [b"--force-with-lease=", name.as_bytes(), format!(":{old}").as_bytes()].concat();
            words.push_str(&format!(" {}", shell_quoted(lease.as_bstr())));
        }
        let refspec = new.map(|new| new.to_string()).unwrap_or_default();
        let refspec: BString = [refspec.as_bytes(), b":", name.as_bytes()].concat().into();
        format!("{words} origin {}", shell_quoted(refspec.as_bstr()))
    }

    /// From a push that brings back what was dropped on purpose: one's own commits without it, or really with it.
    fn only_own(&self, banned: &Banned) -> Vec<String> {
        let one = self.one;
        let rebase = format!(
            "git fetch; git rebase --onto {} {}",
            upstream(banned.from.as_ref().unwrap_or(&one.name)),
            short(banned.tips.first().unwrap_or(&banned.root))
        );
        let (branch, full) = (self.branch(), shell_quoted(one.name.as_bytes().as_bstr()));
        let without = match one.old {
            _ if !one.name.is_below("refs/heads/") => {
                format!("to have only your own commits: {rebase}; then make {branch} again")
            }
            // What the host has not yet nothing can catch up with.
            None => format!("to bring only your own commits: {rebase}; git push origin HEAD:{full}"),
            Some(_) => format!(
                "to bring only your own commits: git cairn catch-up --branch {branch} --push; with plain git: {rebase}; git push origin HEAD:{branch}"
            ),
        };
        let mut steps = vec![without];
        let named: Vec<_> = one.brings_back.iter().map(|one| format!(" -o cairn.reintroduce={}", one.rescue)).collect();
        let named: Vec<_> = named.iter().map(String::as_str).collect();
        steps.push(format!("to really bring it back: {}", self.push(&named)));
        steps
    }

    /// What comes before: the environment that this one takes its code from has it first.
    fn in_order(&self, environment: &EnvironmentName, from: &EnvironmentName) -> Vec<String> {
        let new = self.one.new.as_ref().map_or(ANY.into(), short);
        let before = self.site.environments.iter().find(|environment| environment.name == *from);
        let first = match before.filter(|before| !self.site.deploys(before)) {
            Some(before) => format!("git push origin {new}:{}", shell_quoted(before.branch.as_bytes().as_bstr())),
            None => format!("git cairn deploy {from} {new}"),
        };
        vec![format!("let {from} have it first: {first}; git cairn deploy {environment} {new}")]
    }

    /// The same movement as a deployment that says so.
    fn announced(&self, environment: &EnvironmentName) -> Vec<String> {
        let plain = self.push(&[&format!(" -o cairn.deploy={environment}")]);
        match self.one.new {
            Some(new) => {
                vec![format!("to deploy it: git cairn deploy {environment} {}; with plain git: {plain}", short(&new))]
            }
            None => vec![format!("to delete it all the same: {plain}")],
        }
    }
}
