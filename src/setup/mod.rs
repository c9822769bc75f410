//! Making a bare repository a host: look, list what is missing, and do exactly that.

mod apply;
mod look;
mod undo;

pub use apply::apply;
pub use look::{Change, Options, SetupPlan, Standing, WantedEnvironment, look};
pub use undo::{UndoPlan, look_back, undo};
