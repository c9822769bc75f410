//! Making a plan: everything is looked at, and nothing is touched.

use super::contained::containers;
use super::foresee::{Foreseen, Outcome};
use super::in_way::in_way;
use super::local::Local;
use super::plan::{Changes, HostVerdict, Mode, Plan, Worktree};
use super::predict::Step;
use super::words::{Meant, meant};
use super::{Verb, id_of, message, verdict, warn};
use crate::deployment::{Finding, Host, PlanCommit, begin_finding, sealed};
use crate::error::{Error, Kind, Result};
use crate::git::{CommitText, ObjectId, RefName, Repository, Scratch, TreeChange};
use crate::text;
use serde::{Deserialize, Serialize};

/// How many commits a plan names; it counts them all.
const COMMITS_NAMED: usize = 50;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// [`Verb::Revert`] or [`Verb::Reset`].
    pub verb: Verb,
    /// The commits and ranges to revert, or the one commit to go back to.
    pub words: Vec<String>,
    /// How a reset is done; of a revert `None`.
    pub mode: Option<Mode>,
    /// Which parent of a merge is kept, counted from 1.
    pub mainline: Option<u32>,
    /// The branch; by default the one that is checked out.
    pub branch: Option<String>,
    /// The remote's name.
    pub remote: Option<String>,
    /// Whether nothing is pushed.
    pub no_push: bool,
    /// Whether local commits that the host lacks are published too.
    pub include_mine: bool,
    /// The last of the commits that came of resolving conflicts, where that was done.
    pub resolved: Option<String>,
}

impl Wish {
    /// Returns the wish that a saved plan came of.
    pub fn of(plan: &Plan) -> Self {
        let branch = plan.local_ref.clone().or_else(|| Some(plan.reference.clone()));
        Self {
            verb: plan.operation,
            words: plan.wanted.clone(),
            mode: plan.mode,
            mainline: plan.mainline,
            branch,
            remote: plan.remote.clone(),
            no_push: plan.push_url.is_none(),
            include_mine: plan.include_mine,
            resolved: plan.resolved.clone(),
        }
    }
}

/// A plan with everything that carrying it out needs.
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Where its objects lie.
    pub(super) scratch: Scratch,
    /// The host, where something is pushed.
    pub(super) host: Option<Host>,
    /// The branch of this clone; `None` where it has none to move.
    pub(super) local: Option<Local>,
    /// The branch on the host.
    pub(super) reference: RefName,
    /// What the host has there.
    pub(super) expect: Option<ObjectId>,
    /// The commit that is built upon.
    pub(super) base: ObjectId,
    /// The commits to be made; none where history is overwritten.
    pub(super) steps: Vec<Step>,
    /// The commit that history is overwritten with.
    pub(super) overwrite: Option<ObjectId>,
    /// The commit that came of resolving conflicts; no other is made then.
    pub(super) resolved: Option<ObjectId>,
}

impl Prepared {
    /// Tells whether nothing would change.
    pub fn is_idle(&self) -> bool {
        let held = self.expect.or(self.local.as_ref().and_then(|local| local.head));
        match self.overwrite {
            Some(target) => held == Some(target) && self.local.as_ref().is_none_or(|local| local.head == Some(target)),
            None => self.resolved.is_none() && self.steps.is_empty() && self.plan.conflicts.is_empty(),
        }
    }
}

/// The sides of a branch: here and on the host.
struct Sides {
    host: Option<Host>,
    local: Local,
    reference: RefName,
    expect: Option<ObjectId>,
    base: ObjectId,
    unpublished: Vec<PlanCommit>,
    /// How many commits of the local branch's own become one with what is gone back to, which has them all.
    folded: usize,
}

/// A branch as it stands now, here and on the host.
pub struct Seen {
    /// Where what the host has lies.
    pub(super) scratch: Scratch,
    sides: Sides,
    /// What was seen already of what is wished.
    foreseen: Option<Foreseen>,
}

impl Seen {
    /// Returns the commit that would be built upon.
    pub fn base(&self) -> ObjectId {
        self.sides.base
    }

    /// Returns the host, where something would be pushed.
    pub fn host(&self) -> Option<&Host> {
        self.sides.host.as_ref()
    }
}

/// Looks at the branch that is meant; nothing is touched.
///
/// Returns an error where it cannot be changed from here.
pub fn see(repository: &Repository, wish: &Wish) -> Result<Seen> {
    // The host is asked first, and answers last; what is wrong here is said before what is wrong there.
    let finding = (!wish.no_push).then(|| begin_finding(repository, wish.remote.as_deref()));
    let local = Local::see(repository, wish.branch.as_deref())?;
    let finding = finding.transpose()?;
    let scratch = Scratch::new(repository)?;
    // While the host is asked we go by what it most likely has. Whatever is wrong with that is said of what it has.
    let head = local.head.filter(|_| finding.is_some() && !wish.words.is_empty());
    let foreseen = head.and_then(|head| {
        let begun = Foreseen::upon(repository, &scratch, wish, &local, head);
        begun.and_then(|begun| begun.ended(&scratch)).ok()
    });
    let overwrites = wish.mode == Some(Mode::OverwriteHistory);
    let sides = see_both(repository, &scratch, wish, local, finding, overwrites)?;
    let foreseen = foreseen.filter(|foreseen| foreseen.holds_for(&sides.local, &sides.base));
    Ok(Seen { scratch, sides, foreseen })
}

/// Plans a revert or a reset. `told` is what the host said of the same plan before, so that it is not asked twice.
///
/// Returns an error for what cannot be planned; a plan with conflicts, or one that changes nothing, is returned.
pub fn prepare(repository: &Repository, wish: &Wish, told: Option<&Plan>) -> Result<Prepared> {
    prepare_seen(repository, wish, see(repository, wish)?, told)
}

/// As [`prepare`], of a branch that was looked at already.
pub fn prepare_seen(repository: &Repository, wish: &Wish, seen: Seen, told: Option<&Plan>) -> Result<Prepared> {
    let Seen { scratch, sides, foreseen } = seen;
    let overwrites = wish.mode == Some(Mode::OverwriteHistory);
    let mut foreseen = match foreseen {
        Some(foreseen) => foreseen,
        None => Foreseen::upon(repository, &scratch, wish, &sides.local, sides.base)?,
    };
    let Meant { commits: wanted, ambiguous } = std::mem::take(&mut foreseen.meant);
    let texts = std::mem::take(&mut foreseen.texts);
    let config = repository.config();
    let mine = config.get("user", "email");
    let email = mine.as_deref();
    let mut overwrite = None;
    let resolved = wish.resolved.as_deref().map(id_of).transpose()?;
    let (commits, count) = if wish.verb == Verb::Revert {
        (texts.iter().take(COMMITS_NAMED).map(|one| plan_commit(one, email)).collect(), texts.len())
    } else {
        let [target] = texts.as_slice() else { return Err(Error::usage("name one commit to go back to")) };
        let tips: Vec<_> = sides.expect.iter().chain(sides.local.head.iter().filter(|_| overwrites)).copied().collect();
        let tips = if tips.is_empty() { vec![sides.base] } else { tips };
        let dropped = scratch.between(&[target.id], &tips)?;
        let named = scratch.commit_texts(&dropped[..dropped.len().min(COMMITS_NAMED)], "UTF-8")?;
        overwrite = overwrites.then_some(target.id);
        (named.iter().map(|one| plan_commit(one, email)).collect(), dropped.len())
    };
    let bottoms = if wish.verb == Verb::Revert {
        wanted.clone()
    } else {
        let tip = sides.expect.unwrap_or(sides.base);
        scratch.bottoms(&wanted[0], &tip)?
    };
    let (contained_in, unseen) = containers(repository, &scratch, sides.host.as_ref(), &sides.reference, &bottoms)?;
    let strangers = if wish.verb == Verb::Revert {
        foreseen.strangers.clone()
    } else {
        let held = sides.expect.filter(|_| overwrites && !wish.include_mine).or(overwrite).unwrap_or(sides.base);
        warn::strangers(&scratch, &held, &wanted)?
    };
    let Outcome { prediction, changes, lines, came_true } = foreseen.end(&scratch)?;
    let moves = overwrites || resolved.is_some() || !prediction.steps.is_empty();
    let worktree = match foreseen.in_way.filter(|_| came_true) {
        Some(worktree) => worktree?,
        None => own_work(&scratch, &sides, prediction.tree.filter(|_| moves), foreseen.base_tree, &changes)?,
    };
    let here = &sides.local;
    let mut plan = Plan {
        schema: 1,
        plan_id: String::new(),
        operation: wish.verb,
        reference: text::json_text(sides.reference.as_bytes()),
        ref_bytes: text::extra_bytes(sides.reference.as_bytes()),
        remote: sides.host.as_ref().and_then(|host| host.remote.name.clone()),
        push_url: sides.host.as_ref().map(|host| host.remote.shown_url()),
        expect_remote: sides.expect.map(|id| id.to_string()),
        local_ref: here.head.map(|_| text::json_text(here.branch.as_bytes())),
        local_ref_bytes: here.head.and_then(|_| text::extra_bytes(here.branch.as_bytes())),
        local_head: here.head.map(|id| id.to_string()),
        target: overwrite.unwrap_or(sides.base).to_string(),
        wanted: wanted.iter().map(ToString::to_string).collect(),
        mode: wish.mode,
        mainline: wish.mainline,
        include_mine: wish.include_mine,
        result_tree: prediction.tree.map(|tree| tree.to_string()),
        backup: None,
        commits,
        commits_count: count,
        resolved: wish.resolved.clone(),
        skipped: prediction.skipped.iter().map(ToString::to_string).collect(),
        unpublished: sides.unpublished.clone(),
        conflicts: prediction.conflicts.clone(),
        changes: Changes { files: changes.len(), insertions: lines[0], deletions: lines[1] },
        contained_in,
        worktree,
        host: None,
        warnings: vec![],
    };
    plan.warnings = warn::warnings(&plan, sides.host.as_ref(), &texts, &changes, &ambiguous, &strangers, unseen);
    plan.warnings.extend(warn::folded(sides.folded));
    let local = Some(sides.local).filter(|local| local.head.is_some());
    let mut prepared = Prepared {
        plan,
        scratch,
        host: sides.host,
        local,
        reference: sides.reference,
        expect: sides.expect,
        base: sides.base,
        steps: prediction.steps,
        overwrite,
        resolved,
    };
    prepared.plan.host = match told {
        Some(told) => told.host.clone(),
        None => ask(repository, &prepared)?,
    };
    prepared.plan = sealed(prepared.plan);
    Ok(prepared)
}

fn ask(repository: &Repository, prepared: &Prepared) -> Result<Option<HostVerdict>> {
    if prepared.is_idle() || !prepared.plan.conflicts.is_empty() {
        return Ok(None);
    }
    verdict::ask(repository, prepared)
}

/// A plan's line of a commit.
pub(super) fn plan_commit(commit: &CommitText, mine: Option<&str>) -> PlanCommit {
    PlanCommit {
        id: commit.id.to_string(),
        author: commit.author.clone(),
        subject: text::json_text(message::title(commit.message.as_ref())),
        merge: commit.parents.len() > 1,
        mine: mine == Some(commit.email.as_str()),
    }
}

/// Finds the branch on the host and how the local one stands to it.
fn see_both(
    repository: &Repository,
    scratch: &Scratch,
    wish: &Wish,
    mut local: Local,
    finding: Option<Finding>,
    overwrites: bool,
) -> Result<Sides> {
    let name = local.branch.clone();
    let Some(finding) = finding else {
        let base = local.head.ok_or_else(|| no_branch(&name, "here"))?;
        return Ok(Sides { host: None, reference: name, expect: None, base, unpublished: vec![], folded: 0, local });
    };
    let host = finding.end(repository)?;
    let reference = if host.remote.name.is_some() { upstream(repository, &host, &name) } else { name };
    if let Some(environment) = host.deploying().iter().find(|environment| environment.branch == reference) {
        let message = format!("{} only takes deployments", environment.branch.short());
        return Err(Error::refused("deployments-only", message)
            .hint(format!("to bring {0} back to what it was: git cairn rollback {0}", environment.name)));
    }
    let expect = host.advertised.refs.get(&reference).copied().ok_or_else(|| no_branch(&reference, "on the host"))?;
    scratch.fetch(repository, &host.remote, &host.advertised, std::slice::from_ref(&reference))?;
    if host.remote.name.is_none() {
        // Here the host's branch is the local one: it moves by the push.
        local.head = None;
        local.checkout = None;
    }
    let (mut unpublished, mut folded) = (vec![], 0);
    let mut base = expect;
    if let Some(head) = local.head.filter(|head| *head != expect) {
        let mine = scratch.between(&[expect], &[head])?;
        if !mine.is_empty() {
            let behind = !scratch.between(&[head], &[expect])?.is_empty();
            let texts = scratch.commit_texts(&mine[..mine.len().min(COMMITS_NAMED)], "UTF-8")?;
            let email = repository.config().get("user", "email");
            unpublished = texts.iter().map(|one| plan_commit(one, email.as_deref())).collect();
            let target = reset_target(repository, scratch, wish)?;
            if let Some(target) = target.filter(|_| overwrites) {
                let comes: Vec<_> = scratch.between(&[expect], &[target])?.iter().map(ToString::to_string).collect();
                unpublished.retain(|one| comes.contains(&one.id));
            }
            let has_mine = |target: ObjectId| Ok::<_, Error>(scratch.between(&[target], &[head])?.is_empty());
            if behind && target.map(has_mine).transpose()? == Some(true) {
                // It is built upon the host's: nothing of what is here is missing from what comes of it.
                if !overwrites {
                    folded = mine.len();
                    unpublished.clear();
                }
            } else {
                check_unpublished(&unpublished, mine.len(), &reference, wish.include_mine || overwrites, behind)?;
                base = head;
            }
        }
    }
    Ok(Sides { host: Some(host), reference, expect: Some(expect), base, unpublished, folded, local })
}

/// Returns the commit that a reset goes back to, where one is named already.
fn reset_target(repository: &Repository, scratch: &Scratch, wish: &Wish) -> Result<Option<ObjectId>> {
    if wish.verb != Verb::Reset || wish.words.is_empty() {
        return Ok(None);
    }
    Ok(meant(repository, scratch, &wish.words)?.commits.first().copied())
}

fn check_unpublished(
    commits: &[PlanCommit],
    count: usize,
    branch: &RefName,
    included: bool,
    behind: bool,
) -> Result<()> {
    let what = text::count(count, "commit");
    if behind {
        let message = format!(
            "the host has commits of {0} that you have not, and you have {what} that it has not",
            branch.short()
        );
        return Err(Error::refused("diverged", message).hint("bring yours onto the host's first: git cairn catch-up"));
    }
    if included {
        return Ok(());
    }
    let first: Vec<_> = commits.iter().take(5).map(|one| format!("{} {}", &one.id[..10], one.subject)).collect();
    let message =
        format!("the host lacks {what} of {} that would be published as well: {}", branch.short(), first.join(", "));
    Err(Error::refused("unpublished", message)
        .hint("publish them too with --include-mine, or do it here alone with --no-push"))
}

fn no_branch(name: &RefName, where_: &str) -> Error {
    Error::not_found("no-branch", format!("there is no branch {} {where_}", name.short()))
        .hint("name one with --branch, or push it first")
}

/// Returns the branch of the host that a local one follows; by default the one of its name.
pub(super) fn upstream(repository: &Repository, host: &Host, branch: &RefName) -> RefName {
    let config = repository.config();
    let short = branch.short().to_string();
    let follows = config.get_in("branch", &short, "remote") == host.remote.name;
    let merge = config.get_in("branch", &short, "merge").filter(|_| follows);
    merge.and_then(RefName::new).unwrap_or_else(|| branch.clone())
}

/// Returns what of the person's work is in the way of the files that move: from what the local branch holds.
fn own_work(
    scratch: &Scratch,
    sides: &Sides,
    tree: Option<ObjectId>,
    base_tree: ObjectId,
    changes: &[TreeChange],
) -> Result<Worktree> {
    let (Some(checkout), Some(head), Some(tree)) = (&sides.local.checkout, sides.local.head, tree) else {
        return Ok(Worktree::default());
    };
    if head == sides.base {
        return in_way(scratch, checkout, changes);
    }
    let from = scratch.tree_of(&head)?;
    let wider = if from == base_tree { changes.to_vec() } else { scratch.changed(&from, &tree)? };
    in_way(scratch, checkout, &wider)
}

/// Returns why a plan cannot be carried out, if so: conflicts, the person's work in the way, nothing to do.
pub fn objection(prepared: &Prepared) -> Option<Error> {
    let plan = &prepared.plan;
    let list = |paths: &mut dyn Iterator<Item = String>| paths.take(10).collect::<Vec<_>>().join(", ");
    if !plan.conflicts.is_empty() {
        let paths = list(&mut plan.conflicts.iter().map(|one| format!("{} ({})", one.path, one.kind)));
        let message = format!("later changes collide with it in {paths}; nothing was changed");
        return Some(Error::new(Kind::Conflict, "conflicts", message).hint(
            "resolve them in a work tree of its own with --resolve <dir>, or put everything back to a commit, which \
             never collides: git cairn reset <commit> --as-commit",
        ));
    }
    if prepared.is_idle() {
        let message = "nothing would change: the branch is like this already";
        return Some(Error::new(Kind::Nothing, "nothing-to-do", message));
    }
    if plan.worktree.is_blocked() {
        let own = &plan.worktree;
        let paths = own.staged.iter().chain(&own.unstaged).chain(&own.hidden).map(|path| path.path.clone());
        let mut paths: Vec<_> = paths.collect();
        paths.sort();
        paths.dedup();
        let message = format!("your own changes are in the way: {}", list(&mut paths.into_iter()));
        return Some(Error::refused("own-changes", message).hint("commit or stash them first: git stash"));
    }
    None
}
