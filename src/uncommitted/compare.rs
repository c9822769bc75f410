//! What a path's three states make of it: as the commit has it, as the index has it, as it lies there. Values only.

use super::{GITLINK, Kind, Old};
use crate::git::Staged;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub kind: Kind,
    /// Whether the index holds something else than the commit.
    pub staged: bool,
    /// Whether git was told not to look.
    pub hidden: bool,
}

/// Tells what happened between two states of a path; `None` where nothing did.
pub fn between(old: Option<Old>, new: Option<Old>) -> Option<Kind> {
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(Kind::Added),
        (Some(_), None) => Some(Kind::Deleted),
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) if sort(old.mode) != sort(new.mode) => Some(Kind::Type),
        (Some(old), Some(_)) if old.mode == GITLINK => Some(Kind::Repository),
        (Some(old), Some(new)) if old.id == new.id => Some(Kind::Mode),
        (Some(_), Some(_)) => Some(Kind::Modified),
    }
}

/// Whether it is a file, a link or a repository.
fn sort(mode: u32) -> u32 {
    mode & 0o170_000
}

/// Judges a path of a tree that has no index of its own.
pub fn without_index(base: Option<Old>, work: Option<Old>) -> Option<Verdict> {
    between(base, work).map(|kind| Verdict { kind, staged: false, hidden: false })
}

/// Judges a path of a clone: the commit against what lies there, and where those are the same against the index.
pub fn with_index(base: Option<Old>, index: Option<Staged>, work: Option<Old>) -> Option<Verdict> {
    let Some(index) = index else {
        // Not in the index: deleted there if the commit has it, whatever lies there now.
        let kind = between(base, work).or(base.map(|_| Kind::Deleted))?;
        return Some(Verdict { kind, staged: base.is_some(), hidden: false });
    };
    let held = (!index.intended).then_some(Old { mode: index.mode, id: index.id });
    // What a sparse checkout leaves out is not missing.
    let work = if index.skipped && work.is_none() { held } else { work };
    let staged = index.conflicted || between(base, held).is_some();
    let undecided = index.conflicted.then_some(Kind::Modified);
    let kind = between(base, work).or_else(|| between(base, held)).or(undecided)?;
    Some(Verdict { kind, staged, hidden: (index.assumed || index.skipped) && work != held })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{HashKind, blob_id};

    fn old(content: &str) -> Old {
        Old { mode: super::super::REGULAR, id: blob_id(HashKind::Sha1, content.as_bytes()).unwrap() }
    }

    fn index(content: &str) -> Staged {
        let Old { mode, id } = old(content);
        Staged { mode, id, conflicted: false, intended: false, assumed: false, skipped: false }
    }

    fn told(verdict: Option<Verdict>) -> Option<(Kind, bool, bool)> {
        verdict.map(|verdict| (verdict.kind, verdict.staged, verdict.hidden))
    }

    #[test]
    fn what_is_staged_is_told_beside_what_lies_there() {
        let one = |base, held: Option<&str>, work| told(with_index(base, held.map(index), work));
        assert_eq!(one(Some(old("a")), Some("a"), Some(old("a"))), None);
        assert_eq!(one(Some(old("a")), Some("a"), Some(old("b"))), Some((Kind::Modified, false, false)));
        assert_eq!(one(Some(old("a")), Some("b"), Some(old("b"))), Some((Kind::Modified, true, false)));
        assert_eq!(one(Some(old("a")), Some("b"), Some(old("a"))), Some((Kind::Modified, true, false)));
        assert_eq!(one(Some(old("a")), None, Some(old("a"))), Some((Kind::Deleted, true, false)));
        assert_eq!(one(Some(old("a")), None, Some(old("b"))), Some((Kind::Modified, true, false)));
        assert_eq!(one(Some(old("a")), None, None), Some((Kind::Deleted, true, false)));
        assert_eq!(one(None, Some("b"), None), Some((Kind::Added, true, false)));
        assert_eq!(one(None, None, Some(old("b"))), Some((Kind::Added, false, false)));
        assert_eq!(one(None, None, None), None);
    }

    #[test]
    fn what_git_was_told_not_to_look_at_is_looked_at() {
        let assumed = Staged { assumed: true, ..index("a") };
        let skipped = Staged { skipped: true, ..index("a") };
        assert_eq!(
            told(with_index(Some(old("a")), Some(assumed), Some(old("b")))),
            Some((Kind::Modified, false, true))
        );
        assert_eq!(told(with_index(Some(old("a")), Some(assumed), None)), Some((Kind::Deleted, false, true)));
        assert_eq!(
            told(with_index(Some(old("a")), Some(skipped), Some(old("b")))),
            Some((Kind::Modified, false, true))
        );
        assert_eq!(told(with_index(Some(old("a")), Some(skipped), None)), None);
        assert_eq!(told(with_index(Some(old("a")), Some(assumed), Some(old("a")))), None);
    }
}
