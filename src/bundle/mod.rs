//! The git bundle format and nothing else: a header, and the pack that follows it as bytes.
//!
//! The format is gitformat-bundle(5). What this reads is stricter than git where git is silent about loss:
//! a reference twice with different objects, a name that no repository could hold, an object id of the wrong length.

mod read;
mod write;

pub use read::{Invalid, pass_header, read_header};
pub use write::{write_header, write_header_naming};

use crate::git::{HashKind, ObjectId, RefName};

/// The version in a bundle's first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `# v2 git bundle`: SHA-1, no capabilities. git reads it since 1.5.1.
    V2,
    /// `# v3 git bundle`: an object format and a filter may be named. git reads it since 2.29.
    V3,
}

/// Everything a bundle says before its pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The version of the first line.
    pub version: Version,
    /// The hash that object ids are made with.
    pub object_format: HashKind,
    /// The filter the pack was made with, as `blob:none`: such a bundle does not hold every object.
    pub filter: Option<String>,
    /// Commits that the receiver must have, with all they reach.
    pub prerequisites: Vec<ObjectId>,
    /// The references, in the order of the file; `HEAD` may be among them.
    pub refs: Vec<(RefName, ObjectId)>,
}

impl Header {
    /// Makes a header that the oldest git able to read it reads: v2 for SHA-1, else v3.
    pub fn new(object_format: HashKind, prerequisites: Vec<ObjectId>, refs: Vec<(RefName, ObjectId)>) -> Self {
        let version = if object_format == HashKind::Sha1 { Version::V2 } else { Version::V3 };
        Self { version, object_format, filter: None, prerequisites, refs }
    }

    /// Tells whether the pack holds everything the references reach.
    pub fn is_self_contained(&self) -> bool {
        self.prerequisites.is_empty() && self.filter.is_none()
    }
}

/// Returns the word that `@object-format` and `git init --object-format` use.
pub fn object_format_name(kind: HashKind) -> &'static str {
    match kind {
        HashKind::Sha256 => "sha256",
        _ => "sha1",
    }
}

/// Reads the word that [`object_format_name`] writes.
pub fn object_format_from_name(name: &str) -> Option<HashKind> {
    match name {
        "sha1" => Some(HashKind::Sha1),
        "sha256" => Some(HashKind::Sha256),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
