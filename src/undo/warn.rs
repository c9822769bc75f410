//! What a person should know before they say yes.

use super::Verb;
use super::plan::{Container, Mode, Plan, Worktree};
use crate::deployment::{Host, Warning};
use crate::error::Result;
use crate::git::{CommitText, ObjectId, Scratch, TreeChange};
use crate::text::{and_list, count};

/// The code and the sentence of the warning that shared commits go.
pub(super) const CLONES_UNSEEN: (&str, &str) =
    ("clones-unseen", "other people's clones cannot be seen: whoever has these commits can push them back by mistake");

/// Returns which of the commits are not in the history of what is held, in their order.
pub(super) fn strangers(scratch: &Scratch, held: &ObjectId, commits: &[ObjectId]) -> Result<Vec<ObjectId>> {
    let found = scratch.between(&[*held], commits)?;
    Ok(commits.iter().filter(|commit| found.contains(commit)).copied().collect())
}

/// Returns the warnings of a plan.
pub(super) fn warnings(
    plan: &Plan,
    host: Option<&Host>,
    wanted: &[CommitText],
    changes: &[TreeChange],
    ambiguous: &[String],
    strangers: &[ObjectId],
    unseen: usize,
) -> Vec<Warning> {
    let mut warnings = vec![];
    let mut add = |code: &str, text: String| warnings.push(Warning { code: code.into(), text });
    for text in ambiguous {
        add("ambiguous", text.clone());
    }
    for commit in strangers {
        add("not-an-ancestor", format!("{} is not in the history of this branch", &commit.to_string()[..10]));
    }
    if plan.operation == Verb::Revert && wanted.iter().any(|commit| commit.parents.len() > 1) {
        add("merge-reverted", "merging the same branch again will bring nothing back: revert this revert first".into());
    }
    if plan.operation == Verb::Reset {
        add(
            "code-only",
            "only the code goes back: a database or files that later code has changed stay as they are".into(),
        );
    }
    let others = plan.commits.iter().filter(|commit| !commit.mine).count();
    if others > 0 {
        add("not-yours", format!("{} of them by others", count(others, "commit")));
    }
    if plan.mode == Some(Mode::OverwriteHistory) && plan.commits_count > 0 {
        add(CLONES_UNSEEN.0, CLONES_UNSEEN.1.into());
        if let Some(text) = still_held(plan, host) {
            add("still-held", text);
        }
    }
    if changes.iter().any(|change| [change.old, change.new].into_iter().flatten().any(|(mode, _)| mode == 0o160_000)) {
        add("submodule", "a submodule changes: its folder stays as it is until git submodule update".into());
    }
    if let Some(aside) = kept_aside(&plan.worktree) {
        warnings.push(aside);
    }
    let mut add = |code: &str, text: String| warnings.push(Warning { code: code.into(), text });
    if unseen > 0 {
        let (what, lead) = (count(unseen, "reference"), if unseen == 1 { "leads" } else { "lead" });
        let contain = if unseen == 1 { "it contains" } else { "they contain" };
        add(
            "unseen",
            format!("{what} of the host {lead} to commits that are not here, so what {contain} is not known"),
        );
    }
    if host.is_some_and(|host| !host.speaks) {
        add("silent-host", "the host tells of no site: whether it will take this cannot be known before".into());
    }
    warnings
}

/// How many branches are named.
const NAMED_MAX: usize = 3;

/// What other branches have is no secret that the host could keep away from this one: it bans only what leaves them all.
fn still_held(plan: &Plan, host: Option<&Host>) -> Option<String> {
    host.filter(|host| host.speaks)?;
    let branch = |one: &Container| {
        one.reference.strip_prefix("refs/heads/").map(|short| one.environment.clone().unwrap_or(short.into()))
    };
    // Environments are known by a name each, other branches may be hundreds.
    let (environments, others): (Vec<_>, Vec<_>) = plan.contained_in.iter().partition(|one| one.environment.is_some());
    let mut names: Vec<String> = environments.into_iter().chain(others).filter_map(branch).collect();
    if names.len() > NAMED_MAX + 1 {
        let more = names.split_off(NAMED_MAX).len();
        names.push(format!("{more} more branches"));
    }
    let have = if names.is_empty() {
        return None;
    } else if names.len() == 1 {
        "has"
    } else {
        "have"
    };
    let names = and_list(&names);
    Some(format!("{names} still {have} what goes, so the host will not keep it from coming back to this branch"))
}

/// Returns what to say of files in the way that are kept aside.
pub(super) fn kept_aside(worktree: &Worktree) -> Option<Warning> {
    let aside = worktree.kept_aside().count();
    let text = format!("{} in the way that git does not track will be kept aside", count(aside, "file"));
    (aside > 0).then(|| Warning { code: "kept-aside".into(), text })
}

/// Returns what to say of own commits that become one commit with what is gone back to.
pub(super) fn folded(mine: usize) -> Option<Warning> {
    let text = format!("this one commit stands for {} of yours that the host lacks", count(mine, "commit"));
    (mine > 0).then(|| Warning { code: "folded".into(), text })
}
