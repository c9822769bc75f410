//! Deployments: movements of an environment's branch, numbered in the order they happened, each marked by a tag.

mod anchors;
mod ask;
mod elsewhere;
mod list;
mod order;
mod plan;
mod planned;
mod served;
mod settle;
mod tag;

pub use anchors::anchors;
pub use ask::{Finding, Host, begin_finding, find_any_host, find_host, likely_host, tells};
pub use list::{Deployment, newest_of, of_advertised, of_repository};
pub use order::{Goal, happened};
pub use plan::{Applied, Elsewhere, Operation, Plan, Wish, apply, nothing, plan};
pub use planned::{PlanCommit, Planned, Warning, confirmed, read_plan, sealed, shown_id};
pub use served::{Served, look_at_served, served_environments, served_from};
pub use settle::{Settled, highest_in_store, note, settle_landed, settle_to_tip};
pub use tag::{TagMessage, clean_note};
