//! Making a bare repository a host: look, list what is missing, and do exactly that.

mod apply;
mod config_file;
mod look;
mod undo;

pub use apply::{apply, first_backup};
pub use config_file::{ConfigFile, Setting};
pub use look::{Change, Options, SetupPlan, Standing, WantedEnvironment, check_host, default_store, look};
pub use undo::{UndoPlan, look_back, undo};
