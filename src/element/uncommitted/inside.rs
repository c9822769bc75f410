//! Repositories inside a served tree, and what the served clone itself has that the host does not.

use super::read::read;
use super::take::{Take, signature};
use super::{LeftOut, Why};
use crate::error::Result;
use crate::git::{ObjectId, Overlay, RefName};
use crate::os::OsStrExt;
use crate::site::HIDDEN_REFS;
use crate::uncommitted::{Change, Nested, Seen, WorkTree, look_inside};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A reference of a capture beside the tree's own.
pub struct Inside {
    /// Its name in the bundle.
    pub name: RefName,
    /// What it names.
    pub id: ObjectId,
    /// Where its repository stands.
    pub path: Vec<u8>,
    /// Whether it names the files as they lay there.
    pub tree: bool,
    /// The tree of those files, where it was made here.
    pub files: Option<ObjectId>,
}

/// Returns the folder of a repository's objects: of a linked work tree's or submodule's, the one it shares.
pub fn objects_of(git_dir: &Path) -> PathBuf {
    let shared = std::fs::read(git_dir.join("commondir")).ok();
    let shared = shared.map(|text| git_dir.join(OsStr::from_bytes(text.trim())));
    shared.unwrap_or_else(|| git_dir.to_owned()).join("objects")
}

/// Takes the edits and the unknown commits of every repository that was found, and of those in them; what cannot be taken is
/// noted.
pub fn take_all(
    what: &Take<'_>,
    tree: &WorkTree,
    seen: &Seen,
    scratch: &Overlay,
    left_out: &mut Vec<LeftOut>,
    filters: &mut BTreeSet<BString>,
) -> Vec<Inside> {
    let mut taking = Taking { what, scratch, left_out, filters, taken: Vec::new(), count: 0 };
    taking.all(tree, &seen.changes, b"");
    taking.taken
}

struct Taking<'a, 'b> {
    what: &'a Take<'b>,
    scratch: &'a Overlay,
    left_out: &'a mut Vec<LeftOut>,
    filters: &'a mut BTreeSet<BString>,
    taken: Vec<Inside>,
    /// How many repositories there were so far.
    count: usize,
}

impl Taking<'_, '_> {
    /// Takes those among the changes of a tree that stands at `above`, a path that ends in a slash or is empty.
    fn all(&mut self, tree: &WorkTree, changes: &[Change], above: &[u8]) {
        for change in changes {
            if let Some(nested) = &change.repository {
                self.one(tree, change, nested, [above, &change.path].concat());
            }
        }
    }

    fn one(&mut self, outer: &WorkTree, change: &Change, nested: &Nested, path: Vec<u8>) {
        let place = format!("{HIDDEN_REFS}inside/{}/{}/", self.what.environment, self.count);
        self.count += 1;
        let is_itself = change.path.is_empty();
        let bytes = if is_itself { 0 } else { size_of(&objects_of(&nested.git_dir)) };
        if self.what.rules.is_some_and(|rules| bytes > rules.limit_bytes) {
            self.left_out.push(LeftOut::new(&path, Some(bytes), Why::Limit).detail("a repository"));
            return;
        }
        for (name, id) in &nested.unknown {
            match in_bundle(&place, name.as_bstr()) {
                Some(name) => self.taken.push(Inside { name, id: *id, path: path.clone(), tree: false, files: None }),
                None => self.left_out.push(LeftOut::new(&path, None, Why::Name).detail(crate::text::shown(name))),
            }
        }
        if is_itself {
            return;
        }
        if self.what.is_late() {
            return self.left_out.push(LeftOut::new(&path, None, Why::Time).detail("a repository"));
        }
        if let Err(error) = self.files(outer, change, nested, &place, &path) {
            self.left_out.push(LeftOut::new(&path, None, Why::Repository).detail(error.to_string()));
        }
    }

    /// Takes the commit that holds the files of a repository inside the tree, its HEAD or one upon it, and what is inside it.
    fn files(&mut self, outer: &WorkTree, change: &Change, nested: &Nested, place: &str, path: &[u8]) -> Result<()> {
        let Some(head) = nested.head else { return Ok(()) };
        let mut take = |id, files| {
            let name = RefName::new(format!("{place}worktree"));
            self.taken.extend(name.map(|name| Inside { name, id, path: path.to_owned(), tree: true, files }));
        };
        if nested.edits == 0 {
            take(head, None);
            return Ok(());
        }
        let (what, scratch) = (self.what, self.scratch);
        let (tree, seen) = look_inside(what.host, outer, change.path.as_bstr(), what.deadline)?;
        let reading = read(what, &tree, &seen, scratch, true)?;
        let above = [path, b"/"].concat();
        let below = |left: LeftOut| {
            let inner = crate::text::from_json(&left.path, left.path_bytes.as_deref()).unwrap_or_default();
            let whole = [above.as_slice(), &inner].concat();
            let (bytes, why, detail) = (left.bytes, left.why, left.detail);
            LeftOut { detail, ..LeftOut::new(whole.trim_end_with(|c| c == '/'), bytes, why) }
        };
        let (written, refused) = scratch.write_tree(Some(&head), &reading.gone, &reading.come)?;
        let refused = refused.iter().map(|path| LeftOut::new(path.as_bytes(), None, Why::Name));
        self.left_out.extend(reading.left_out.into_iter().chain(refused).map(below));
        let by = signature(what, reading.newest);
        let message = format!("uncommitted edits below {} of {}", crate::text::shown(path), what.environment);
        take(scratch.write_commit(&written, &[head], &by, &message)?, Some(written));
        self.filters.extend(reading.filters);
        self.all(&tree, &seen.changes, &above);
        Ok(())
    }
}

/// The name that a repository's reference has in the bundle.
fn in_bundle(place: &str, name: &BStr) -> Option<RefName> {
    let short = name.strip_prefix(b"refs/").unwrap_or(name);
    // An entry of the stash has no name that a reference may have.
    let short = match short.strip_prefix(b"stash@{").and_then(|rest| rest.strip_suffix(b"}")) {
        Some(n) => [b"stash/", n].concat(),
        None => short.to_vec(),
    };
    RefName::new([place.as_bytes(), &short].concat())
}

/// The bytes of a folder of objects.
fn size_of(objects: &Path) -> u64 {
    let folders = std::fs::read_dir(objects).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    files.filter_map(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_a_repository_has_a_name_in_the_bundle() {
        let named = |name: &str| in_bundle("refs/cairn/inside/live/1/", name.into()).map(|name| name.to_string());
        assert_eq!(named("refs/heads/main").as_deref(), Some("refs/cairn/inside/live/1/heads/main"));
        assert_eq!(named("refs/stash@{2}").as_deref(), Some("refs/cairn/inside/live/1/stash/2"));
        assert_eq!(named("HEAD").as_deref(), Some("refs/cairn/inside/live/1/HEAD"));
        assert_eq!(named("refs/heads/a..b"), None);
    }
}
