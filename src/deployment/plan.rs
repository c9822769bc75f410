//! Deploying and going back from a clone: see where everything stands, plan, and carry out exactly that plan.

use super::elsewhere;
use super::{Host, PlanCommit, Planned, TagMessage, Warning, sealed};
use crate::error::{Error, Kind, Result};
use crate::git::{CommitLine, Lease, ObjectId, RefName, Repository};
use crate::guard::Announcement;
use crate::process::Command;
use crate::site::Environment;
use bstr::BString;
use serde::{Deserialize, Serialize};

/// How many commits a plan names; it counts them all.
const COMMITS_NAMED: usize = 50;

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Move an environment on.
    Deploy,
    /// Move it back to what it was.
    Rollback,
}

/// What was typed.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// Deploy or roll back.
    pub operation: Operation,
    /// The environment.
    pub environment: &'a str,
    /// The commit, or for a rollback the deployment, if one was named.
    pub target: Option<&'a str>,
    /// The note.
    pub note: Option<&'a str>,
    /// Whether the environment is to be held then.
    pub hold: bool,
}

/// What would be done, and everything it was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Always 1.
    pub schema: u32,
    /// SHA-256 of the plan's JSON with this field empty.
    pub plan_id: String,
    /// Deploy or roll back.
    pub operation: Operation,
    /// The environment.
    pub environment: String,
    /// The full name of the branch that moves.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where the push goes, without a password.
    pub push_url: String,
    /// What the host has there now; null: nothing.
    pub expect_remote: Option<String>,
    /// What it is to have.
    pub target: String,
    /// What a person calls the target: a deployment's tag or another environment.
    pub target_name: Option<String>,
    /// The note.
    pub note: Option<String>,
    /// The commits that come, newest first, the first fifty.
    pub commits: Vec<PlanCommit>,
    /// How many come.
    pub commits_count: usize,
    /// The commits that go, newest first, the first fifty.
    pub commits_dropped: Vec<PlanCommit>,
    /// How many go.
    pub commits_dropped_count: usize,
    /// Whether the host is told what is dropped (`cairn.rewind`), because it knows the word.
    pub announce: bool,
    /// Whether the environment is then held, so that nothing is deployed there until somebody on the host releases it.
    #[serde(default)]
    pub hold: bool,
    /// What every plan says, and does not apply to one that moves a branch of the host alone.
    #[serde(flatten)]
    pub elsewhere: Elsewhere,
    /// What the person should know.
    pub warnings: Vec<Warning>,
}

/// The fields of plans that change a clone: null, or empty, where only a branch of the host moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// What the local branch holds.
    pub local_head: Option<String>,
    /// How a reset is done.
    pub mode: Option<String>,
    /// Which parent of a merge is kept.
    pub mainline: Option<u32>,
    /// The tree that a commit will have.
    pub result_tree: Option<String>,
    /// The backup that is made first.
    pub backup: Option<String>,
    /// Files in which changes collide.
    pub conflicts: Vec<String>,
    /// What else contains the commits that go.
    pub contained_in: Vec<String>,
    /// What of the person's own work is in the way.
    pub worktree: Option<String>,
    /// What the host says of the plan.
    pub host: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Always 1.
    pub schema: u32,
    /// Deploy or roll back.
    pub operation: Operation,
    /// The deployment's tag, where the host made one.
    pub id: Option<String>,
    /// The plan.
    pub plan_id: String,
    /// The commit the environment stands on.
    pub result: String,
    /// The command that takes it back.
    pub undo: String,
    /// Whether the host, one of ours, moved the branch and made no tag of it.
    #[serde(skip)]
    pub unmarked: bool,
}

/// Plans a deployment or a rollback, from what the host advertised.
///
/// Returns [`Kind::NotFound`] where the environment, the commit or an earlier deployment is missing, and a refusal where no
/// target is named and the last rollback left the one that would be taken; a plan whose target is what already stands there
/// is returned too, and [`apply`] then has nothing to do.
pub fn plan(repository: &Repository, host: &Host, wish: &Wish<'_>) -> Result<Plan> {
    let environment = host.environment(wish.environment)?;
    if !host.deploying().contains(environment) {
        return Err(Error::refused(
            "not-deployed",
            format!("{} is where people develop; it takes pushes, not deployments", environment.name),
        )
        .hint(format!("push to it: git push <remote> HEAD:{}", environment.branch.short())));
    }
    if wish.hold && !host.speaks {
        let message =
            format!("this host does not say that it knows git-cairn, and would not hold {}", environment.name);
        return Err(Error::refused("no-hold", message).hint("set it up: git cairn setup; or leave out --hold"));
    }
    let tip = host.tip(environment);
    let (target, target_name) = match (wish.target, wish.operation) {
        (Some(words), _) => named_target(repository, host, environment, words)?,
        (None, Operation::Deploy) => deploy_target(repository, host, environment)?,
        (None, Operation::Rollback) => rollback_target(repository, host, environment)?,
    };
    host.remote.fetch(repository, &host.advertised, std::slice::from_ref(&environment.branch))?;
    let known_tip = tip.filter(|tip| repository.contains(tip));
    let mine = repository.config().get("user", "email");
    let commits = |lines: Vec<(CommitLine, String)>| -> Vec<PlanCommit> {
        let one = |(line, email): (CommitLine, String)| PlanCommit {
            id: line.id.to_string(),
            author: line.author,
            subject: line.subject,
            merge: line.merge,
            mine: mine.as_deref() == Some(email.as_str()),
        };
        lines.into_iter().map(one).collect()
    };
    let mut plan = Plan {
        schema: 1,
        plan_id: String::new(),
        operation: wish.operation,
        environment: environment.name.to_string(),
        reference: crate::text::json_text(environment.branch.as_bytes()),
        push_url: host.remote.shown_url(),
        expect_remote: tip.map(|tip| tip.to_string()),
        target: target.to_string(),
        target_name,
        note: wish.note.map(str::to_owned),
        commits: commits(repository.commits_between(known_tip.as_ref(), &target, COMMITS_NAMED)?),
        commits_count: repository.count_between(known_tip.as_ref(), &target)?,
        commits_dropped: vec![],
        commits_dropped_count: 0,
        announce: false,
        hold: wish.hold,
        elsewhere: Elsewhere::default(),
        warnings: vec![],
    };
    if let Some(tip) = known_tip {
        plan.commits_dropped = commits(repository.commits_between(Some(&target), &tip, COMMITS_NAMED)?);
        plan.commits_dropped_count = repository.count_between(Some(&target), &tip)?;
    }
    plan.announce = host.speaks && plan.commits_dropped_count > 0;
    warn(&mut plan, host);
    if wish.operation == Operation::Rollback && wish.target.is_none() && plan.commits_count > 0 {
        refuse_where_it_came_from(repository, host, environment, &plan)?;
    }
    let about_others = match (wish.operation, known_tip) {
        (Operation::Rollback, Some(tip)) if plan.commits_dropped_count > 0 => {
            elsewhere::still_held(repository, host, environment, &plan, [tip, target])?
        }
        (Operation::Rollback, _) => None,
        (Operation::Deploy, _) => {
            elsewhere::before_that(repository, host, environment, &target, wish.target.is_some())?
        }
    };
    plan.warnings.extend(about_others);
    Ok(sealed(plan))
}

fn warn(plan: &mut Plan, host: &Host) {
    let mut add = |code: &str, text: String| plan.warnings.push(Warning { code: code.into(), text });
    if plan.operation == Operation::Deploy && plan.commits_dropped_count > 0 {
        add(
            "drops-commits",
            format!(
                "{} is not based on what {} has now",
                plan.target_name.as_deref().unwrap_or(&plan.target[..10]),
                plan.environment
            ),
        );
    }
    if !host.speaks {
        add("silent-host", "the host tells of no site: whether it marks deployments is unknown".into());
        if plan.note.is_some() {
            add("note-not-sent", "the note is not sent, for the host may not take push options".into());
        }
    }
}

/// Refuses a rollback that brings commits, to what the last one left: what stands now was deployed before that too. Whoever
/// types it a second time, or after somebody else did, does not want back what was just taken away.
fn refuse_where_it_came_from(
    repository: &Repository,
    host: &Host,
    environment: &Environment,
    plan: &Plan,
) -> Result<()> {
    let id = |text: &String| ObjectId::from_hex(text.as_bytes()).ok();
    let (Some(tag), Some(tip)) = (plan.target_name.as_ref(), plan.expect_remote.as_ref().and_then(id)) else {
        return Ok(());
    };
    let (deployments, target) = (host.deployments(environment), id(&plan.target));
    let left = deployments.iter().find(|(_, name, _)| name.short() == tag.as_str()).map(|(number, ..)| *number);
    let Some((first, ..)) = deployments.iter().rfind(|(earlier, _, commit)| Some(*earlier) < left && *commit == tip)
    else {
        return Ok(());
    };
    let name = &environment.name;
    let before = deployments
        .iter()
        .find(|(earlier, _, commit)| earlier < first && ![Some(tip), target].contains(&Some(*commit)));
    let further = match before {
        Some((_, tag, _)) => Some(tag.short().to_string()),
        None => before_the_first(repository, host, &deployments, &tip)?.map(|commit| commit.to_string()[..10].into()),
    };
    let further = further.map(|further| format!("to go further back: git cairn rollback {name} {further}; "));
    let message = format!("{name} was rolled back from {tag} already, and stands on {}", &tip.to_string()[..10]);
    Err(Error::refused("rolled-back-already", message)
        .hint(format!("{}to deploy {tag} again: git cairn deploy {name} {tag}", further.unwrap_or_default())))
}

impl Planned for Plan {
    fn plan_id(&self) -> &str {
        &self.plan_id
    }

    fn with_id(self, plan_id: String) -> Self {
        Self { plan_id, ..self }
    }

    fn deed(&self) -> String {
        let verb = match self.operation {
            Operation::Deploy => "deploy",
            Operation::Rollback => "roll back",
        };
        format!("{verb} {}", self.environment)
    }
}

/// A commit, and what a person calls it.
type Target = (ObjectId, Option<String>);

/// What the environment that this one takes its code from has now.
fn deploy_target(repository: &Repository, host: &Host, environment: &Environment) -> Result<Target> {
    let from = environment.from.as_ref().ok_or_else(|| {
        Error::usage(format!("{} takes its code from no other environment", environment.name)).hint("name a commit")
    })?;
    let from = host.environment(from.as_str())?;
    let tip = host.tip(from).ok_or_else(|| {
        let message = format!("{}, the branch {}, has no commit on the host yet", from.name, from.branch.short());
        Error::not_found("no-commit", message).hint(how_it_gets_one(host, from))
    })?;
    host.remote.fetch(repository, &host.advertised, std::slice::from_ref(&from.branch))?;
    Ok((tip, Some(from.name.to_string())))
}

fn how_it_gets_one(host: &Host, from: &Environment) -> String {
    let name = &from.name;
    if host.deploying().contains(from) {
        return format!("deploy that first: git cairn deploy {name}; or name a commit");
    }
    let mut branches = host.advertised.refs.keys().filter(|branch| branch.is_below("refs/heads/"));
    let push = format!("push to it: git push <remote> HEAD:{}", from.branch.short());
    match (branches.next(), branches.next()) {
        (None, _) => push,
        (Some(only), None) => {
            format!(
                "{push}; or, where {name} is to be {0}, on the host: git cairn setup --env {name}={0}",
                only.short()
            )
        }
        _ => format!("{push}; or, where {name} is another branch, on the host: git cairn setup --env {name}=<branch>"),
    }
}

/// The newest earlier deployment of another commit.
fn rollback_target(repository: &Repository, host: &Host, environment: &Environment) -> Result<Target> {
    let tip = host.tip(environment).ok_or_else(|| {
        Error::not_found(
            "no-deployment",
            format!("{} has no commit yet, so there is nothing to go back from", environment.name),
        )
        .hint(format!("deploy it: git cairn deploy {}", environment.name))
    })?;
    let deployments = host.deployments(environment);
    let current = deployments.iter().find(|(.., commit)| *commit == tip).map_or(u64::MAX, |(number, ..)| *number);
    let earlier = deployments.iter().find(|(number, _, commit)| *number < current && *commit != tip);
    if let Some((_, tag, commit)) = earlier {
        host.remote.fetch(repository, &host.advertised, std::slice::from_ref(tag))?;
        return Ok((*commit, Some(tag.short().to_string())));
    }
    let before = before_the_first(repository, host, &deployments, &tip)?;
    before.map(|commit| (commit, None)).ok_or_else(|| {
        let name = &environment.name;
        Error::not_found("no-deployment", format!("{name} has no earlier deployment of another commit"))
            .hint(format!("name a commit to go to: git cairn rollback {name} <commit>"))
    })
}

/// What the branch held before its first deployment here, as that one's tag says.
fn before_the_first(
    repository: &Repository,
    host: &Host,
    deployments: &[(u64, RefName, ObjectId)],
    tip: &ObjectId,
) -> Result<Option<ObjectId>> {
    let Some((_, first, _)) = deployments.last() else { return Ok(None) };
    host.remote.fetch(repository, &host.advertised, std::slice::from_ref(first))?;
    let object = host.advertised.refs.get(first).and_then(|id| repository.tag_object(id));
    let previous = object.and_then(|object| TagMessage::parse(&object.message)?.previous);
    // An ancestor of what the tag marks is here by now; another commit may not be.
    Ok(previous.filter(|previous| previous != tip && repository.contains(previous)))
}

/// A deployment's tag as the host has it, else a commit of this repository.
fn named_target(repository: &Repository, host: &Host, environment: &Environment, words: &str) -> Result<Target> {
    let deployments = host.deploying().iter().flat_map(|environment| host.deployments(environment));
    let tagged = deployments.into_iter().find(|(_, tag, _)| tag.short() == words);
    if let Some((_, tag, commit)) = tagged {
        host.remote.fetch(repository, &host.advertised, std::slice::from_ref(&tag))?;
        return Ok((commit, Some(words.to_owned())));
    }
    let commit = repository.find_commit(words).map_err(|error| {
        let hint = format!("name a commit of this clone, or a deployment: git cairn deployments {}", environment.name);
        Error::new(error.kind(), error.code(), error.to_string()).hint(hint)
    })?;
    Ok((commit, None))
}

/// Carries out a plan: moves the branch on the host if it still stands where the plan saw it. `git` makes the command that
/// pushes from the repository.
///
/// Returns [`Kind::Nothing`] where it stands there already, [`Kind::Moved`] where it moved, [`Kind::Declined`] where
/// the host refuses; in each case nothing was changed.
pub fn apply(repository: &Repository, git: impl Fn() -> Command, host: &Host, plan: &Plan) -> Result<Applied> {
    let environment = host.environment(&plan.environment)?;
    let tip = host.tip(environment).map(|tip| tip.to_string());
    if tip != plan.expect_remote
        || crate::text::json_text(environment.branch.as_bytes()) != plan.reference
        || host.remote.shown_url() != plan.push_url
    {
        return Err(Error::new(
            Kind::Moved,
            "moved",
            format!("{} moved on the host since the plan was made; nothing was changed", plan.environment),
        )
        .hint("make a new plan: run the same command with --plan"));
    }
    if tip.as_ref() == Some(&plan.target) {
        return Err(nothing(plan));
    }
    let id =
        |text: &String| ObjectId::from_hex(text.as_bytes()).map_err(|_| Error::usage("the plan holds no object id"));
    let target = id(&plan.target)?;
    let expect = plan.expect_remote.as_ref().map(id).transpose()?;
    let is_there = plan.operation == Operation::Rollback || host.shows(&target);
    let lease = Lease { name: environment.branch.clone(), expect, target, is_there };
    host.remote.deliver(repository, git, &lease, &push_options(plan, host, &lease))?;
    // It is done; a host that cannot be asked again only leaves the tag's name unsaid.
    let now = host.remote.advertised(repository).ok();
    let answered = now.is_some();
    let after = Host { advertised: now.unwrap_or_default(), ..host.clone() };
    let is_new = |tag: &RefName| !host.advertised.refs.contains_key(tag);
    let made = after.deployments(environment).into_iter().next();
    let made = made.filter(|(_, tag, commit)| *commit == target && is_new(tag));
    let unmarked = made.is_none();
    let undo = match (&plan.operation, expect) {
        (Operation::Rollback, Some(old)) => format!("git cairn deploy {} {old}", environment.name),
        (Operation::Deploy, Some(old)) => format!("git cairn rollback {} {old}", environment.name),
        (_, None) => {
            let to = host.remote.name.as_ref().unwrap_or(&plan.push_url);
            format!("git push {} :{}", crate::text::shell_quoted(to.as_str().into()), environment.branch)
        }
    };
    Ok(Applied {
        schema: 1,
        operation: plan.operation,
        id: made.map(|(_, tag, _): (u64, RefName, ObjectId)| tag.short().to_string()),
        plan_id: plan.plan_id.clone(),
        result: plan.target.clone(),
        undo,
        unmarked: host.speaks && answered && unmarked,
    })
}

/// The answer where the host already has what the plan wants.
pub fn nothing(plan: &Plan) -> Error {
    let behind = plan.warnings.iter().find(|warning| warning.code == elsewhere::BEHIND);
    let see = || format!("see what it stood on before: git cairn deployments {}", plan.environment);
    Error::new(Kind::Nothing, "nothing-to-do", format!("{} already stands on {}", plan.environment, &plan.target[..10]))
        .hint(behind.map_or_else(see, |behind| behind.text.clone()))
}

fn push_options(plan: &Plan, host: &Host, lease: &Lease) -> Vec<BString> {
    let mut options = Vec::new();
    if !host.speaks {
        return options;
    }
    options.push(format!("cairn.deploy={}", plan.environment).into());
    options.extend(plan.note.as_ref().map(|note| format!("cairn.note={}", note.replace('\n', " ")).into()));
    if plan.hold {
        let reason = plan.note.clone().unwrap_or_else(|| format!("after a rollback to {}", &plan.target[..10]));
        options.push(format!("cairn.hold={}", reason.replace('\n', " ")).into());
    }
    options.extend(Announcement::of(lease).filter(|_| plan.announce).map(|announced| announced.option()));
    options
}
