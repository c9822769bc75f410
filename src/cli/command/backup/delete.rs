//! `git cairn backup delete`.

use super::expire::{own_store, report};
use crate::backup::{Catalog, How, delete, host_store, select};
use crate::cli::arguments::Delete;
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Result};
use crate::git::Place;
use crate::worker::snapshot_lock;
use std::process::ExitCode;

/// Removes one backup before its time; what other backups need of it stays.
pub fn run(place: &Place, what: &Delete, ui: &mut Ui) -> Result<ExitCode> {
    let reason = what.reason.trim();
    if reason.is_empty() {
        return Err(Error::usage("--reason is empty").hint("say why, for whoever looks for the backup one day"));
    }
    let (site, state) = own_store(place)?;
    let _lock = snapshot_lock(&state, clock::parse_span(&what.wait)?)?;
    let store = host_store(&site);
    let catalog = Catalog::read(&store, &site.name)?;
    let id = select(&catalog, &what.backup)?.id.clone();
    report(&delete(catalog, &id, reason, clock::now())?, How::ForGood, ui);
    done()
}
