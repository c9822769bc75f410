//! An environment: a name, the branch it is served from, and where its code comes from.

use crate::error::{Error, Result};
use crate::git::RefName;
use std::fmt;
use std::path::PathBuf;

/// The name of an environment: `[a-z][a-z0-9-]*`, 40 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName(String);

impl EnvironmentName {
    /// Checks a name.
    ///
    /// Returns a usage error for anything else.
    pub fn new(name: &str) -> Result<Self> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(inner) && name.len() <= 40 {
            return Ok(Self(name.to_owned()));
        }
        let shown = crate::text::shown(name.as_bytes());
        Err(Error::usage(format!("not a name for an environment: {shown:?}"))
            .hint("use lower-case letters, digits and '-', beginning with a letter, as in live or qa-2"))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An environment of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The branch whose tip it is.
    pub branch: RefName,
    /// `cairn.<env>.from`: where a deployment takes its commit from; none for the first.
    pub from: Option<EnvironmentName>,
    /// `cairn.<env>.worktree`: the folder that is served.
    pub worktree: Option<PathBuf>,
}

impl Environment {
    /// Makes an environment of a branch's short name.
    ///
    /// Returns a usage error for a name that no branch may have.
    pub fn new(
        name: EnvironmentName,
        branch: &str,
        from: Option<EnvironmentName>,
        worktree: Option<PathBuf>,
    ) -> Result<Self> {
        let branch = RefName::branch(branch).ok_or_else(|| {
            let shown = crate::text::shown(branch.as_bytes());
            Error::usage(format!("{shown:?} cannot be the branch of {name}"))
                .hint("a branch's name begins with no '-', and git check-ref-format --branch must accept it")
        })?;
        Ok(Self { name, branch, from, worktree })
    }

    /// Returns the branch an environment has where no config names one.
    ///
    /// For the first it is only a guess that `setup` replaces with HEAD's branch.
    pub fn default_branch(name: &EnvironmentName) -> String {
        if name.as_str() == super::DEFAULT_ENVIRONMENTS[0] { "main".into() } else { name.to_string() }
    }
}
