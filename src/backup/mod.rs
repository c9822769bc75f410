//! Backups: made, listed, named, handed out and verified.

mod catalog;
mod create;
mod get;
mod id;
mod manifest;
mod prove;
mod record;
mod remove;
mod repair;
mod retention;
mod room;
mod select;
mod store_layout;
mod tombstone;
mod verify;

pub use catalog::{Catalog, Entry, Names, newest, read_manifest, refs_of};
pub use create::{
    Edits, PATIENCE, Progress, Request, create, ensure_store, host_store, id_of_living, is_gone, sweep_leftovers,
};
pub use get::{Assembled, CaptureForm, Get, assemble_capture, get, get_capture, init_bare};
pub use id::BackupId;
pub use manifest::{HookFile, Initiator, Manifest, Others, Previous, RepositoryRecord, SiteRecord, Symref};
pub use prove::{has_problem, how_proven, is_proven, is_proven_id, prove};
pub use record::names_secret;
pub use remove::{How, Removal, delete, expire, expired};
pub use repair::{may_be_repaired, repair};
pub use select::select;
pub use store_layout::{StoreSite, Tenant, keys, restore_guide};
pub use tombstone::{Reason, Tombstone, removed};
pub use verify::{Checked, Record, Verification, verify};
