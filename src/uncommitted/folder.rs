//! One folder of a work tree, read and compared at once.

use super::cache::{Cache, Folder, Horizon, Known, Name, Part};
use super::compare::{self, Verdict};
use super::content::Means;
use super::inside;
use super::place::WorkTree;
use super::{Change, EXECUTABLE, GITLINK, Ignored, LINK, New, Old, REGULAR, Seen, Stamp, Unreadable, content};
use crate::git::{
    Cleaner, Conversion, Filter, IndexFile, ObjectId, ObjectReader, RULES_BYTES_MAX, Rules, Staged, TreeEntry, blob_id,
};
use crate::os::{self, Entry};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// How often a file is read that is written meanwhile.
const TRIES_MAX: usize = 5;

/// What all workers share.
pub struct Shared<'a> {
    /// The tree.
    pub tree: &'a WorkTree,
    /// What the last look left.
    pub cache: &'a Cache,
    /// Which files this look may leave for the next.
    pub horizon: Horizon,
    /// The file system on which a folder's stamp tells whether its names are the same, if that of the root does.
    pub listings: Option<u64>,
    /// When this look must be done.
    pub deadline: Option<Instant>,
}

/// What says which paths git watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The commit: there is no index.
    Commit,
    /// The index.
    Index,
    /// The commit, in a folder that a sparse index leaves out: nothing need be there.
    Sparse,
}

/// A folder to be looked at.
pub struct Task {
    above: Option<Arc<os::Folder>>,
    name: Vec<u8>,
    folder: BString,
    tree: Option<ObjectId>,
    staged: Range<usize>,
    rules: Rules,
    ignored: bool,
    watch: Watch,
}

impl Task {
    /// The root of a tree that stands on a commit's tree. Its index need not be asked where it holds the same.
    pub fn root(tree: &WorkTree, base: Option<ObjectId>) -> Self {
        let asks_index = tree.has_index() && !tree.index_holds(base);
        let index = if asks_index { tree.index() } else { None };
        Self {
            above: None,
            name: vec![],
            folder: BString::default(),
            tree: base,
            staged: 0..index.map_or(0, IndexFile::len),
            rules: tree.rules().clone(),
            ignored: false,
            watch: if asks_index { Watch::Index } else { Watch::Commit },
        }
    }

    fn is_watched(&self) -> bool {
        self.tree.is_some() || !self.staged.is_empty()
    }
}

/// A repository found inside the tree.
#[derive(Debug, Clone)]
pub struct Inner {
    /// Where it stands.
    pub path: BString,
    /// What the commit has there.
    pub base: Option<Old>,
    /// What the index has there.
    pub staged: Option<Staged>,
}

/// One thread's part of a look.
pub struct Worker<'a> {
    shared: &'a Shared<'a>,
    /// Reads objects.
    pub reader: ObjectReader,
    /// What was found so far.
    pub seen: Seen,
    /// Repositories to be looked at.
    pub inner: Vec<Inner>,
    /// What the next look may use.
    pub parts: Vec<Part>,
    /// Whether the index, as far as it was asked, holds what the commit has and nothing else.
    pub index_is_base: bool,
    cleaner: Cleaner,
}

/// The names that stand in a folder.
struct Listed<'r> {
    names: Vec<Name<'r>>,
    /// The folder's stamp from before they were read, if that will tell whether they are the same.
    stamp: Option<Stamp>,
    /// Whether they are those of the last look.
    kept: bool,
}

/// What stands in one place: on the disk, in the commit, in the index.
#[derive(Clone)]
struct Row<'r> {
    name: &'r [u8],
    disk: Option<Entry>,
    base: Option<&'r Known<'r>>,
    index: Option<(bool, Range<usize>)>,
}

/// The folder that is being looked at.
struct Here<'r> {
    at: &'r Arc<os::Folder>,
    task: &'r Task,
    rules: &'r Rules,
    /// Whether what was seen before was seen by the same rules.
    reuses: bool,
}

impl Here<'_> {
    /// Tells whether the content of a file stays what it was seen to be for as long as its stamp stays: how line ends are guessed
    /// depends on what is stored, and only that of the commit is remembered with it.
    fn is_steady(&self, stored: Option<Old>, known: ObjectId) -> bool {
        self.task.watch != Watch::Index
            || self.rules.converts_nothing()
            || stored.map(|stored| stored.id) == Some(known)
    }
}

/// How a file lies there.
#[derive(Debug, Clone, Copy)]
struct Work {
    stamp: Stamp,
    as_stored: Old,
    remembered: bool,
}

impl<'a> Worker<'a> {
    /// Makes one.
    pub fn new(shared: &'a Shared<'a>) -> Self {
        let reader = shared.tree.objects().reader();
        let cleaner = Cleaner::until(shared.deadline);
        Self { shared, reader, seen: Seen::default(), inner: vec![], parts: vec![], index_is_base: true, cleaner }
    }

    /// Returns what it saw.
    pub fn told(&mut self) -> Seen {
        let mut seen = std::mem::take(&mut self.seen);
        seen.warnings.extend(self.cleaner.told().1.iter().map(|filter| {
            format!("the filter {} failed: its files are compared as they lie", crate::text::shown(filter))
        }));
        seen
    }

    /// Looks at a folder; those in it are added to `next`.
    pub fn look(&mut self, task: Task, next: &mut Vec<Task>) {
        if self.cleaner.is_late() {
            return self.seen.late.push(task.folder.trim_end_with(|c| c == '/').into());
        }
        let opened = match &task.above {
            Some(above) => above.folder(&task.name),
            None => self.shared.tree.root().try_clone(),
        };
        let known = self.shared.cache.folder(&task.folder);
        let mut read = Vec::new();
        let listed = opened.and_then(|at| Ok((self.list(&at, known.as_ref(), &mut read)?, Arc::new(at))));
        let (listed, at) = match listed {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.gone(&task.folder, task.tree, task.staged, task.watch);
            }
            Err(error) => return self.unreadable(task.folder.trim_end_with(|c| c == '/').into(), &error),
        };
        if !task.is_watched() && !task.folder.is_empty() && self.is_repository(&at, &task, &listed.names) {
            let path = task.folder.trim_end_with(|c| c == '/').into();
            return self.inner.push(Inner { path, base: None, staged: None });
        }
        if listed.names.is_empty() {
            self.seen.empty_folders.push(task.folder.trim_end_with(|c| c == '/').into());
        }
        if let Err(error) = self.compare(&at, &task, known, &listed, next) {
            self.unreadable(task.folder.trim_end_with(|c| c == '/').into(), &error);
        }
    }

    fn unreadable(&mut self, path: BString, why: &impl ToString) {
        self.seen.unreadable.push(Unreadable { path, why: why.to_string() });
    }

    /// Lists a folder, from what is known of it or from itself into `read`.
    fn list<'r>(
        &self,
        at: &os::Folder,
        known: Option<&Folder<'r>>,
        read: &'r mut Vec<(CString, Entry)>,
    ) -> io::Result<Listed<'r>> {
        let stamp = match self.shared.listings {
            Some(device) => Some(at.stamp()?).filter(|stamp| stamp.device == device),
            None => None,
        };
        if let Some(known) = known.filter(|known| stamp.is_some() && known.listing == stamp) {
            return Ok(Listed { names: known.listed(), stamp, kept: true });
        }
        *read = at.list()?;
        let names = read.iter().map(|(name, entry)| (name.as_bytes(), *entry)).collect();
        Ok(Listed { names, stamp: stamp.filter(|stamp| self.shared.horizon.is_past(stamp)), kept: false })
    }

    fn is_repository(&self, at: &Arc<os::Folder>, task: &Task, listed: &[Name<'_>]) -> bool {
        if listed.binary_search_by_key(&&b".git"[..], |(name, _)| name).is_err() {
            return false;
        }
        let path = super::place::join(self.shared.tree.path(), task.folder.as_bstr());
        let git_dir = super::place::git_dir(at, &path).ok().flatten();
        let kind = self.shared.tree.objects().kind();
        git_dir.is_some_and(|path| super::foreign::Foreign::open(&path, kind).is_ok_and(|foreign| foreign.is_one()))
    }

    fn compare(
        &mut self,
        at: &Arc<os::Folder>,
        task: &Task,
        known: Option<Folder<'_>>,
        listed: &Listed<'_>,
        next: &mut Vec<Task>,
    ) -> Result<(), crate::error::Error> {
        let same_tree = known.as_ref().is_some_and(|known| known.tree == task.tree);
        let may_skim = same_tree && listed.kept && task.watch == Watch::Commit;
        if may_skim && known.as_ref().is_some_and(|known| self.skim(at, task, known, next)) {
            return Ok(());
        }
        let mut known = known;
        let read = match task.tree {
            Some(id) if !same_tree => self.reader.tree(&id)?,
            _ => vec![],
        };
        let names = known.as_mut().map(|known| std::mem::take(&mut known.names)).unwrap_or_default();
        let known_names = names.len();
        let base: Vec<Known<'_>> = if same_tree { names } else { merged(&read, &names, task.rules.converts_nothing()) };
        let index = self.index(task.watch);
        let mut children = index.map(|index| index.children(task.staged.clone(), task.folder.as_bstr()));
        if let Some(children) = &mut children {
            children.sort_by_key(|(name, _, _)| *name);
        }
        let rows = rows(&listed.names, &base, children.as_deref().unwrap_or_default());
        let find = |name: &[u8]| Some(rows[rows.binary_search_by_key(&name, |row| row.name).ok()?].clone());
        let rules = self.enter(at, task, find);
        let reuses = known.as_ref().is_none_or(|known| known.rules == rules.key());
        let here = Here { at, task, rules: &rules, reuses };
        let mut told = Vec::with_capacity(base.len());
        let mut fresh = !same_tree || !reuses || listed.stamp.is_some() && !listed.kept;
        for row in rows {
            fresh |= self.row(&here, row, &mut told, next);
        }
        let same = known.as_ref().filter(|_| !fresh && known_names == told.len());
        match same {
            Some(known) => self.parts.push(Part::Same(known.bytes.clone())),
            None if told.is_empty() => {}
            None => {
                let is_other = |(name, _): &&Name<'_>| told.binary_search_by_key(name, |known| known.name).is_err();
                let others: Vec<_> = listed.names.iter().filter(is_other).copied().collect();
                let listing = listed.stamp.map(|stamp| (stamp, others.as_slice()));
                self.parts.extend(Part::of(&task.folder, task.tree, rules.key(), &told, listing));
            }
        }
        Ok(())
    }

    /// Goes through a folder in which the same names stand as before and for which no index need be asked: only what is not as
    /// it was is compared. Returns whether it did; it does not where the rules are others.
    fn skim(&mut self, at: &Arc<os::Folder>, task: &Task, known: &Folder<'_>, next: &mut Vec<Task>) -> bool {
        let rules = self.enter(at, task, |name| known.row(name));
        if rules.key() != known.rules || known.names.iter().any(|known| !known.in_tree) {
            return false;
        }
        let here = Here { at, task, rules: &rules, reuses: true };
        let mut news = Vec::new();
        for (position, one) in known.names.iter().enumerate() {
            if self.is_as_known(&here, one) {
                continue;
            }
            let mut told = Vec::with_capacity(1);
            let row = Row { name: one.name, disk: one.disk, base: Some(one), index: None };
            if self.row(&here, row, &mut told, next) {
                news.extend(told.into_iter().map(|told| (position, told)));
            }
        }
        for (name, entry) in &known.others {
            let row = Row { name, disk: Some(*entry), base: None, index: None };
            self.row(&here, row, &mut vec![], next);
        }
        if news.is_empty() {
            self.parts.push(Part::Same(known.bytes.clone()));
            return true;
        }
        let mut names = known.names.clone();
        for (position, told) in news {
            names[position] = told;
        }
        let listing = known.listing.map(|stamp| (stamp, known.others.as_slice()));
        self.parts.extend(Part::of(&task.folder, task.tree, known.rules, &names, listing));
        true
    }

    /// Tells whether a file lies there as it was seen before, and that is as the commit has it.
    fn is_as_known(&self, here: &Here<'_>, known: &Known<'_>) -> bool {
        let Some((seen, id)) = known.content.filter(|_| known.disk == Some(Entry::File)) else { return false };
        let as_stored = Old { mode: known.mode, id: known.id };
        let is_file = known.mode != GITLINK && known.mode != TreeEntry::FOLDER;
        is_file
            && id == known.id
            && self.mode_of(&seen, Some(as_stored)) == known.mode
            && here.at.look(known.name).is_ok_and(|stamp| stamp == seen)
    }

    /// Reads the folder's own rules; of attributes that are not there, git takes those it has.
    fn enter<'r>(&mut self, at: &Arc<os::Folder>, task: &Task, find: impl Fn(&[u8]) -> Option<Row<'r>>) -> Rules {
        let mut content = [None, None];
        for (slot, name) in content.iter_mut().zip([&b".gitignore"[..], b".gitattributes"]) {
            let Some(row) = find(name) else { continue };
            if row.disk == Some(Entry::File) {
                match inside::read(at, name, RULES_BYTES_MAX) {
                    Ok(bytes) => *slot = bytes,
                    Err(error) => self.unreadable([task.folder.as_slice(), name].concat().into(), &error),
                }
            }
            let staged = self.staged(&row);
            let may_fall_back = name == b".gitattributes" || staged.is_some_and(|staged| staged.skipped);
            // A folder of that name is to git a file that says nothing.
            if slot.is_none() && may_fall_back && row.disk != Some(Entry::Folder) {
                let of_commit = row.base.filter(|base| base.in_tree && task.watch != Watch::Index).map(|base| base.id);
                *slot = staged.map(|staged| staged.id).or(of_commit).and_then(|id| self.reader.blob(&id).ok());
            }
        }
        let [ignore, attributes] = content;
        task.rules.enter(task.folder.as_bstr(), ignore.as_deref(), attributes.as_deref())
    }

    /// The index, where it says which paths git watches; elsewhere it need not even be read.
    fn index(&self, watch: Watch) -> Option<&'a IndexFile> {
        if watch == Watch::Index { self.shared.tree.index() } else { None }
    }

    fn staged(&self, row: &Row<'_>) -> Option<Staged> {
        let (is_folder, entries) = row.index.clone()?;
        let index = self.shared.tree.index().filter(|_| !is_folder)?;
        Some(index.staged(entries))
    }

    /// Compares what stands in one place; returns whether that is to be remembered anew.
    fn row<'r>(&mut self, here: &Here<'_>, row: Row<'r>, told: &mut Vec<Known<'r>>, next: &mut Vec<Task>) -> bool {
        if here.rules.is_dot_git(row.name) {
            return false;
        }
        let base = row.base.filter(|base| base.in_tree);
        let (base_tree, base_file) = match base {
            Some(known) if known.mode == TreeEntry::FOLDER => (Some(known.id), None),
            Some(known) => (None, Some(Old { mode: known.mode, id: known.id })),
            None => (None, None),
        };
        told.extend(base.map(|known| Known { content: None, disk: row.disk, ..*known }));
        let staged = self.staged(&row);
        self.index_is_base &= here.task.watch != Watch::Index || is_base(base, &row, staged);
        let sparse = staged.is_some_and(|staged| staged.mode == TreeEntry::FOLDER);
        let staged = staged.filter(|_| !sparse);
        let below = match row.index {
            Some((true, entries)) => entries,
            _ => 0..0,
        };
        let watch = if sparse { Watch::Sparse } else { here.task.watch };
        let has_folder = base_tree.is_some() || !below.is_empty();
        let tracked = if here.task.watch == Watch::Index { staged.map(|s| s.mode) } else { base_file.map(|f| f.mode) };
        let path = || BString::from([here.task.folder.as_slice(), row.name].concat());
        if has_folder && row.disk != Some(Entry::Folder) {
            self.gone(&[path().as_slice(), b"/"].concat(), base_tree, below, watch);
            return self.file(here, row.name, row.disk, base_file, staged, tracked, row.base, told);
        }
        if row.disk != Some(Entry::Folder) {
            return self.file(here, row.name, row.disk, base_file, staged, tracked, row.base, told);
        }
        if !has_folder && tracked == Some(GITLINK) {
            self.inner.push(Inner { path: path(), base: base_file, staged });
            return false;
        }
        if base_file.is_some() || staged.is_some() {
            self.judged(here.task.watch, path(), base_file, staged, None);
        }
        let path = path();
        let ignored = here.task.ignored || here.rules.is_ignored(path.as_bstr(), true);
        let is_watched = if watch == Watch::Index { !below.is_empty() } else { has_folder };
        if ignored && !is_watched {
            self.ignored(here.at, row.name, path.clone(), true);
            // What only the commit has there went from the index.
            self.gone(&[path.as_slice(), b"/"].concat(), base_tree, below, watch);
            return false;
        }
        next.push(Task {
            above: Some(Arc::clone(here.at)),
            name: row.name.to_vec(),
            folder: [path.as_slice(), b"/"].concat().into(),
            tree: base_tree,
            staged: below,
            rules: here.rules.clone(),
            ignored,
            watch,
        });
        false
    }

    /// Compares a path at which no folder stands now.
    #[expect(clippy::too_many_arguments, reason = "they are the states of one path")]
    fn file<'r>(
        &mut self,
        here: &Here<'_>,
        name: &'r [u8],
        disk: Option<Entry>,
        base: Option<Old>,
        staged: Option<Staged>,
        tracked: Option<u32>,
        known: Option<&Known<'r>>,
        told: &mut Vec<Known<'r>>,
    ) -> bool {
        let path = || BString::from([here.task.folder.as_slice(), name].concat());
        let watch = here.task.watch;
        if disk == Some(Entry::Special) {
            self.seen.special.push(path());
        }
        if disk != Some(Entry::File) {
            if base.is_some() || staged.is_some() {
                self.judged(watch, path(), base, staged, None);
            }
            return false;
        }
        if tracked.is_none() {
            let path = path();
            if here.task.ignored || here.rules.is_ignored(path.as_bstr(), false) {
                self.ignored(here.at, name, path.clone(), false);
                if base.is_some() {
                    self.judged(watch, path, base, staged, None);
                }
                return false;
            }
            if base.is_none() {
                return self.added(here, name, path, staged);
            }
        }
        // What only the commit has of it, git does not ask when it adds the file.
        let stored =
            if watch == Watch::Index { staged.map(|staged| Old { mode: staged.mode, id: staged.id }) } else { base };
        let usable = known.filter(|known| here.reuses && here.is_steady(stored, known.id));
        let content = usable.and_then(|known| known.content);
        match self.work(here, name, stored, content) {
            Ok(Some(work)) => self.compared(here, name, (base, staged, work), stored, told, path),
            Ok(None) => {
                self.judged(watch, path(), base, staged, None);
                false
            }
            Err(content::NotContent::Late) => {
                self.seen.late.push(path());
                false
            }
            Err(error) => {
                self.unreadable(path(), &error);
                false
            }
        }
    }

    /// Notes a file that could be read; returns whether it is to be remembered anew.
    fn compared<'r>(
        &mut self,
        here: &Here<'_>,
        name: &'r [u8],
        (base, staged, work): (Option<Old>, Option<Staged>, Work),
        stored: Option<Old>,
        told: &mut Vec<Known<'r>>,
        path: impl Fn() -> BString,
    ) -> bool {
        let keeps = self.shared.horizon.is_past(&work.stamp) || work.remembered;
        let content = keeps.then_some((work.stamp, work.as_stored.id));
        let mut is_news = keeps && !work.remembered;
        match told.last_mut().filter(|last| last.name == name) {
            Some(last) => {
                let is_steady = here.is_steady(stored, last.id);
                last.content = content.filter(|_| is_steady);
                is_news &= is_steady;
            }
            None => told.extend(stored.map(|stored| Known {
                name,
                mode: stored.mode,
                id: stored.id,
                in_tree: false,
                content,
                disk: Some(Entry::File),
            })),
        }
        let unchanged = base == Some(work.as_stored)
            && staged.is_none_or(|staged| base == Some(Old { mode: staged.mode, id: staged.id }) && !staged.conflicted);
        if !unchanged || (staged.is_none() && here.task.watch == Watch::Index) {
            self.judged(here.task.watch, path(), base, staged, Some(work));
        }
        is_news
    }

    /// Notes a file that git does not watch.
    fn added(&mut self, here: &Here<'_>, name: &[u8], path: BString, staged: Option<Staged>) -> bool {
        match here.at.look(name) {
            Ok(stamp) => {
                let mode = self.mode_of(&stamp, None);
                let verdict = Verdict { kind: super::Kind::Added, staged: staged.is_some(), hidden: false };
                self.change(path, verdict, None, Some(New { mode, stamp, id: None }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unreadable(path, &error),
        }
        false
    }

    fn ignored(&mut self, at: &os::Folder, name: &[u8], path: BString, folder: bool) {
        // One that went meanwhile is none any more.
        if let Ok(stamp) = at.look(name) {
            self.seen.ignored.push(Ignored { path, folder, stamp });
        }
    }

    /// Reads how a file lies there, from what is known of its stamp or from itself; `None` where it is gone.
    fn work(
        &mut self,
        here: &Here<'_>,
        name: &[u8],
        stored: Option<Old>,
        known: Option<(Stamp, ObjectId)>,
    ) -> Result<Option<Work>, content::NotContent> {
        let stamp = match here.at.look(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            stamp => stamp?,
        };
        let mode = self.mode_of(&stamp, stored);
        if let Some((_, id)) = known.filter(|(known, _)| *known == stamp) {
            return Ok(Some(Work { stamp, as_stored: Old { mode, id }, remembered: true }));
        }
        let kind = self.shared.tree.objects().kind();
        if stamp.is_link() {
            let target = here.at.link(name)?;
            let id = blob_id(kind, &target).ok_or(content::NotContent::Attack)?;
            return Ok(Some(Work { stamp, as_stored: Old { mode, id }, remembered: false }));
        }
        let path = BString::from([here.task.folder.as_slice(), name].concat());
        let conversion = if mode == LINK { Conversion::default() } else { self.conversion(here.rules, path.as_bstr()) };
        let before = |reader: &mut ObjectReader| reader.blob(&stored?.id).ok();
        let mut tries = 0;
        let told = loop {
            let mut file = here.at.file(name)?;
            let means = Means { path: path.as_bstr(), conversion: &conversion, cleaner: &mut self.cleaner, kind };
            let told = content::tell(&mut file, means, || before(&mut self.reader), None);
            tries += 1;
            match told {
                // Somebody writes it just now; soon that is done.
                Err(content::NotContent::Moving) if tries < TRIES_MAX => {}
                told => break told?,
            }
        };
        Ok(Some(Work { stamp: told.stamp, as_stored: Old { mode, id: told.id }, remembered: false }))
    }

    /// Returns what becomes of a file's content, and says once which filter is not run.
    fn conversion(&mut self, rules: &Rules, path: &BStr) -> Conversion {
        let conversion = rules.conversion(path);
        if let Some(Filter::Unknown(filter)) = &conversion.filter {
            let filter = crate::text::shown(filter);
            let warning = format!(
                "the filter {filter} is not run, for the host's own config does not define it: its files are compared as they lie"
            );
            if !self.seen.warnings.contains(&warning) {
                self.seen.warnings.push(warning);
            }
        }
        conversion
    }

    /// The mode a file would have in git's tree.
    fn mode_of(&self, stamp: &Stamp, stored: Option<Old>) -> u32 {
        let tree = self.shared.tree;
        match stored {
            _ if stamp.is_link() => LINK,
            Some(stored) if stored.mode == LINK && !tree.has_links() => LINK,
            Some(stored) if !tree.trusts_modes() && stored.mode != LINK && stored.mode != GITLINK => stored.mode,
            _ if tree.trusts_modes() && stamp.mode & 0o100 != 0 => EXECUTABLE,
            _ => REGULAR,
        }
    }

    fn judged(&mut self, watch: Watch, path: BString, base: Option<Old>, staged: Option<Staged>, work: Option<Work>) {
        let lies = work.map(|work| work.as_stored);
        let verdict = match watch {
            Watch::Commit => compare::without_index(base, lies),
            Watch::Index => compare::with_index(base, staged, lies),
            Watch::Sparse if lies.is_none() => None,
            Watch::Sparse => compare::without_index(base, lies).map(|verdict| Verdict { hidden: true, ..verdict }),
        };
        let new = work.map(|work| New { mode: work.as_stored.mode, stamp: work.stamp, id: Some(work.as_stored.id) });
        if let Some(verdict) = verdict {
            self.change(path, verdict, base, new);
        }
    }

    fn change(&mut self, path: BString, verdict: Verdict, old: Option<Old>, new: Option<New>) {
        let Verdict { kind, staged, hidden } = verdict;
        let (from, similarity, binary, repository) = (None, None, false, None);
        let change = Change { path, from, similarity, kind, binary, staged, hidden, old, new, repository };
        self.seen.changes.push(change);
    }

    /// Notes that everything is gone that the commit or the index have below a folder.
    fn gone(&mut self, folder: &[u8], tree: Option<ObjectId>, staged: Range<usize>, watch: Watch) {
        // Here the two are not compared.
        self.index_is_base = false;
        let mut paths: BTreeMap<BString, (Option<Old>, Option<Staged>)> = BTreeMap::new();
        let mut trees: Vec<(BString, ObjectId)> = tree.map(|id| (folder.into(), id)).into_iter().collect();
        while let Some((folder, id)) = trees.pop() {
            match self.reader.tree(&id) {
                Err(error) => self.unreadable(folder.trim_end_with(|c| c == '/').into(), &error),
                Ok(entries) => {
                    for entry in entries {
                        let mut path = BString::from([folder.as_slice(), &entry.name].concat());
                        if entry.is_folder() {
                            path.push(b'/');
                            trees.push((path, entry.id));
                        } else {
                            paths.entry(path).or_default().0 = Some(Old { mode: entry.mode, id: entry.id });
                        }
                    }
                }
            }
        }
        if let Some(index) = self.index(watch) {
            let mut position = staged.start;
            while position < staged.end {
                let path = index.path(position);
                let end = (position..staged.end).find(|at| index.path(*at) != path).unwrap_or(staged.end);
                paths.entry(path.to_owned()).or_default().1 = Some(index.staged(position..end));
                position = end;
            }
        }
        for (path, (base, staged)) in paths {
            self.judged(watch, path, base, staged, None);
        }
    }
}

/// Tells whether the index has in one place what the commit has there, and no flag; what is in a folder is told where that is
/// entered.
fn is_base(base: Option<&Known<'_>>, row: &Row<'_>, staged: Option<Staged>) -> bool {
    match (base, &row.index) {
        (None, None) => true,
        (Some(base), Some((is_folder, _))) if base.mode == TreeEntry::FOLDER || *is_folder => {
            base.mode == TreeEntry::FOLDER && *is_folder
        }
        (Some(base), Some(_)) => staged.is_some_and(|staged| {
            (staged.mode, staged.id) == (base.mode, base.id)
                && !(staged.conflicted || staged.intended || staged.assumed || staged.skipped)
        }),
        _ => false,
    }
}

impl<'r> Folder<'r> {
    /// What stood there, sorted by name.
    fn listed(&self) -> Vec<Name<'r>> {
        let mut names: Vec<_> = self.names.iter().filter_map(|known| Some((known.name, known.disk?))).collect();
        if !self.others.is_empty() {
            names.extend(&self.others);
            names.sort_unstable_by_key(|(name, _)| *name);
        }
        names
    }

    /// What stands in one place, of which no index is asked.
    fn row(&self, name: &[u8]) -> Option<Row<'_>> {
        if let Ok(position) = self.names.binary_search_by_key(&name, |known| known.name) {
            let known = &self.names[position];
            return Some(Row { name: known.name, disk: known.disk, base: Some(known), index: None });
        }
        let position = self.others.binary_search_by_key(&name, |(name, _)| name).ok()?;
        let (name, entry) = self.others[position];
        Some(Row { name, disk: Some(entry), base: None, index: None })
    }
}

/// The entries of a tree that was read, with what is known of the same names from before.
fn merged<'r>(read: &'r [TreeEntry], known: &[Known<'r>], whatever_stored: bool) -> Vec<Known<'r>> {
    let before = |entry: &TreeEntry| {
        let found = known.binary_search_by(|known| known.name.cmp(entry.name.as_slice())).ok()?;
        // How line ends are guessed depends on what is stored.
        Some(known[found]).filter(|known| whatever_stored || known.id == entry.id)?.content
    };
    let one = |entry: &'r TreeEntry| Known {
        name: entry.name.as_slice(),
        mode: entry.mode,
        id: entry.id,
        in_tree: true,
        content: before(entry),
        disk: None,
    };
    let mut names: Vec<_> = read.iter().map(one).collect();
    names.sort_by_key(|known| known.name);
    names
}

/// Joins three sorted lists by their names.
fn rows<'r>(disk: &[Name<'r>], base: &'r [Known<'r>], index: &'r [(&'r BStr, bool, Range<usize>)]) -> Vec<Row<'r>> {
    let (mut d, mut b, mut i) = (0, 0, 0);
    let mut rows = Vec::with_capacity(disk.len().max(base.len()));
    loop {
        let names = [
            disk.get(d).map(|(name, _)| *name),
            base.get(b).map(|known| known.name),
            index.get(i).map(|(name, _, _)| name.as_bytes()),
        ];
        let Some(name) = names.into_iter().flatten().min() else { return rows };
        let mut row = Row { name, disk: None, base: None, index: None };
        if names[0] == Some(name) {
            row.disk = Some(disk[d].1);
            d += 1;
        }
        if names[1] == Some(name) {
            row.base = Some(&base[b]);
            b += 1;
        }
        if names[2] == Some(name) {
            row.index = Some((index[i].1, index[i].2.clone()));
            i += 1;
        }
        rows.push(row);
    }
}
