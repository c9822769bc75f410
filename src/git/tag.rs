//! Making an annotated tag.

use super::repository::{Repository, patient};
use super::{ObjectId, RefName};
use crate::error::Result;

/// A tag that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewTag<'a> {
    /// Its full name, below `refs/tags/`.
    pub name: &'a RefName,
    /// The commit it is on.
    pub commit: &'a ObjectId,
    /// Who makes it: a name that git takes as it is, and an address.
    pub tagger: (&'a str, &'a str),
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// What it says; ends in a line feed.
    pub message: &'a str,
}

impl Repository {
    /// Makes a tag, object and reference, durably and with one process of git. What is written is what is given, whatever
    /// git's config says of signatures and of cleaning messages.
    ///
    /// Returns an error where the name is taken, or cannot be beside another.
    pub fn create_tag(&self, tag: &NewTag<'_>) -> Result<()> {
        let (name, address) = tag.tagger;
        let git = patient(self.durable_git()).args(["-c", "tag.gpgSign=false"]);
        let git = git.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", address);
        let git = git.env("GIT_COMMITTER_DATE", format!("{} +0000", tag.seconds));
        let git = git.args(["tag", "--annotate", "--cleanup=verbatim", "--file=-", "--"]);
        let short = tag.name.short().to_string();
        git.args([short, tag.commit.to_string()]).read_with(tag.message.as_bytes()).map(drop)
    }
}
