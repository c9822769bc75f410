//! Commits as they are written, and others made like them.

use super::{ObjectId, Scratch};
use crate::error::{Error, Result};
use crate::os::OsStrExt;
use bstr::{BString, ByteSlice};
use std::ffi::OsStr;

/// A commit as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCommit {
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents.
    pub parents: Vec<ObjectId>,
    /// The author's name, address, and time with its zone, as git writes them.
    pub author: [BString; 3],
    /// The encoding of the message, where it is named.
    pub encoding: Option<BString>,
    /// The message, to the byte.
    pub message: BString,
}

impl Scratch {
    /// Tells whether `ancestor` is reachable from `descendant`, or is it.
    pub fn is_ancestor(&self, ancestor: &ObjectId, descendant: &ObjectId) -> Result<bool> {
        let output =
            self.git()?.args(["merge-base", "--is-ancestor"]).args([ancestor.to_string(), descendant.to_string()]);
        let output = output.output()?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(Error::unreadable_repository(format!("git merge-base: {}", output.complaint()))),
        }
    }

    /// Reads a commit from the repository or from here.
    pub fn raw_commit(&self, id: &ObjectId) -> Result<RawCommit> {
        let bytes = self.git()?.args(["cat-file", "commit", &id.to_string()]).read()?;
        RawCommit::parse(&bytes).ok_or_else(|| {
            Error::damaged("commit", format!("the commit {id} is none that can be read"))
                .hint("is the repository whole? see: git fsck")
        })
    }

    /// Makes a commit with another's author, time and message on another tree and parent.
    pub fn commit_like(&self, like: &RawCommit, tree: &ObjectId, parent: &ObjectId, sign: bool) -> Result<ObjectId> {
        let [name, email, time] = &like.author;
        let encoding = like.encoding.as_ref().map_or(b"utf-8".as_bstr(), |encoding| encoding.as_bstr());
        let encoding = [b"i18n.commitEncoding=".as_slice(), encoding].concat();
        let mut git = self.git()?.arg("-c").arg(OsStr::from_bytes(&encoding)).arg("commit-tree");
        git = git.env("GIT_AUTHOR_NAME", OsStr::from_bytes(name)).env("GIT_AUTHOR_EMAIL", OsStr::from_bytes(email));
        git = git.env("GIT_AUTHOR_DATE", OsStr::from_bytes(&[b"@", time.as_slice()].concat()));
        git = git.arg(if sign { "--gpg-sign" } else { "--no-gpg-sign" });
        let made = git.args(["-p", &parent.to_string(), &tree.to_string()]).read_with(&like.message);
        made.and_then(|out| id_of(&out)).map_err(|error| {
            Error::refused("cannot-commit", format!("git cannot make the commit: {error}"))
                .hint("nothing was changed; set your name and address: git config user.name, git config user.email")
        })
    }
}

impl RawCommit {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, message) = bytes.split_once_str("\n\n").unwrap_or((bytes.trim_end_with(|c| c == '\n'), b""));
        let field = |name: &'static str| head.lines().filter_map(move |line| line.strip_prefix(name.as_bytes()));
        let author = field("author ").next()?;
        let (name, rest) = author.rsplit_once_str("<")?;
        let (email, time) = rest.split_once_str(">")?;
        Some(Self {
            tree: ObjectId::from_hex(field("tree ").next()?).ok()?,
            parents: field("parent ").map(|id| ObjectId::from_hex(id).ok()).collect::<Option<_>>()?,
            author: [name.trim().into(), email.into(), time.trim().into()],
            encoding: field("encoding ").next().map(BString::from),
            message: message.into(),
        })
    }
}

fn id_of(out: &[u8]) -> Result<ObjectId> {
    ObjectId::from_hex(out.trim()).map_err(|_| Error::strange_git("git answers with no object id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_with_whatever_its_author_is_called() {
        let id = "1111111111111111111111111111111111111111";
        let text = format!(
            "tree {id}\nparent {id}\nauthor A <b> c <a@b> 1700000000 +0130\ncommitter x <y> 0 +0000\nencoding latin1\n\nparent no\n\nbody"
        );
        let commit = RawCommit::parse(text.as_bytes()).unwrap();
        assert_eq!(commit.parents.len(), 1);
        assert_eq!(commit.author, ["A <b> c", "a@b", "1700000000 +0130"]);
        assert_eq!((commit.encoding.unwrap(), commit.message), ("latin1".into(), "parent no\n\nbody".into()));
    }
}
