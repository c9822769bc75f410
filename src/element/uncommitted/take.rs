//! Taking a capture: the files of a work tree into a commit of a scratch repository, beside the host and the tree.

use super::read::{Reading, read};
use super::{CapturedRef, LeftOut, Pending, Uncommitted, capture_ref, inside};
use crate::bundle::Header;
use crate::clock;
use crate::durable::Modes;
use crate::error::{AtPath, Error, Result};
use crate::git::{self, ObjectId, Overlay, RefName, Repository, Signature};
use crate::os;
use crate::site::CaptureRules;
use crate::uncommitted::{Change, Kept, New, Seen, WorkTree};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tempfile::TempDir;

/// How often a tree that changes while it is read is read again.
const READS_MAX: usize = 4;

/// What is taken, and by which rules.
pub struct Take<'a> {
    /// The host's repository.
    pub host: &'a Repository,
    /// The environment.
    pub environment: &'a str,
    /// What may be in it; `None`: everything, however large.
    pub rules: Option<&'a CaptureRules>,
    /// When it must be done; what is not read by then is left out.
    pub deadline: Option<Instant>,
    /// Whether what ignore rules hide is taken too.
    pub ignored: bool,
    /// A folder for files that are needed only meanwhile.
    pub scratch: &'a Path,
    /// Returns the name of a user.
    pub user: &'a dyn Fn(u32) -> String,
}

/// A capture in a repository of a moment.
pub struct Taken {
    scratch: Overlay,
    /// What is known of it.
    pub record: Uncommitted,
    refs: Vec<(RefName, ObjectId)>,
    _folder: TempDir,
}

/// Takes a capture of what `seen` found. `look` looks again: a tree that is not the same after it was read is read again.
///
/// Returns `None` where there is nothing to take.
pub fn take(
    what: &Take<'_>,
    tree: &WorkTree,
    seen: Seen,
    look: &mut dyn FnMut() -> Result<Seen>,
) -> Result<Option<Taken>> {
    let (mut seen, mut before) = (seen, None);
    for attempt in 1.. {
        if !holds_something(what, &seen) {
            return Ok(None);
        }
        let folder = tempfile::tempdir_in(what.scratch).at("make a folder in", what.scratch)?;
        let others = object_folders(what.host, tree, &seen);
        let scratch = Overlay::new(&folder.path().join("taken.git"), what.host.hash_kind(), &others)?;
        let last = attempt >= READS_MAX || what.is_late();
        let reading = read(what, tree, &seen, &scratch, last)?;
        let again = if what.is_late() { None } else { Some(look()?) };
        let read = Read { seen, reading, scratch, folder };
        match (again.filter(|again| again.late.is_empty()), before.take()) {
            (Some(again), _) if !last && (read.reading.moved || !same(&read.seen, &again)) => {
                seen = again;
                before = Some(read);
            }
            // What was read in time is more than what this time was not.
            (None, Some(before)) => return finish(what, tree, before, Some(false)).map(Some),
            (again, _) => {
                let settled = again.map(|again| !read.reading.moved && same(&read.seen, &again));
                return finish(what, tree, read, settled).map(Some);
            }
        }
    }
    Ok(None)
}

/// What was seen, and read into a repository of a moment.
struct Read {
    seen: Seen,
    reading: Reading,
    scratch: Overlay,
    folder: TempDir,
}

fn holds_something(what: &Take<'_>, seen: &Seen) -> bool {
    !seen.changes.is_empty() || what.ignored && !seen.ignored.is_empty()
}

impl Take<'_> {
    /// Tells whether its time is over.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Tells whether two looks saw the same; one may know the id of a content that the other did not need.
fn same(one: &Seen, other: &Seen) -> bool {
    let known = |change: &Change| Change { new: change.new.map(|new| New { id: None, ..new }), ..change.clone() };
    let alike = |(a, b): (&Change, &Change)| known(a) == known(b);
    one.base == other.base
        && one.late == other.late
        && one.changes.len() == other.changes.len()
        && one.changes.iter().zip(&other.changes).all(alike)
        && one.ignored == other.ignored
}

/// The folders of objects that the capture may refer to: the host's, the served clone's, those of repositories inside it.
pub(super) fn object_folders(host: &Repository, tree: &WorkTree, seen: &Seen) -> Vec<PathBuf> {
    let mut folders = vec![host.objects_dir()];
    if let Kept::Clone(git_dir) = tree.kept() {
        folders.push(git_dir.join("objects"));
    }
    let mut waiting: Vec<&Change> = seen.changes.iter().collect();
    while let Some(change) = waiting.pop() {
        if let Some(nested) = &change.repository {
            folders.push(inside::objects_of(&nested.git_dir));
            waiting.extend(&nested.inside);
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.dedup();
    folders
}

fn finish(what: &Take<'_>, tree: &WorkTree, read: Read, settled: Option<bool>) -> Result<Taken> {
    let Read { seen, reading, scratch, folder } = read;
    let unnameable = || Error::usage(format!("{} is no name for an environment", what.environment));
    let name = capture_ref(what.environment).ok_or_else(unnameable)?;
    let mut left_out = reading.left_out;
    let (written, refused) = scratch.write_tree(seen.base.as_ref(), &reading.gone, &reading.come)?;
    left_out.extend(refused.iter().map(|path| LeftOut::new(path.as_bytes(), None, super::Why::Name)));
    let message = format!(
        "uncommitted edits of {}\n\nThe work tree {} as it was, on top of the commit it stood on.",
        what.environment,
        tree.path().display()
    );
    let by = signature(what, reading.newest);
    let commit = scratch.write_commit(&written, seen.base.as_slice(), &by, &message)?;
    let mut refs = vec![(name.clone(), commit)];
    let mut noted = vec![CapturedRef::new(&name, &commit, b"", true).of_files(Some(&written))];
    let mut filters = reading.filters;
    for one in inside::take_all(what, tree, &seen, &scratch, &mut left_out, &mut filters) {
        noted.push(CapturedRef::new(&one.name, &one.id, &one.path, one.tree).of_files(one.files.as_ref()));
        refs.push((one.name, one.id));
    }
    let record = Uncommitted {
        changes: seen.changes.len(),
        base: seen.base.map(|base| base.to_string()),
        commit: Some(commit.to_string()),
        taken_at: Some(clock::now()),
        settled,
        refs: noted,
        filters: filters.iter().map(|filter| crate::text::json_text(filter)).collect(),
        ..Uncommitted::default()
    };
    Ok(Taken { scratch, record: record.leaving_out(left_out), refs, _folder: folder })
}

/// Who made the last edit, and when.
pub(super) fn signature(what: &Take<'_>, newest: Option<(i64, u32)>) -> Signature {
    let (seconds, owner) = newest.unwrap_or_else(|| (clock::now().as_second(), os::user()));
    let name = (what.user)(owner);
    let host = os::host_name();
    Signature { email: format!("{name}@{host}"), name, seconds }
}

impl Taken {
    /// Returns the repository that has the capture, and all it stands upon.
    pub fn repository(&self) -> &Repository {
        self.scratch.repository()
    }

    /// Returns the commit that holds the tree.
    pub fn commit(&self) -> Option<ObjectId> {
        self.refs.first().map(|(_, id)| *id)
    }

    /// Keeps it under `token` in the folder `captures` until a backup takes it.
    pub fn keep(
        self,
        host: &Repository,
        captures: &Path,
        token: &str,
        modes: Modes,
        environment: &str,
    ) -> Result<Pending> {
        let mut tips: Vec<ObjectId> = self.refs.iter().map(|(_, id)| *id).collect();
        tips.sort_unstable();
        tips.dedup();
        let repository = self.scratch.repository();
        tips.retain(|tip| !host.contains(tip));
        let prerequisites = git::boundary(repository, &tips, |id| host.contains(id))?;
        let packs = repository.git_dir().join("kept");
        std::fs::create_dir(&packs).at("create the folder", &packs)?;
        let files = git::make_pack(repository, &tips, &prerequisites, &packs)?;
        let head = self.commit().map(|commit| (RefName::head(), commit));
        let refs = head.into_iter().chain(self.refs).collect();
        let header = Header::new(repository.hash_kind(), prerequisites, refs);
        Pending::write(captures, token, modes, environment, self.record, (&header, &files.pack))
    }
}
