//! `git cairn backup expire`.

use crate::backup::{How, Removal, expire, host_store};
use crate::cli::arguments::Expire;
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::error::{Error, Result};
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::site::Site;
use crate::store::LocalStore;
use crate::worker::snapshot_lock;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Removes what is past its retention, or says what that would be.
pub fn run(place: &Place, what: &Expire, ui: &mut Ui) -> Result<ExitCode> {
    let (site, state) = own_store(place)?;
    let how = if what.dry_run { How::DryRun } else { How::ForGood };
    let _lock = snapshot_lock(&state, clock::parse_span(&what.wait)?)?;
    let removal = expire(&host_store(&site), &site.name, clock::now(), how)?;
    report(&removal, how, ui);
    done()
}

/// Opens the site at hand, whose store must be this user's to write.
///
/// Returns [`crate::error::Kind::Unsafe`] where it is not.
pub fn own_store(place: &Place) -> Result<(Site, State)> {
    let repository = Repository::discover(place)?;
    let site = Site::from_config(&repository.config())?;
    LocalStore::existing(&site.store)?;
    let state = State::of(&repository, site.modes);
    if state.is_ours()? {
        return Ok((site, state));
    }
    Err(Error::refused("not-owner", "the store is written by the owner of the repository alone")
        .hint("run this as its owner"))
}

/// Prints what was removed, or would be.
pub fn report(removal: &Removal, how: How, ui: &mut Ui) {
    for note in &removal.notes {
        ui.warn(note);
    }
    if ui.wants_json() {
        let backups: Vec<Value> = removal
            .backups
            .iter()
            .map(|one| json!({"id": one.id, "environment": one.environment, "keep_until": one.keep_until}))
            .collect();
        let dry_run = how == How::DryRun;
        ui.document(&json!({"schema": 1, "removed": backups, "files": removal.files, "dry_run": dry_run}));
        return;
    }
    let did = if how == How::DryRun { "would remove" } else { "removed" };
    for one in &removal.backups {
        ui.result(&format!("{did} {} of {}, kept until {}", one.id, one.environment, clock::local(one.keep_until)));
    }
    for file in &removal.files {
        ui.result(&format!("{did} {file}, which no other backup needs"));
    }
    if removal.backups.is_empty() && removal.files.is_empty() {
        ui.result("nothing to remove");
    }
}
