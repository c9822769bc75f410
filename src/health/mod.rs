//! How a host is: what was seen of it, what that means, and what each thing that is wrong is mended with.

mod checks;
mod facts;
mod missing_store;
mod reader;
mod restored;
mod standing;
mod trial;

pub use checks::{Check, Level, checks};
pub use facts::{Facts, gather};
pub use restored::Restored;
pub use standing::{EnvironmentStanding, SiteStanding, standing};
