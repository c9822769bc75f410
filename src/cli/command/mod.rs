//! One file a command.

pub mod audit;
pub mod backup;
pub mod catch_up;
pub mod complete;
pub mod completions;
pub mod demo;
pub mod deploy;
pub mod deployments;
pub mod doctor;
pub mod guard;
pub mod help;
pub mod hold;
pub mod hook;
pub mod hooks;
pub mod man;
pub mod patch;
pub mod purge;
pub mod rescue;
pub mod resolve;
pub mod restore;
pub mod revert;
pub mod setup;
pub mod status;
pub mod uncommitted;
pub mod undo;
pub mod worker;
