//! What a push may do: the policy, the facts, the verdict, and how it is told.

mod judge;
mod look;
mod loss;
mod policy;
mod report;
mod steps;
mod tell;
mod words;

pub use judge::{
    Banned, Change, Circumstances, Denied, GitSettings, Objection, Rule, TIPS_MAX, Verdict, Wanted, host_owns, judge,
};
pub use look::{Command, look};
pub use loss::{Loss, loss, staying};
pub use policy::{Demand, Mode, Policy, Protected};
pub use report::report;
pub use steps::to_revert;
pub use tell::{EXPLAINED_MAX, Line, refusal, tolerated};
pub use words::{Announcement, Words};
