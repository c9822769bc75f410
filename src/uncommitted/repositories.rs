//! Repositories inside a tree, and what the served clone itself has that the host does not.

use super::folder::Inner;
use super::foreign::Foreign;
use super::look::{Options, look_on};
use super::place::{self, Kept, WorkTree};
use super::{Change, GITLINK, Kind, Nested, New, Old, Seen, Unreadable, compare, inside};
use crate::error::{Error, Result};
use crate::git::{ObjectId, Repository, Staged};
use crate::os::Folder;
use bstr::{BStr, BString, ByteSlice};
use std::time::Instant;

/// How deep repositories in repositories are looked at.
const DEPTH_MAX: usize = 8;

/// Adds what the repositories inside a tree, and the tree's own, have that no commit here holds.
pub fn add(host: &Repository, tree: &WorkTree, found: Vec<Inner>, means: (usize, Option<Instant>), seen: &mut Seen) {
    for inner in found {
        let path = inner.path.clone();
        match one(host, tree, inner, means) {
            Ok((change, late)) => {
                seen.changes.extend(change);
                seen.late.extend(late);
            }
            Err(error) => seen.unreadable.push(Unreadable { path, why: error.to_string() }),
        }
    }
    if let Kept::Clone(git_dir) = tree.kept()
        && means.0 == 0
        && let Ok(foreign) = Foreign::open(git_dir, tree.objects().kind())
    {
        let unknown = unknown(host, &foreign, tree.head(), |_| true);
        if !unknown.is_empty() {
            let git_dir = git_dir.clone();
            let repository = Nested { git_dir, head: tree.head(), edits: 0, unknown, inside: vec![] };
            seen.changes.push(change(BString::default(), None, None, false, repository));
        }
    }
}

/// Opens a repository that stands at `path` in a tree, and looks at it against its own HEAD.
pub fn look_inside(
    host: &Repository,
    outer: &WorkTree,
    path: &BStr,
    deadline: Option<Instant>,
) -> Result<(WorkTree, Seen)> {
    let tree = WorkTree::open_in(host, &place::join(outer.path(), path), outer)?;
    let options = Options { deadline, ..Options::default() };
    // It was looked at before, as deep as looks go.
    let seen = look_on(host, &tree, tree.head(), &options, 1, 1)?;
    Ok((tree, seen))
}

/// Looks at one, `None` where it is what the commit says, and returns what of it there was no time for.
fn one(
    host: &Repository,
    outer: &WorkTree,
    inner: Inner,
    (depth, deadline): (usize, Option<Instant>),
) -> Result<(Option<Change>, Vec<BString>)> {
    let Inner { path, base, staged } = inner;
    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Ok((None, vec![path]));
    }
    let folder = place::join(outer.path(), path.as_bstr());
    let at = inside::walk_to(outer.root(), &path).map_err(|error| unclear(&error))?;
    let Some(git_dir) = place::git_dir(&at, &folder)? else {
        return empty(&at, base, staged).map(|()| (None, vec![]));
    };
    if depth >= DEPTH_MAX {
        return Err(unclear(&"it lies too deep in other repositories"));
    }
    let tree = WorkTree::open_in(host, &folder, outer)?;
    let stamp = outer.root().look(&path).unwrap_or_default();
    let head = tree.head();
    // Its history is not the host's: only what lies beside its branches is nowhere else.
    let counts = |name: &[u8]| base.is_none() || name.starts_with(b"refs/stash");
    let kind = outer.objects().kind();
    let unknown = match Foreign::open(&git_dir, kind) {
        Ok(foreign) => unknown(host, &foreign, head.filter(|_| base.is_none()), counts),
        Err(_) => vec![],
    };
    let options = Options { deadline, ..Options::default() };
    let below = look_on(host, &tree, head, &options, 1, depth + 1)?;
    if let Some(first) = below.unreadable.first() {
        return Err(unclear(&format!("{}: {}", crate::text::shown(&first.path), first.why)));
    }
    let late: Vec<_> = below.late.iter().map(|late| [path.as_slice(), b"/", late].concat().into()).collect();
    let now = head.map(|id| Old { mode: GITLINK, id });
    let recorded = base.filter(|base| base.mode == GITLINK);
    let is_as_staged = staged.is_none_or(|staged| base == Some(Old { mode: staged.mode, id: staged.id }));
    if recorded.is_some() && now == base && below.changes.is_empty() && unknown.is_empty() && is_as_staged {
        return Ok((None, late));
    }
    let edits = below.changes.len();
    let inside = below.changes.into_iter().filter(|change| change.repository.is_some()).collect();
    let repository = Nested { git_dir, head, edits, unknown, inside };
    let new = New { mode: GITLINK, stamp, id: head };
    Ok((Some(change(path, base, Some(new), staged.is_some() && !is_as_staged, repository)), late))
}

/// A submodule that is not checked out: nothing to compare, unless there are files whose commits nobody has.
fn empty(at: &Folder, base: Option<Old>, staged: Option<Staged>) -> Result<()> {
    let listed = at.list().map_err(|error| unclear(&error))?;
    let differs =
        staged.is_some_and(|staged| compare::between(base, Some(Old { mode: staged.mode, id: staged.id })).is_some());
    match listed.is_empty() {
        true if differs => Err(unclear(&"it is another commit in the index, and not checked out")),
        true => Ok(()),
        false => Err(unclear(&"it is a submodule without its repository, so its files cannot be compared")),
    }
}

fn change(path: BString, old: Option<Old>, new: Option<New>, staged: bool, repository: Nested) -> Change {
    Change {
        path,
        from: None,
        similarity: None,
        kind: Kind::Repository,
        binary: false,
        staged,
        hidden: false,
        old,
        new,
        repository: Some(repository),
    }
}

/// The references of a repository that lead to what the host does not have.
fn unknown(
    host: &Repository,
    foreign: &Foreign,
    head: Option<ObjectId>,
    counts: impl Fn(&[u8]) -> bool,
) -> Vec<(BString, ObjectId)> {
    let mut found: Vec<_> =
        foreign.refs().into_iter().filter(|(name, id)| counts(name) && !host.contains(id)).collect();
    if let Some(id) = head.filter(|id| !host.contains(id) && !found.iter().any(|(_, known)| known == id)) {
        found.insert(0, ("HEAD".into(), id));
    }
    found
}

fn unclear(why: &impl ToString) -> Error {
    Error::failed("unreadable", why.to_string())
}
