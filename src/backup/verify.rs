//! Reading a backup back: every digest, every object, every reference.

use super::catalog::read_refs;
use super::{BackupId, Catalog, Entry, Manifest, Previous, Tenant, Tombstone, keys, removed};
use crate::element::code::{Examiner, Proof, Proven, Segment};
use crate::error::{Error, Kind, Result};
use crate::git::{Membership, PackIndex};
use crate::lock;
use crate::queue::State;
use crate::store::read_whole;
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// What was found about one file of one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The backup.
    pub backup: String,
    /// The file, relative to the site's folder.
    pub file: String,
    /// What is wrong with it; `None`: nothing.
    pub problem: Option<String>,
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verification {
    /// Every file that was read, good or bad.
    pub checked: Vec<Checked>,
    /// Backups, or files, that could not be looked at, and why; they may be whole.
    pub not_looked_at: Vec<String>,
}

/// Whether the time of this verification is kept in the store.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// In the proof beside each segment that was found whole.
    Kept(&'a State),
    /// Nowhere: the store is somebody else's, or a copy.
    Forgotten,
}

/// Verifies backups; a segment that several share is read once. What is damaged is told and left as it is, and what
/// cannot be looked at stops nothing else.
///
/// Returns an error only for what prevents any look.
pub fn verify(
    catalog: &Catalog<'_>,
    entries: &[&Entry],
    record: Record<'_>,
    scratch: &Path,
    now: Timestamp,
) -> Result<Verification> {
    let mut verifier = Verifier { catalog, record, scratch, now, seen: HashMap::new(), found: Verification::default() };
    if let Some(newest) = entries.first() {
        let tenant = Tenant::read(catalog.store, &catalog.site).map(drop);
        verifier.tell(&newest.id, "site.json".into(), tenant.as_ref());
    }
    for entry in entries {
        if let Err(error) = verifier.backup(entry) {
            verifier.found.not_looked_at.push(format!("backup {}: {error}", entry.id));
        }
    }
    if entries.len() == catalog.entries.len() {
        for id in removed(catalog.store, &catalog.site)? {
            let tombstone = Tombstone::read(catalog.store, &catalog.site, &id);
            verifier.tell(&id, format!("tombstones/{id}.json"), tombstone.as_ref());
        }
    }
    Ok(verifier.found)
}

struct Verifier<'a, 'b> {
    catalog: &'a Catalog<'b>,
    record: Record<'a>,
    scratch: &'a Path,
    now: Timestamp,
    /// What was found of each segment that was read, by file and digest.
    seen: HashMap<(String, String), SegmentFindings>,
    found: Verification,
}

/// What was found of one segment.
#[derive(Clone)]
struct SegmentFindings {
    /// Its index, where it is whole.
    index: Option<PackIndex>,
    /// The segment's files and what is wrong with them.
    files: Vec<(String, Option<String>)>,
}

impl Verifier<'_, '_> {
    /// Adds a finding, or what prevented it.
    fn tell<T>(&mut self, backup: &BackupId, file: String, result: Result<T, &Error>) {
        match problem(result.map(drop)) {
            Ok(problem) => self.found.checked.push(Checked { backup: backup.to_string(), file, problem }),
            Err(error) => self.found.not_looked_at.push(format!("{file} of backup {backup}: {error}")),
        }
    }

    fn backup(&mut self, entry: &Entry) -> Result<()> {
        let id = &entry.id;
        let folder = format!("backups/{id}");
        let manifest = match &entry.manifest {
            Ok(manifest) => manifest,
            Err(error) => {
                self.tell::<()>(id, format!("{folder}/manifest.json"), Err(error));
                return Ok(());
            }
        };
        self.tell(id, format!("{folder}/manifest.json"), Ok(()));
        self.previous(manifest);
        let sums = self.sums(manifest);
        self.tell(id, format!("{folder}/SHA256SUMS"), sums.as_ref());
        let refs = read_refs(self.catalog.store, &self.catalog.site, manifest);
        self.tell(id, format!("{folder}/refs"), refs.as_ref());
        let mut indexes: Vec<PackIndex> = Vec::new();
        for segment in &manifest.segments {
            let findings = self.segment(manifest, segment, &indexes)?;
            indexes.extend(findings.index);
            for (file, problem) in findings.files {
                self.found.checked.push(Checked { backup: id.to_string(), file, problem });
            }
        }
        let whole = indexes.len() == manifest.segments.len();
        if let (Ok(list), true) = (&refs, whole)
            && let Some(tip) = list.tips().iter().find(|tip| !indexes.as_slice().holds(tip))
        {
            let missing = Error::damaged("refs", format!("no segment holds {tip}, which a reference names"));
            self.tell::<()>(id, format!("{folder}/refs"), Err(&missing));
        }
        self.capture(manifest, &indexes)
    }

    /// Reads the bundle of captured edits, which stands upon the segments.
    fn capture(&mut self, manifest: &Manifest, indexes: &[PackIndex]) -> Result<()> {
        let Some(bundle) = manifest.capture() else { return Ok(()) };
        for (file, problem) in self.segment(manifest, bundle, indexes)?.files {
            self.found.checked.push(Checked { backup: manifest.id.to_string(), file, problem });
        }
        Ok(())
    }

    /// The backup that this one names as the one before it must be there, and the same.
    fn previous(&mut self, manifest: &Manifest) {
        let Some(previous) = &manifest.previous else { return };
        let entry = self.catalog.entries.iter().find(|entry| entry.id == previous.id);
        if entry.is_none() && self.removed(previous) {
            return;
        }
        let lost = match entry.map(|entry| &entry.manifest) {
            None => "it is missing, and the next backup names it",
            Some(Ok(found)) if found.digest != previous.digest => "it is not the one that the next backup names",
            // One that cannot be read is told where it stands.
            Some(_) => return,
        };
        let file = format!("backups/{}/manifest.json", previous.id);
        self.tell::<()>(&previous.id, file, Err(&Error::damaged("manifest", lost)));
    }

    /// Tells whether a backup was removed on purpose, and says what is wrong with what stayed of it.
    fn removed(&mut self, previous: &Previous) -> bool {
        let tombstone = Tombstone::read(self.catalog.store, &self.catalog.site, &previous.id);
        let tombstone = tombstone.and_then(|found| match found {
            Some(found) if found.manifest != previous.digest => {
                Err(Error::damaged("tombstone", "it is not of the backup that the next one names"))
            }
            found => Ok(found),
        });
        if matches!(tombstone, Ok(None)) {
            return false;
        }
        if let Err(error) = tombstone {
            self.tell::<()>(&previous.id, format!("tombstones/{}.json", previous.id), Err(&error));
        }
        true
    }

    fn sums(&self, manifest: &Manifest) -> Result<()> {
        let key = |file| keys::of_backup(&self.catalog.site, &manifest.id, file);
        let bytes = read_whole(self.catalog.store, &key("manifest.json")?)?;
        if read_whole(self.catalog.store, &key("SHA256SUMS")?)? == manifest.sums(&bytes).as_bytes() {
            return Ok(());
        }
        Err(Error::damaged("sums", "it does not say what the manifest says"))
    }

    /// Reads a segment, and what is kept beside it.
    fn segment(&mut self, manifest: &Manifest, segment: &Segment, before: &[PackIndex]) -> Result<SegmentFindings> {
        let known = (segment.file.clone(), segment.sha256.clone());
        if let Some(findings) = self.seen.get(&known) {
            return Ok(findings.clone());
        }
        let (store, site) = (self.catalog.store, self.catalog.site.as_str());
        let kind = manifest.hash_kind()?;
        let examiner = Examiner { store, site, kind, scratch: self.scratch, now: self.now };
        let proven = examiner.examine(segment, before);
        let wrong = problem(proven.as_ref().map(drop))?;
        let mut files = vec![(segment.file.clone(), wrong)];
        if let Ok(proven) = &proven {
            let index = problem(proven.proof.check_index(store, site).as_ref().map(drop))?;
            let proof = self.proof(segment, proven)?;
            if (&index, &proof) == (&None, &None) {
                self.keep(segment, &proven.proof)?;
            }
            files.extend([(segment.index_file(), index), (segment.proof_file(), proof)]);
        } else if let (Some(problem), Some(known)) = (&files[0].1, Proof::of(store, site, segment)?) {
            // So that the next backup does not build upon it.
            self.keep(segment, &known.refuted(problem.clone()))?;
        }
        let findings = SegmentFindings { index: proven.ok().map(|proven| proven.index), files };
        self.seen.insert(known, findings.clone());
        Ok(findings)
    }

    /// Keeps what was found of a segment. Only whoever holds the lock writes to the store; where it is taken, what is kept
    /// stays as it was.
    fn keep(&self, segment: &Segment, proof: &Proof) -> Result<()> {
        let Record::Kept(state) = self.record else { return Ok(()) };
        match lock::take(&state.lock_path("snapshot"), state.modes().file, Duration::ZERO) {
            Ok(_lock) => proof.keep(self.catalog.store, &self.catalog.site, segment),
            Err(_) => Ok(()),
        }
    }

    /// Says what is wrong with the proof that is kept: it must say what was just found.
    fn proof(&self, segment: &Segment, proven: &Proven) -> Result<Option<String>> {
        let kept = Proof::of(self.catalog.store, &self.catalog.site, segment)?;
        Ok(match kept {
            None => Some("it is missing, or no proof of this segment".into()),
            Some(kept) if kept.agrees_with(&proven.proof) => None,
            Some(_) => Some("it does not say what the segment holds".into()),
        })
    }
}

/// Turns damage into a finding, and passes on what prevents looking.
fn problem(result: Result<(), &Error>) -> Result<Option<String>> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if matches!(error.kind(), Kind::Damaged | Kind::NotFound) => Ok(Some(error.to_string())),
        Err(error) => Err(Error::new(error.kind(), error.code(), error.to_string())),
    }
}
