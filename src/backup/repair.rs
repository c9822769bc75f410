//! Mending what can be made again from what is whole: indexes, proofs, lists of digests, whose store it is.

use super::prove::before;
use super::{Catalog, Checked, Manifest, Tenant, keys};
use crate::element::code::{Examiner, Segment};
use crate::error::Result;
use crate::store::{Key, read_whole};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// Mends what a verification found damaged, where that can be made again, and returns the files. The snapshot lock must be
/// held; `tenant` is whose store this is.
///
/// Whether all is whole then, only another verification tells.
pub fn repair(
    catalog: &Catalog<'_>,
    checked: &[Checked],
    tenant: &Tenant,
    scratch: &Path,
    now: Timestamp,
) -> Result<Vec<String>> {
    let damaged: BTreeSet<&str> =
        checked.iter().filter(|one| one.problem.is_some()).map(|one| one.file.as_str()).collect();
    let mut mended = BTreeSet::new();
    if damaged.contains("site.json") {
        tenant.write(catalog.store)?;
        mended.insert("site.json".to_owned());
    }
    for manifest in catalog.good() {
        let sums = format!("backups/{}/SHA256SUMS", manifest.id);
        if damaged.contains(sums.as_str()) {
            let key = |file| keys::of_backup(&catalog.site, &manifest.id, file);
            let bytes = read_whole(catalog.store, &key("manifest.json")?)?;
            catalog.store.replace(&key("SHA256SUMS")?, manifest.sums(&bytes).as_bytes())?;
            mended.insert(sums);
        }
        // Oldest first: a segment is held against the indexes of those before it.
        for (place, segment) in manifest.bundles().enumerate() {
            let files = [segment.index_file(), segment.proof_file()];
            let needed = files.iter().any(|file| damaged.contains(file.as_str()) && !mended.contains(file));
            if needed && examine_anew(catalog, manifest, (place, segment), scratch, now)? {
                mended.extend(files.into_iter().filter(|file| damaged.contains(file.as_str())));
            }
        }
    }
    Ok(mended.into_iter().collect())
}

/// Tells whether some of what a verification found damaged may be made again by [`repair`], because what it is made from was
/// found whole.
pub fn may_be_repaired(checked: &[Checked]) -> bool {
    let damaged: BTreeSet<&str> =
        checked.iter().filter(|one| one.problem.is_some()).map(|one| one.file.as_str()).collect();
    damaged.iter().any(|file| {
        let of_a_segment = [".idx", ".proof.json"].iter().find_map(|ending| file.strip_suffix(ending));
        let whole = of_a_segment.is_some_and(|stem| !damaged.contains(format!("{stem}.bundle").as_str()));
        whole || *file == "site.json" || file.ends_with("/SHA256SUMS")
    })
}

/// Reads a segment and keeps its index and proof anew; `false` where it is damaged itself.
fn examine_anew(
    catalog: &Catalog<'_>,
    manifest: &Manifest,
    (place, segment): (usize, &Segment),
    scratch: &Path,
    now: Timestamp,
) -> Result<bool> {
    let (store, site) = (catalog.store, catalog.site.as_str());
    let examiner = Examiner { store, site, kind: manifest.hash_kind()?, scratch, now };
    let before = before(&examiner, &manifest.segments[..place]);
    let Ok(proven) = before.and_then(|before| examiner.examine(segment, &before)) else { return Ok(false) };
    store.remove(&Key::new(format!("{site}/{}", segment.index_file()))?)?;
    proven.keep(store, site, segment)?;
    Ok(true)
}
