//! The files by which git runs us, and what stood there before: look, put in place, take away.

mod configured;
mod inspect;
mod known;
mod layout;
mod plan;
mod record;
mod shim;
mod step;

pub use configured::{Configured, configured};
pub use inspect::{Inspected, inspect, try_out};
pub use known::known;
pub(super) use layout::is_gitolites;
pub use layout::{Facts, Forge, Layout, facts};
pub use plan::{InstallPlan, plan_install, plan_template, plan_uninstall};
pub use record::Record;
pub(super) use shim::FOUND;
pub use step::Step;
