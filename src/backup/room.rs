//! Whether there is room for a backup.

use crate::durable;
use crate::error::{AtPath, Error, Result};
use crate::os;
use crate::site::Site;
use crate::store::Store;
use std::path::Path;

/// Checks that `cairn.reserve` stays free when some `bytes` have been written to the store, and as many to the scratch
/// folder in which they are read back.
///
/// Returns an error that names the place and what it lacks.
pub fn check(site: &Site, store: &dyn Store, scratch: &Path, bytes: u64) -> Result<()> {
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| os::device(&metadata)).at("read", path);
    let shared = device(&site.store)? == device(scratch)?;
    let for_store = if shared { bytes.saturating_mul(2) } else { bytes };
    stays_free(site, &site.store, store.free_bytes()?, for_store)?;
    stays_free(site, scratch, Some(durable::free_bytes(scratch)?), bytes)
}

fn stays_free(site: &Site, place: &Path, free: Option<u64>, bytes: u64) -> Result<()> {
    let Some(free) = free.filter(|free| *free < site.reserve_bytes.saturating_add(bytes)) else { return Ok(()) };
    let [free, needed, reserve] = [free, bytes, site.reserve_bytes].map(crate::text::size);
    let message =
        format!("{} has {free} free; the backup may need {needed}, and cairn.reserve keeps {reserve}", place.display());
    Err(Error::outside("reserve", message)
        .hint("free some room there, or lower the reserve: git config cairn.reserve 500MiB"))
}

/// Returns the bytes of the packs below a folder of objects: what a backup of everything may need.
pub fn pack_bytes(objects: &Path) -> u64 {
    let packs = std::fs::read_dir(objects.join("pack")).into_iter().flatten().flatten();
    let packs = packs.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack"));
    packs.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
