//! Names and ids, checked once at the edge.

use crate::os::OsStrExt;
use crate::text;
use bstr::{BStr, ByteSlice};
use std::ffi::OsStr;
use std::fmt;

/// The full name of a reference, `HEAD` or `refs/...`, that git-check-ref-format(1) would pass.
///
/// Its bytes are whatever the repository holds; they need not be UTF-8, and shown to a person they are escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Box<[u8]>);

impl RefName {
    /// Returns the name if it is one: `HEAD`, or a valid name below `refs/`; `None` otherwise.
    pub fn new(bytes: impl AsRef<[u8]>) -> Option<Self> {
        let bytes = bytes.as_ref();
        let full = bytes == b"HEAD" || is_pseudo_head(bytes) || bytes.starts_with(b"refs/");
        let valid = full && gix::validate::reference::name(bytes.as_bstr()).is_ok();
        valid.then(|| Self(bytes.into()))
    }

    /// Returns `refs/heads/<short>` where that is a name git creates for a branch.
    pub fn branch(short: impl AsRef<[u8]>) -> Option<Self> {
        let short = short.as_ref();
        if short.starts_with(b"-") || short == b"HEAD" {
            return None;
        }
        Self::new([b"refs/heads/", short].concat())
    }

    /// Returns `refs/tags/<short>`.
    pub fn tag(short: &str) -> Option<Self> {
        Self::new([b"refs/tags/", short.as_bytes()].concat())
    }

    /// Returns `HEAD`.
    pub fn head() -> Self {
        Self(b"HEAD".as_slice().into())
    }

    /// Returns the bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name for git's argument list.
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// Returns the name without `refs/heads/`, `refs/tags/` or, for others, `refs/`.
    pub fn short(&self) -> &BStr {
        let starts = ["refs/heads/", "refs/tags/", "refs/"];
        let short = starts.iter().find_map(|start| self.0.strip_prefix(start.as_bytes()));
        short.unwrap_or(&self.0).as_bstr()
    }

    /// Tells whether the name lies below `folder`, which ends in a slash.
    pub fn is_below(&self, folder: &str) -> bool {
        self.0.starts_with(folder.as_bytes())
    }
}

/// Returns how git is asked for the commit that a person's words mean (gitrevisions(7)). What is searched for in messages goes to
/// the end of the words, and is a commit.
pub fn commit_spec(words: &str) -> String {
    if words.starts_with(":/") { words.to_owned() } else { format!("{words}^{{commit}}") }
}

/// Tells whether a pattern matches a full name as git's own patterns do (`includeIf "onbranch:"`): `*` and `?` stop at a
/// slash, `**` does not, and a pattern that ends in a slash matches everything below it.
pub fn wildmatch(pattern: &[u8], name: &[u8]) -> bool {
    let below = pattern.ends_with(b"/").then(|| [pattern, b"**"].concat());
    let pattern = below.as_deref().unwrap_or(pattern).as_bstr();
    gix::glob::wildmatch(pattern, name.as_bstr(), gix::glob::wildmatch::Mode::NO_MATCH_SLASH_LITERAL)
}

/// What `git bundle create --all` writes for linked work trees.
fn is_pseudo_head(bytes: &[u8]) -> bool {
    bytes == b"main-worktree/HEAD" || (bytes.starts_with(b"worktrees/") && bytes.ends_with(b"/HEAD"))
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::shown(&self.0))
    }
}

impl fmt::Debug for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_git_would_create() {
        for good in [
            "HEAD",
            "refs/heads/main",
            "refs/heads/-x",
            "refs/heads/refs/heads/main",
            "refs/tags/a;id",
            "refs/notes/commits",
        ] {
            assert!(RefName::new(good).is_some(), "{good}");
        }
        assert!(RefName::new(b"refs/heads/\xff\xfe").is_some());
        for bad in [
            "",
            "main",
            "refs/",
            "refs/heads/",
            "refs/heads/a..b",
            "refs/heads/a b",
            "refs/heads/x.lock",
            "refs/../x",
            "/refs/x",
            "head",
        ] {
            assert!(RefName::new(bad).is_none(), "{bad}");
        }
        assert!(RefName::branch("-x").is_none(), "git branch makes none like this");
    }

    #[test]
    fn short_names() {
        let short = |name: &str| RefName::new(name).unwrap().short().to_string();
        assert_eq!(short("refs/heads/a/b"), "a/b");
        assert_eq!(short("refs/tags/live_1"), "live_1");
        assert_eq!(short("refs/notes/commits"), "notes/commits");
    }
}
