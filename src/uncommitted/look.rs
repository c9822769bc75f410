//! A look at a whole work tree.

use super::cache::{Cache, Horizon, IndexHeld, Part};
use super::folder::{Shared, Task, Worker};
use super::place::WorkTree;
use super::renames::{self, Side};
use super::similarity::{self, Spans};
use super::{Change, Contents, Kind, New, Seen, repositories, walk};
use crate::durable::Modes;
use crate::error::Result;
use crate::git::{ObjectId, Repository};
use bstr::{BString, ByteSlice};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

/// Contents larger than this are only paired when they are equal, in bytes.
const SIMILAR_BYTES_MAX: u64 = 128 << 20;
/// How many changes a thread takes at a time.
const BATCH: usize = 64;

/// On how many threads something is done, and until when.
type Means = (usize, Option<Instant>);

/// How a look is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder of caches, below the host's git directory, and the modes of what is made in it; without one nothing is
    /// remembered.
    pub cache: Option<(PathBuf, Modes)>,
    /// Whether [`Change::binary`] is told, which reads every change once more.
    pub tells_binary: bool,
    /// When it must be done: what was not looked at by then is in [`Seen::late`].
    pub deadline: Option<Instant>,
}

/// Looks at a work tree and tells how it is not as the commit `base` has it.
///
/// Returns an error where the commit itself cannot be read; what cannot be read in the tree is named in the answer.
pub fn look(host: &Repository, tree: &WorkTree, base: Option<ObjectId>, options: &Options) -> Result<Seen> {
    look_on(host, tree, base, options, walk::threads(), 0)
}

/// The same on so many threads, `depth` repositories below the tree that was named.
pub(super) fn look_on(
    host: &Repository,
    tree: &WorkTree,
    base: Option<ObjectId>,
    options: &Options,
    threads: usize,
    depth: usize,
) -> Result<Seen> {
    let root = base.map(|commit| tree.objects().reader().tree_of(&commit)).transpose()?;
    let kind = tree.objects().kind();
    let place = options.cache.as_ref().map(|(folder, modes)| (Cache::path(folder, tree.path()), *modes));
    let cache = place.as_ref().map(|(path, _)| Cache::read(path, tree.path(), kind)).unwrap_or_default();
    let deadline = options.deadline;
    let known = cache.index().filter(|index| tree.index_stamp() == Some(index.stamp) && root == Some(index.tree));
    match known {
        Some(index) => tree.set_index_holds(index.tree),
        None => tree.read_index()?,
    }
    let listings = place.as_ref().and_then(|_| tree.root().telling());
    let shared = Shared { tree, cache: &cache, horizon: Horizon::now(), listings, deadline };
    let workers = (0..threads).map(|_| Worker::new(&shared)).collect();
    let workers = walk::over(vec![Task::root(tree, root)], workers, Worker::look);
    let mut seen = Seen { base, warnings: tree.warnings().to_vec(), ..Seen::default() };
    let (mut parts, mut inner) = (Vec::new(), Vec::new());
    let held = workers.iter().all(|worker| worker.index_is_base) && seen_all(&workers);
    let held = known.or_else(|| index_held(tree, root, shared.horizon).filter(|_| held));
    for mut worker in workers {
        add(&mut seen, worker.told());
        parts.extend(worker.parts);
        inner.extend(worker.inner);
    }
    if !seen.late.is_empty() {
        // The next look goes on where this one ended.
        parts.extend(cache.others(&parts));
    }
    let is_same = parts.len() == cache.len() && parts.iter().all(|part| matches!(part, Part::Same(_)));
    if let Some((path, modes)) = place.filter(|_| !is_same || held.is_some() && held != cache.index()) {
        let _ = cache.write(&path, tree.path(), kind, (&parts, held), modes);
    }
    repositories::add(host, tree, inner, (depth, deadline), &mut seen);
    if seen.late.is_empty() {
        pair(tree, base, (threads, deadline), &mut seen);
    }
    if options.tells_binary {
        tell_binary(tree, base, (threads, deadline), &mut seen.changes);
    }
    seen.changes.sort_by(|a, b| a.path.cmp(&b.path));
    seen.ignored.sort_by(|a, b| a.path.cmp(&b.path));
    seen.special.sort();
    seen.empty_folders.sort();
    seen.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    seen.late.sort();
    Ok(seen)
}

/// Tells whether every folder was looked at.
fn seen_all(workers: &[Worker<'_>]) -> bool {
    workers.iter().all(|worker| worker.seen.late.is_empty() && worker.seen.unreadable.is_empty())
}

/// What a later look may take for granted of the index, should this one have found in it the base and nothing else.
fn index_held(tree: &WorkTree, root: Option<ObjectId>, horizon: Horizon) -> Option<IndexHeld> {
    let stamp = tree.index_stamp().filter(|stamp| horizon.is_past(stamp))?;
    Some(IndexHeld { stamp, tree: root? })
}

fn add(seen: &mut Seen, part: Seen) {
    seen.changes.extend(part.changes);
    seen.ignored.extend(part.ignored);
    seen.special.extend(part.special);
    seen.empty_folders.extend(part.empty_folders);
    seen.unreadable.extend(part.unreadable);
    seen.late.extend(part.late);
    let new: Vec<_> = part.warnings.into_iter().filter(|warning| !seen.warnings.contains(warning)).collect();
    seen.warnings.extend(new);
}

/// Joins what was deleted here and added there into what was renamed.
fn pair(tree: &WorkTree, base: Option<ObjectId>, means: Means, seen: &mut Seen) {
    let is_old = |change: &Change| change.kind == Kind::Deleted && change.new.is_none() && !change.hidden;
    let is_new = |change: &Change| change.kind == Kind::Added && change.new.is_some() && !change.hidden;
    if !seen.changes.iter().any(is_old) || !seen.changes.iter().any(is_new) {
        return;
    }
    let (mut old, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut seen.changes).into_iter().partition(is_old);
    let (mut new, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_new);
    seen.changes = rest;
    old.sort_by(|a, b| a.path.cmp(&b.path));
    new.sort_by(|a, b| a.path.cmp(&b.path));
    identify(tree, base, means, &mut new);
    let mut reader = tree.objects().reader();
    let deleted: Vec<_> =
        old.iter().filter_map(|change| side(change, change.old.map(|old| (old.mode, old.id)))).collect();
    let added: Vec<_> = new.iter().map(|change| change.new.and_then(|new| Some((new.mode, new.id?)))).collect();
    // What could not be read is paired with nothing.
    let (new, lost): (Vec<_>, Vec<_>) = new.into_iter().zip(added).partition(|(_, state)| state.is_some());
    seen.changes.extend(lost.into_iter().map(|(change, _)| change));
    let added: Vec<_> = new.iter().filter_map(|(change, state)| side(change, *state)).collect();
    let mut new: Vec<_> = new.into_iter().map(|(change, _)| Some(change)).collect();
    let mut contents = tree.contents(base, means.1);
    let mut old_spans: HashMap<usize, Option<(u64, Spans)>> = HashMap::new();
    let mut new_spans: HashMap<usize, Option<(u64, Spans)>> = HashMap::new();
    let found = renames::find(&deleted, &added, |from, to| {
        let size = reader.size(&deleted[from].id).unwrap_or(u64::MAX);
        let lies = new[to].as_ref().and_then(|change| change.new).map_or(0, |new| new.stamp.size);
        if size > SIMILAR_BYTES_MAX || lies > SIMILAR_BYTES_MAX {
            return 0;
        }
        let after = new_spans.entry(to).or_insert_with(|| {
            let mut bytes = Vec::new();
            let told = contents.tell(new[to].as_ref()?, Some(&mut bytes)).ok()?;
            Some((told.size, Spans::of(&bytes, shown_as_text(&mut contents, &added[to].path))))
        });
        let Some(after) = after.as_ref().filter(|after| similarity::may_be(size, after.0)) else { return 0 };
        let before = old_spans.entry(from).or_insert_with(|| {
            let bytes = reader.blob(&deleted[from].id).ok()?;
            Some((bytes.len() as u64, Spans::of(&bytes, shown_as_text(&mut contents, &deleted[from].path))))
        });
        before.as_ref().map_or(0, |before| similarity::score((before.0, &before.1), (after.0, &after.1)))
    });
    if found.gave_up {
        seen.warnings.push("too many files were deleted and added to tell by their content which were renamed".into());
    }
    let mut moved: Vec<Option<Change>> = old.into_iter().map(Some).collect();
    for (from, to, score) in found.pairs {
        if let (Some(old), Some(new)) = (moved[from].take(), new[to].take()) {
            let staged = old.staged || new.staged;
            let similarity = u8::try_from(score * 100 / similarity::SCORE_MAX).ok();
            let from = Some(old.path);
            seen.changes.push(Change { from, similarity, kind: Kind::Renamed, old: old.old, staged, ..new });
        }
    }
    seen.changes.extend(moved.into_iter().flatten());
    seen.changes.extend(new.into_iter().flatten());
}

/// What attributes say of whether a path is text. Where its folder is gone too, they say nothing.
fn shown_as_text(contents: &mut Contents<'_>, path: &BString) -> Option<bool> {
    contents.conversion(path.as_bstr()).ok()?.shown_as_text
}

fn side(change: &Change, state: Option<(u32, ObjectId)>) -> Option<Side> {
    state.map(|(mode, id)| Side { path: change.path.clone(), mode, id })
}

/// Tells the ids of what was added, on all threads.
fn identify(tree: &WorkTree, base: Option<ObjectId>, means: Means, changes: &mut [Change]) {
    each(tree, base, means, changes, |contents, change| {
        if let Some(New { id: None, .. }) = change.new
            && let Ok(told) = contents.tell(change, None)
        {
            change.new = change.new.map(|new| New { id: Some(told.id), stamp: told.stamp, ..new });
        }
    });
}

fn tell_binary(tree: &WorkTree, base: Option<ObjectId>, means: Means, changes: &mut [Change]) {
    each(tree, base, means, changes, |contents, change| {
        change.binary = contents.is_binary(change).unwrap_or(false);
    });
}

fn each(
    tree: &WorkTree,
    base: Option<ObjectId>,
    (threads, deadline): Means,
    changes: &mut [Change],
    act: impl Fn(&mut Contents<'_>, &mut Change) + Sync,
) {
    // Neighbours share a folder, and so what is read of it.
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let batches: Vec<_> = changes.chunks_mut(BATCH).collect();
    let workers = (0..threads.min(batches.len())).map(|_| tree.contents(base, deadline)).collect();
    walk::over(batches, workers, |contents, batch, _| batch.iter_mut().for_each(|change| act(contents, change)));
}
