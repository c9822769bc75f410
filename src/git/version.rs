//! Which git this host has.

use crate::error::{Error, Result};
use crate::process::{Command, Started};
use bstr::ByteSlice;
use std::fmt;

/// A version of git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitVersion {
    numbers: [u32; 2],
    text: String,
}

impl GitVersion {
    /// Reads what `git version` prints.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix("git version ")?.split(' ').next()?.to_owned();
        let mut numbers = text.split('.').map(str::parse);
        let numbers = [numbers.next()?.ok()?, numbers.next()?.ok()?];
        Some(Self { numbers, text })
    }

    /// Tells whether this git runs hooks that its config names, `hook.<name>.command` (since 2.54).
    pub fn has_config_hooks(&self) -> bool {
        self.numbers >= [2, 54]
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A question after git's version that git is about to answer.
pub struct AskedVersion(Started);

impl AskedVersion {
    /// Starts to ask.
    pub fn start() -> Result<Self> {
        Command::git().arg("version").start().map(Self)
    }

    /// Returns what git says, without the words it begins with; nothing where it says nothing.
    pub fn text(self) -> String {
        let out = self.0.read().unwrap_or_default();
        crate::text::shown(&out).trim_end_matches("\\u{a}").trim_start_matches("git version ").to_owned()
    }
}

/// Asks git for its version.
pub fn git_version() -> Result<GitVersion> {
    let out = Command::git().arg("version").read()?;
    let unreadable = || Error::strange_git(format!("git version says: {}", crate::text::shown(&out)));
    out.to_str().ok().and_then(GitVersion::parse).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_git_and_its_vendors_print_them() {
        let version = |text| GitVersion::parse(text).unwrap();
        assert!(!version("git version 2.47.3\n").has_config_hooks());
        assert!(version("git version 2.54.0.rc1").has_config_hooks());
        assert!(version("git version 3.0.0").has_config_hooks());
        assert_eq!(version("git version 2.39.5 (Apple Git-154)").to_string(), "2.39.5");
        assert!(GitVersion::parse("fit version 1").is_none());
    }
}
