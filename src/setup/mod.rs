//! Making a bare repository a host: look, list what is missing, and do exactly that.

mod apply;
mod begin;
mod config_file;
mod first_push;
mod look;
mod template;
mod undo;

pub use apply::{apply, first_backup, make_ready};
pub use begin::begin;
pub use config_file::{ConfigFile, Setting};
pub use first_push::at_first_push;
pub use look::{
    Change, NOT_BARE, Options, SetupPlan, Standing, WantedEnvironment, check_host, default_store, look, lost_hooks,
    new_id,
};
pub use template::Template;
pub use undo::{UndoPlan, look_back, undo};
