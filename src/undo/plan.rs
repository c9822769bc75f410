//! What a revert or a reset would do, as one document.

use super::Verb;
use crate::deployment::{PlanCommit, Planned, Warning};
use crate::error::{Error, Kind};
use crate::git::RefName;
use crate::text;
use serde::{Deserialize, Serialize};

/// How a reset is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One new commit whose tree is that of the commit gone back to.
    AsCommit,
    /// The branch moves back, and the host drops what came after.
    OverwriteHistory,
}

/// What would be done, and everything it was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Always 1.
    pub schema: u32,
    /// SHA-256 of the plan's JSON with this field empty.
    pub plan_id: String,
    /// Revert, reset, catch up or undo.
    pub operation: Verb,
    /// The full name of the branch on the host; without a push, of the local one.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ref_bytes: Option<String>,
    /// The remote's name in this clone.
    pub remote: Option<String>,
    /// Where the push goes, without a password; null: nothing is pushed.
    pub push_url: Option<String>,
    /// What the host has there now.
    pub expect_remote: Option<String>,
    /// The full name of the local branch, where there is one that follows.
    pub local_ref: Option<String>,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub local_ref_bytes: Option<String>,
    /// What the local branch holds.
    pub local_head: Option<String>,
    /// The commit that is built upon, or for a history overwritten the one the branch is to hold.
    pub target: String,
    /// The commits to revert, in their order; or the one to go back to.
    pub wanted: Vec<String>,
    /// How a reset is done.
    pub mode: Option<Mode>,
    /// Which parent of a merge is kept.
    pub mainline: Option<u32>,
    /// Whether local commits that the host lacks are published too.
    pub include_mine: bool,
    /// The last of the commits that came of resolving conflicts, where that was done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resolved: Option<String>,
    /// The tree that the branch will have; null where changes collide.
    pub result_tree: Option<String>,
    /// The backup that is made first.
    pub backup: Option<String>,
    /// The commits that are reverted, or that go; the first fifty.
    pub commits: Vec<PlanCommit>,
    /// How many there are.
    pub commits_count: usize,
    /// Commits whose revert changes nothing, and that are left out.
    pub skipped: Vec<String>,
    /// Local commits that the host lacks, newest first, the first fifty.
    pub unpublished: Vec<PlanCommit>,
    /// Files in which changes collide.
    pub conflicts: Vec<Conflict>,
    /// What the branch's files become.
    pub changes: Changes,
    /// What else has the commits that are reverted or go.
    pub contained_in: Vec<Container>,
    /// What of the person's own work is in the way.
    pub worktree: Worktree,
    /// What the host says of the plan; null where it was not asked.
    pub host: Option<HostVerdict>,
    /// What the person should know.
    pub warnings: Vec<Warning>,
}

impl Planned for Plan {
    fn plan_id(&self) -> &str {
        &self.plan_id
    }

    fn with_id(self, plan_id: String) -> Self {
        Self { plan_id, ..self }
    }

    fn deed(&self) -> String {
        let name = RefName::new(self.reference_bytes());
        let branch = name.map_or(self.reference.clone(), |name| name.short().to_string());
        match (self.operation, self.mode) {
            (Verb::Reset, Some(Mode::OverwriteHistory)) => format!("overwrite the history of {branch}"),
            (verb, _) => format!("{} {branch}", verb.word()),
        }
    }
}

impl Plan {
    /// Returns the bytes of the branch's full name.
    pub fn reference_bytes(&self) -> Vec<u8> {
        text::from_json(&self.reference, self.ref_bytes.as_deref()).unwrap_or_default()
    }

    /// Returns the bytes of the local branch's full name.
    pub fn local_reference_bytes(&self) -> Option<Vec<u8>> {
        text::from_json(self.local_ref.as_deref()?, self.local_ref_bytes.as_deref())
    }
}

/// A file in which changes collide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its path.
    pub path: String,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_bytes: Option<String>,
    /// git's word for it, such as `contents` or `modify/delete`.
    pub kind: String,
    /// The commit whose revert collides.
    pub commit: Option<String>,
}

/// What becomes of the branch's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// How many files change.
    pub files: usize,
    /// Lines that come.
    pub insertions: usize,
    /// Lines that go.
    pub deletions: usize,
}

/// A reference of the host, or with no push of this clone, that has commits that are reverted or go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its full name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ref_bytes: Option<String>,
    /// The environment whose branch it is.
    pub environment: Option<String>,
    /// The commit it leads to.
    pub id: String,
}

/// A path of the person's own work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkPath {
    /// The path, from the top of the work tree.
    pub path: String,
    /// Its bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_bytes: Option<String>,
}

impl WorkPath {
    /// Makes one of the path's bytes.
    pub fn new(path: &[u8]) -> Self {
        Self { path: text::json_text(path), path_bytes: text::extra_bytes(path) }
    }

    /// Returns the path's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        text::from_json(&self.path, self.path_bytes.as_deref()).unwrap_or_default()
    }
}

/// The person's own work that stands where the plan writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worktree {
    /// Changes in the index.
    pub staged: Vec<WorkPath>,
    /// Changes that are not.
    pub unstaged: Vec<WorkPath>,
    /// Files that git does not track; they are kept aside.
    pub untracked_in_way: Vec<WorkPath>,
    /// Files that git ignores; they are kept aside.
    pub ignored_in_way: Vec<WorkPath>,
    /// Changes that `assume-unchanged` or `skip-worktree` hide.
    pub hidden: Vec<WorkPath>,
}

impl Worktree {
    /// Tells whether work stands in the way that cannot be kept aside, because git tracks the file.
    pub fn is_blocked(&self) -> bool {
        !(self.staged.is_empty() && self.unstaged.is_empty() && self.hidden.is_empty())
    }

    /// Returns the files that are kept aside.
    pub fn kept_aside(&self) -> impl Iterator<Item = &WorkPath> {
        self.untracked_in_way.iter().chain(&self.ignored_in_way)
    }
}

/// What the host answered to `cairn.check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostVerdict {
    /// `accepted`, `refused`, or `unknown` where it gave no answer that we know.
    pub verdict: String,
    /// The rule it would refuse by.
    pub rule: Option<String>,
    /// Whether it keeps what is dropped.
    pub rescue: Option<bool>,
}

/// What a plan ends with that is carried out after something moved; `hint` says how to make a new one.
pub fn moved(hint: impl Into<String>) -> Error {
    Error::new(Kind::Moved, "moved", "something moved since the plan was made; nothing was changed").hint(hint)
}
