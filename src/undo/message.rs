//! The messages of the commits that are made, to the byte those that `git revert` writes (sequencer.c).

use crate::git::{CommitText, ObjectId};
use bstr::{BStr, BString, ByteSlice};

/// Returns the message of the commit that reverts `commit`, of which `parent` is kept where it is a merge.
///
/// `reapplies` tells whether git calls the revert of a revert so (since 2.43).
pub fn of_revert(commit: &CommitText, parent: Option<&ObjectId>, reapplies: bool) -> BString {
    let title = title(commit.message.as_bstr());
    let again = title.strip_prefix(b"Revert \"").filter(|rest| reapplies && !rest.starts_with(b"Revert \""));
    let mut message = BString::default();
    match again {
        // What follows ends in the quotation mark of the first revert.
        Some(rest) => message.extend([b"Reapply \"", rest, b"\n"].concat()),
        None => message.extend([b"Revert \"", title, b"\"\n"].concat()),
    }
    message.extend(format!("\nThis reverts commit {}", commit.id).bytes());
    if let Some(parent) = parent {
        message.extend(format!(", reversing\nchanges made to {parent}").bytes());
    }
    message.extend(b".\n");
    message
}

/// Tells whether a commit calls itself a revert, so that the words for its own depend on git's version.
pub(super) fn is_of_revert(commit: &CommitText) -> bool {
    title(commit.message.as_bstr()).starts_with(b"Revert \"")
}

/// Returns the message of the commit that puts everything back to `commit`.
pub fn of_reset(commit: &CommitText) -> BString {
    let title = title(commit.message.as_bstr());
    let mut message = BString::from([b"Go back to \"", title, b"\"\n"].concat());
    message.extend(format!("\nThis makes everything what it was at commit {}.\n", commit.id).bytes());
    message
}

/// The first line that is not blank, as git finds it (`find_commit_subject` in commit.c).
pub(super) fn title(message: &BStr) -> &[u8] {
    message
        .lines_with_terminator()
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(message: &[u8]) -> CommitText {
        let id = ObjectId::from_hex(&[b'1'; 40]).unwrap();
        CommitText { id, tree: id, parents: vec![], author: "A".into(), email: "a@b".into(), message: message.into() }
    }

    #[test]
    fn titles_are_gits() {
        let title =
            |message: &[u8], reapplies| of_revert(&commit(message), None, reapplies).lines().next().unwrap().to_vec();
        assert_eq!(title(b"#42 x \n\nbody", true), b"Revert \"#42 x \"");
        assert_eq!(title(b"\n \nlate\nmore", true), b"Revert \"late\"");
        assert_eq!(title(b"Revert \"B\"\n", true), b"Reapply \"B\"");
        assert_eq!(title(b"Revert \"B\"\n", false), b"Revert \"Revert \"B\"\"");
        assert_eq!(title(b"Revert \"Revert \"B\"\"\n", true), b"Revert \"Revert \"Revert \"B\"\"\"");
        assert_eq!(title(b"Reapply \"B\"\n", true), b"Revert \"Reapply \"B\"\"");
        assert_eq!(title(b"gr\xfcn\n", true), b"Revert \"gr\xfcn\"");
        assert_eq!(title(b"", true), b"Revert \"\"");
    }
}
