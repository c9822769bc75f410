//! Repositories inside a served tree, and what the served clone itself has that the host does not.

use super::read::read;
use super::take::{Take, signature};
use super::{LeftOut, Why};
use crate::error::Result;
use crate::git::{ObjectId, Overlay, RefName};
use crate::site::HIDDEN_REFS;
use crate::uncommitted::{Change, Nested, Seen, WorkTree, look_inside};
use bstr::{BStr, ByteSlice};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
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
}

/// Returns the folder of a repository's objects: of a linked work tree's or submodule's, the one it shares.
pub fn objects_of(git_dir: &Path) -> PathBuf {
    let shared = std::fs::read(git_dir.join("commondir")).ok();
    let shared = shared.map(|text| git_dir.join(OsStr::from_bytes(text.trim())));
    shared.unwrap_or_else(|| git_dir.to_owned()).join("objects")
}

/// Takes the edits and the unknown commits of every repository that was found; what cannot be taken is noted.
pub fn take_all(
    what: &Take<'_>,
    tree: &WorkTree,
    seen: &Seen,
    scratch: &Overlay,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Inside> {
    let mut taken = Vec::new();
    let found = seen.changes.iter().filter_map(|change| Some((change, change.repository.as_ref()?)));
    for (n, (change, nested)) in found.enumerate() {
        let bytes = if change.path.is_empty() { 0 } else { size_of(&objects_of(&nested.git_dir)) };
        if what.rules.is_some_and(|rules| bytes > rules.limit_bytes) {
            left_out.push(LeftOut::new(&change.path, Some(bytes), Why::Limit).detail("a repository"));
            continue;
        }
        let place = format!("{HIDDEN_REFS}inside/{}/{n}/", what.environment);
        for (name, id) in &nested.unknown {
            match in_bundle(&place, name.as_bstr()) {
                Some(name) => taken.push(Inside { name, id: *id, path: change.path.to_vec(), tree: false }),
                None => left_out.push(LeftOut::new(&change.path, None, Why::Name).detail(crate::text::shown(name))),
            }
        }
        if change.path.is_empty() {
            continue;
        }
        match files(what, tree, change, nested, scratch, left_out) {
            Ok(Some(id)) => taken.extend(RefName::new(format!("{place}worktree")).map(|name| Inside {
                name,
                id,
                path: change.path.to_vec(),
                tree: true,
            })),
            Ok(None) => {}
            Err(error) => {
                left_out.push(LeftOut::new(&change.path, None, Why::Repository).detail(error.to_string()));
            }
        }
    }
    taken
}

/// The commit that holds the files of a repository inside the tree: its HEAD, or one upon it.
fn files(
    what: &Take<'_>,
    outer: &WorkTree,
    change: &Change,
    nested: &Nested,
    scratch: &Overlay,
    left_out: &mut Vec<LeftOut>,
) -> Result<Option<ObjectId>> {
    let Some(head) = nested.head else { return Ok(None) };
    if nested.edits == 0 {
        return Ok(Some(head));
    }
    let (tree, seen) = look_inside(what.host, outer, change.path.as_bstr())?;
    let reading = read(what, &tree, &seen, scratch, true)?;
    let below = |left: &LeftOut| {
        let path = crate::text::from_json(&left.path, left.path_bytes.as_deref()).unwrap_or_default();
        let whole = [change.path.as_slice(), b"/", path.as_slice()].concat();
        let (bytes, why, detail) = (left.bytes, left.why, left.detail.clone());
        LeftOut { detail, ..LeftOut::new(whole.trim_end_with(|c| c == '/'), bytes, why) }
    };
    left_out.extend(reading.left_out.iter().map(below));
    let deeper = seen.changes.iter().filter(|change| change.repository.is_some());
    left_out
        .extend(deeper.map(|one| below(&LeftOut::new(&one.path, None, Why::Repository).detail("inside another one"))));
    let (written, refused) = scratch.write_tree(Some(&head), &reading.gone, &reading.come)?;
    left_out.extend(refused.iter().map(|path| below(&LeftOut::new(path.as_bytes(), None, Why::Name))));
    let by = signature(what, reading.newest);
    let message = format!("uncommitted edits below {} of {}", crate::text::shown(&change.path), what.environment);
    scratch.write_commit(&written, &[head], &by, &message).map(Some)
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
