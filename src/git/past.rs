//! Commits, trees and the way from one to the other, read in this process: what `git rev-list`, `git log` and
//! `git diff-tree` say of them, without a process for each question.

use super::objects::missing;
use super::{HashKind, ObjectId, ObjectReader, Objects, RawCommit, Repository, TreeChange, TreeEntry};
use crate::error::{AtPath, Error, Result};
use bstr::{BString, ByteSlice};
use gix::hashtable::HashMap;
use gix::objs::{Kind, Write as _};
use std::cell::{OnceCell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet};
use std::path::Path;
use std::rc::Rc;
use tempfile::TempDir;

/// How many commits git still looks at after the last that counts, for clocks that went wrong (`SLOP` in revision.c).
const SLOP: usize = 5;
/// How many trees that were read are remembered.
const TREES_MAX: usize = 256;

/// Objects of a repository and of what lies beside it, and the history in them as git's walks see it.
pub(super) struct Past {
    reader: RefCell<ObjectReader>,
    /// Where lies what the repository has not; made when something is to lie there.
    aside: OnceCell<TempDir>,
    /// Opened when something is looked for there.
    aside_reader: OnceCell<RefCell<ObjectReader>>,
    /// Trees and blobs as they are written that are to lie there before anybody else looks.
    unwritten: RefCell<Vec<(Kind, Vec<u8>)>>,
    kind: HashKind,
    /// Parents and times without reading the commits, where git wrote that down (git-commit-graph(1)).
    graph: Option<gix::commitgraph::Graph>,
    /// The commits whose parents a shallow repository has not.
    cut: HashSet<ObjectId>,
    known: RefCell<HashMap<ObjectId, Rc<Node>>>,
    /// Trees that were made, and some that were read: one question after the other asks for the same few.
    trees: RefCell<HashMap<ObjectId, Rc<Vec<TreeEntry>>>>,
    /// Blobs that were made.
    blobs: RefCell<HashMap<ObjectId, Vec<u8>>>,
}

/// What a walk needs of a commit.
struct Node {
    parents: Vec<ObjectId>,
    time: u64,
}

/// What a walk knows of a commit.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// It was put in the queue.
    seen: bool,
    /// Its parents were.
    added: bool,
    /// It does not count.
    not: bool,
}

/// The commits to be looked at: the youngest first, of the same age the one that came first.
type Queue = BinaryHeap<(u64, Reverse<usize>, ObjectId)>;

impl Past {
    /// Makes one of a repository, with nothing aside.
    pub(super) fn new(repository: &Repository) -> Self {
        let list = std::fs::read(repository.common_dir().join("shallow")).unwrap_or_default();
        let cut: HashSet<_> = list.lines().filter_map(|line| ObjectId::from_hex(line).ok()).collect();
        let kind = repository.hash_kind();
        // What it says of parents a cut makes untrue.
        let graph = if cut.is_empty() {
            gix::commitgraph::Graph::at(&repository.objects_dir().join("info"), kind, None).ok()
        } else {
            None
        };
        let reader = RefCell::new(repository.object_reader());
        Self {
            reader,
            aside: OnceCell::new(),
            aside_reader: OnceCell::new(),
            unwritten: RefCell::default(),
            kind,
            graph,
            cut,
            known: RefCell::default(),
            trees: RefCell::default(),
            blobs: RefCell::default(),
        }
    }

    /// Returns the folder aside, in which all lies that was made.
    pub(super) fn folder(&self) -> Result<&Path> {
        if self.aside.get().is_none() {
            let folder = tempfile::Builder::new().prefix("cairn-").tempdir();
            let _ = self.aside.set(folder.at("make a folder in", &std::env::temp_dir())?);
        }
        let folder = self.aside.get().expect("it was made").path();
        let store = gix::odb::loose::Store::at(folder, self.kind);
        for (kind, bytes) in self.unwritten.take() {
            store.write_buf(kind, &bytes).map_err(|error| {
                Error::outside("cannot-write", format!("cannot write to {}: {error}", folder.display()))
                    .hint("is its disk full? another folder is taken where TMPDIR names one")
            })?;
        }
        Ok(folder)
    }

    fn aside(&self) -> Option<&RefCell<ObjectReader>> {
        if self.aside_reader.get().is_none() {
            // Where there is none, there is nothing in it.
            let objects = Objects::none(self.kind).and(self.aside.get()?.path()).ok()?;
            let _ = self.aside_reader.set(RefCell::new(objects.reader()));
        }
        self.aside_reader.get()
    }

    /// Hands a commit as it is written to `read`; `None` where it is not here.
    fn read_commit<T>(&self, id: &ObjectId, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        if let Some(bytes) = self.reader.borrow_mut().commit(id) {
            return read(bytes);
        }
        read(self.aside()?.borrow_mut().commit(id)?)
    }

    /// Reads a tree; `None` where it is not here.
    pub(super) fn tree(&self, id: &ObjectId) -> Option<Rc<Vec<TreeEntry>>> {
        if let Some(tree) = self.trees.borrow().get(id) {
            return Some(tree.clone());
        }
        let found = self.reader.borrow_mut().tree(id).ok();
        let tree = Rc::new(found.or_else(|| self.aside()?.borrow_mut().tree(id).ok())?);
        let mut trees = self.trees.borrow_mut();
        if trees.len() < TREES_MAX {
            trees.insert(*id, tree.clone());
        }
        Some(tree)
    }

    /// Makes a tree of these entries, which stand in git's order, and returns its id; `None` where that is an attack upon
    /// SHA-1. To write it takes longer than to make it, so that waits until git is to see it.
    pub(super) fn make_tree(&self, entries: Vec<TreeEntry>) -> Option<ObjectId> {
        let mut bytes = vec![];
        for TreeEntry { name, mode, id } in &entries {
            bytes.extend([format!("{mode:o} ").as_bytes(), name, b"\0", id.as_bytes()].concat());
        }
        let id = self.make(Kind::Tree, bytes)?;
        self.trees.borrow_mut().insert(id, Rc::new(entries));
        Some(id)
    }

    /// Makes a blob, as [`Past::make_tree`] makes a tree.
    pub(super) fn make_blob(&self, content: Vec<u8>) -> Option<ObjectId> {
        let id = self.make(Kind::Blob, content.clone())?;
        self.blobs.borrow_mut().insert(id, content);
        Some(id)
    }

    fn make(&self, kind: Kind, bytes: Vec<u8>) -> Option<ObjectId> {
        let id = gix::objs::compute_hash(self.kind, kind, &bytes).ok()?;
        self.unwritten.borrow_mut().push((kind, bytes));
        Some(id)
    }

    /// Returns the content of a blob; `None` where it is not here, or has more bytes than so many.
    pub(super) fn blob(&self, id: &ObjectId, max: u64) -> Option<Vec<u8>> {
        if let Some(made) = self.blobs.borrow().get(id) {
            return (made.len() as u64 <= max).then(|| made.clone());
        }
        let read = |reader: &RefCell<ObjectReader>| {
            let mut reader = reader.borrow_mut();
            if reader.size(id).ok()? <= max { reader.blob(id).ok() } else { None }
        };
        read(&self.reader).or_else(|| read(self.aside()?))
    }

    /// Reads a commit; `None` where it is not here.
    pub(super) fn commit(&self, id: &ObjectId) -> Option<RawCommit> {
        self.read_commit(id, RawCommit::parse)
    }

    fn node(&self, id: &ObjectId) -> Result<Rc<Node>> {
        if let Some(node) = self.known.borrow().get(id) {
            return Ok(node.clone());
        }
        let node = Rc::new(self.noted(id).or_else(|| self.read(id)).ok_or_else(|| missing(id))?);
        self.known.borrow_mut().insert(*id, node.clone());
        Ok(node)
    }

    fn noted(&self, id: &ObjectId) -> Option<Node> {
        let graph = self.graph.as_ref()?;
        let commit = graph.commit_by_id(id)?;
        let parents = commit.iter_parents().map(|parent| parent.ok().map(|place| graph.id_at(place).to_owned()));
        Some(Node { parents: parents.collect::<Option<_>>()?, time: commit.committer_timestamp() })
    }

    fn read(&self, id: &ObjectId) -> Option<Node> {
        let mut node = self.read_commit(id, node)?;
        if self.cut.contains(id) {
            node.parents.clear();
        }
        Some(node)
    }

    /// Returns the commits reachable from one of `from` and from none of `not`, in the order of `git rev-list`.
    pub(super) fn apart(&self, from: &[ObjectId], not: &[ObjectId]) -> Result<Vec<ObjectId>> {
        Walk::of(self).run(from, not)
    }

    /// Returns those of `tips` that descend from `commit`.
    pub(super) fn descending(&self, commit: &ObjectId, tips: &[ObjectId]) -> Result<HashSet<ObjectId>> {
        let order = self.apart(tips, &[*commit])?;
        let mut descends = HashSet::from([*commit]);
        // Children come after their parents when it is read backwards, unless clocks went wrong.
        loop {
            let before = descends.len();
            for id in order.iter().rev() {
                if self.node(id)?.parents.iter().any(|parent| descends.contains(parent)) {
                    descends.insert(*id);
                }
            }
            if descends.len() == before {
                break;
            }
        }
        descends.retain(|id| id != commit && tips.contains(id));
        Ok(descends)
    }

    /// Returns the parents of a commit, as a walk sees them.
    pub(super) fn parents(&self, id: &ObjectId) -> Result<Vec<ObjectId>> {
        Ok(self.node(id)?.parents.clone())
    }

    /// Returns what becomes of each path from one tree to the other, in the order of `git diff-tree -r`; `None` where one of
    /// their trees is not here.
    pub(super) fn changes(&self, old: &ObjectId, new: &ObjectId) -> Option<Vec<TreeChange>> {
        let mut changes = vec![];
        self.compare(&BString::default(), Some(old), Some(new), &mut changes)?;
        Some(changes)
    }

    /// Returns what files a tree has at these paths; `None` where one of its trees is not here.
    pub(super) fn held(&self, tree: &ObjectId, paths: &[BString]) -> Option<Vec<Option<(u32, ObjectId)>>> {
        // Paths that follow one another mostly lie in one folder.
        let mut open: Vec<(&[u8], Rc<Vec<TreeEntry>>)> = vec![(b"", self.tree(tree)?)];
        let mut held = vec![];
        for path in paths {
            let (folder, name) =
                path.rfind_byte(b'/').map_or((&b""[..], path.as_slice()), |end| (&path[..=end], &path[end + 1..]));
            open.truncate(open.iter().take_while(|(above, _)| folder.starts_with(above)).count());
            let mut is_there = true;
            while let Some((above, entries)) = open.last().filter(|(above, _)| is_there && above.len() < folder.len()) {
                let end = above.len() + folder[above.len()..].find_byte(b'/')?;
                let next = entries.iter().find(|entry| entry.is_folder() && entry.name == folder[above.len()..end]);
                match next.map(|entry| entry.id) {
                    Some(id) => open.push((&folder[..=end], self.tree(&id)?)),
                    None => is_there = false,
                }
            }
            let entries = open.last().filter(|_| is_there).map(|(_, entries)| entries.iter());
            let found = entries.into_iter().flatten().find(|entry| entry.name == name && !entry.is_folder());
            held.push(found.map(|entry| (entry.mode, entry.id)));
        }
        Some(held)
    }

    fn compare(
        &self,
        folder: &BString,
        old: Option<&ObjectId>,
        new: Option<&ObjectId>,
        changes: &mut Vec<TreeChange>,
    ) -> Option<()> {
        let entries = |tree: Option<&ObjectId>| tree.map_or_else(|| Some(Rc::default()), |tree| self.tree(tree));
        let (old, new) = (entries(old)?, entries(new)?);
        for (before, after) in side_by_side(&old, &new) {
            let (Some(entry), false) = (before.or(after), before == after) else { continue };
            let mut path = folder.clone();
            path.extend_from_slice(&entry.name);
            if entry.is_folder() {
                path.push(b'/');
                self.compare(&path, before.map(|entry| &entry.id), after.map(|entry| &entry.id), changes)?;
            } else {
                let side = |entry: Option<&TreeEntry>| entry.map(|entry| (entry.mode, entry.id));
                changes.push(TreeChange { path, old: side(before), new: side(after) });
            }
        }
        Some(())
    }
}

/// Reads parents and time of a commit.
fn node(commit: &[u8]) -> Option<Node> {
    let mut node = Node { parents: vec![], time: 0 };
    for line in commit.split_str("\n\n").next()?.lines().skip(1) {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            node.parents.push(ObjectId::from_hex(parent).ok()?);
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            // One without a time, or with a silly one, is of the beginning of time (parse_commit_date in commit.c).
            let time = committer.rsplit_str(">").next().unwrap_or_default().trim_start();
            let digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
            node.time = time[..digits].to_str().ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
            break;
        }
    }
    Some(node)
}

/// Returns the entries of two trees in git's order, those of the same name and kind side by side.
pub(super) fn side_by_side<'a>(
    old: &'a [TreeEntry],
    new: &'a [TreeEntry],
) -> impl Iterator<Item = (Option<&'a TreeEntry>, Option<&'a TreeEntry>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || {
        let which = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => order(old).cmp(order(new)),
        };
        let before = if which == Ordering::Greater { None } else { old.next() };
        let after = if which == Ordering::Less { None } else { new.next() };
        Some((before, after))
    })
}

/// What a tree is sorted by: the name of a folder as if it ended in a slash.
pub(super) fn order(entry: &TreeEntry) -> impl Iterator<Item = u8> {
    let end = if entry.is_folder() { b'/' } else { 0 };
    entry.name.iter().copied().chain([end])
}

/// One walk, step by step the one of git (`limit_list` in revision.c): clocks that went wrong lead both astray alike.
struct Walk<'a> {
    past: &'a Past,
    marks: HashMap<ObjectId, Mark>,
    queue: Queue,
    put: usize,
    /// A commit that waits in the queue and counts.
    counting: Option<ObjectId>,
}

impl<'a> Walk<'a> {
    fn of(past: &'a Past) -> Self {
        Self { past, marks: HashMap::default(), queue: Queue::new(), put: 0, counting: None }
    }

    fn run(mut self, from: &[ObjectId], not: &[ObjectId]) -> Result<Vec<ObjectId>> {
        for (ids, counts) in [(from, true), (not, false)] {
            for id in ids {
                self.mark(id).not |= !counts;
                self.put(id)?;
            }
        }
        for id in not {
            self.spread(id)?;
        }
        let (mut found, mut slop, mut last) = (vec![], SLOP, u64::MAX);
        while let Some((time, _, id)) = self.queue.pop() {
            if self.counting == Some(id) {
                self.counting = None;
            }
            self.add_parents(&id)?;
            if self.mark(&id).not {
                self.spread(&id)?;
                slop = self.slop(last, slop);
                if slop == 0 {
                    break;
                }
                continue;
            }
            last = time;
            found.push(id);
        }
        found.retain(|id| !self.mark(id).not);
        Ok(found)
    }

    fn mark(&mut self, id: &ObjectId) -> &mut Mark {
        self.marks.entry(*id).or_default()
    }

    fn put(&mut self, id: &ObjectId) -> Result<()> {
        if !std::mem::replace(&mut self.mark(id).seen, true) {
            self.queue.push((self.past.node(id)?.time, Reverse(self.put), *id));
            self.put += 1;
        }
        Ok(())
    }

    fn add_parents(&mut self, id: &ObjectId) -> Result<()> {
        if std::mem::replace(&mut self.mark(id).added, true) {
            return Ok(());
        }
        let not = self.mark(id).not;
        for parent in &self.past.node(id)?.parents {
            if not {
                self.mark(parent).not = true;
                self.spread(parent)?;
            }
            self.put(parent)?;
        }
        Ok(())
    }

    /// Marks what is known to come before a commit that does not count.
    fn spread(&mut self, id: &ObjectId) -> Result<()> {
        let mut pending = self.past.node(id)?.parents.clone();
        while let Some(id) = pending.pop() {
            let mark = self.mark(&id);
            if !std::mem::replace(&mut mark.not, true) && mark.seen {
                pending.extend(&self.past.node(&id)?.parents);
            }
        }
        Ok(())
    }

    /// Tells how many more commits that do not count are looked at (`still_interesting`).
    fn slop(&mut self, last: u64, slop: usize) -> usize {
        let Some((time, ..)) = self.queue.peek() else { return 0 };
        if last <= *time || self.counts() { SLOP } else { slop - 1 }
    }

    /// Tells whether something in the queue counts.
    fn counts(&mut self) -> bool {
        let counts = |id: &ObjectId| !self.marks.get(id).is_some_and(|mark| mark.not);
        if !self.counting.as_ref().is_some_and(counts) {
            self.counting = self.queue.iter().map(|(.., id)| *id).find(counts);
        }
        self.counting.is_some()
    }
}
