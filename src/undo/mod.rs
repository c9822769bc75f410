//! Taking back what was done to a branch: `revert` and `reset`, seen and predicted before anything is touched, carried out
//! on the host first, and noted so that it can be taken back in turn.

mod apply;
mod back;
mod before;
mod build;
mod carry;
mod catch_up;
mod contained;
mod deploys;
mod dropped;
mod files;
mod finish;
mod follow;
mod foresee;
mod halfway;
mod in_way;
mod journal;
mod local;
mod log;
mod message;
mod plan;
mod predict;
mod prepare;
mod resolve;
mod verdict;
mod warn;
mod words;

pub use apply::{Applied, apply};
pub use back::{Taking, Undone, apply as apply_undo, find as find_done, plan as plan_undo};
pub use carry::{Carried, Own, carry, commit, own};
pub use catch_up::{Catching, Caught, apply_catch_up, plan_catch_up};
pub use deploys::{Deployed, deploy};
pub use finish::finish;
pub use journal::{Captured, CapturedFile, Entry, Journal, LocalMove, Name, RemoteMove, State, id_of};
pub use log::{LogLine, log};
pub use message::{of_reset, of_revert};
pub use plan::{Changes, Conflict, Container, HostVerdict, Mode, Plan, WorkPath, Worktree, moved};
pub use prepare::{Prepared, Seen, Wish, objection, prepare, prepare_seen, see};
pub use resolve::Resolution;

use serde::{Deserialize, Serialize};

/// What is done to a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// An environment moves on.
    Deploy,
    /// An environment moves back.
    Rollback,
    /// Commits are taken back by new ones.
    Revert,
    /// A branch goes back to what it was at a commit.
    Reset,
    /// One's own commits are carried onto a branch that was reset.
    CatchUp,
    /// One of the others is taken back.
    Undo,
}

impl Verb {
    /// Returns the word a person types.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Revert => "revert",
            Self::Reset => "reset",
            Self::CatchUp => "catch-up",
            Self::Undo => "undo",
        }
    }
}
