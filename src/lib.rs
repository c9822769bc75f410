//! git-cairn: deployments that are marked, backups that are proven, and a way back.
//!
//! ARCHITECTURE.md draws the house. Read it before this.

pub mod audit;
pub mod backup;
pub mod bundle;
pub mod cli;
pub mod deployment;
pub mod element;
pub mod git;
pub mod guard;
pub mod health;
pub mod hook;
pub mod purge;
pub mod queue;
pub mod rescue;
pub mod restore;
pub mod ruling;
pub mod setup;
pub mod site;
pub mod store;
pub mod uncommitted;
pub mod undo;
pub mod worker;

pub mod clock;
pub mod durable;
pub mod error;
pub mod lock;
pub mod os;
pub mod process;
pub mod text;
pub mod turn;
