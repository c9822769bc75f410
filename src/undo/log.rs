//! A branch's log, as a person chooses from it.

use super::Seen;
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::text::shown;
use std::collections::HashMap;

/// A commit of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The commit.
    pub id: ObjectId,
    /// Its first line, fit to be shown.
    pub subject: String,
    /// Who wrote it, fit to be shown.
    pub author: String,
    /// The day it was committed.
    pub date: String,
    /// The tags of the deployments that stand on it, those of the last environment first, the newest of each first.
    pub deployments: Vec<String>,
}

/// Returns the newest commits of what a branch would be built upon, at most this many, newest first.
pub fn log(seen: &Seen, most: usize) -> Result<Vec<LogLine>> {
    let deployments = deployments(seen);
    let base = seen.base().to_string();
    let format = "--format=tformat:%H%x00%s%x00%an%x00%cs";
    let words = ["log", "--no-show-signature", "--encoding=UTF-8", "-z", format, "--max-count"];
    let out = seen.scratch.git()?.args(words).args([&most.to_string(), &base, "--"]).read()?;
    let fields: Vec<&[u8]> = out.split(|byte| *byte == 0).collect();
    let line = |fields: &[&[u8]]| {
        let id = ObjectId::from_hex(fields[0]).map_err(|_| Error::strange_git("git log answers in no way we know"))?;
        let [subject, author, date] = [1, 2, 3].map(|n| shown(fields[n]));
        let deployments = deployments.get(&id).cloned().unwrap_or_default();
        Ok(LogLine { id, subject, author, date, deployments })
    };
    fields.chunks_exact(4).map(line).collect()
}

/// The tags of the host's deployments, by the commit each stands on.
fn deployments(seen: &Seen) -> HashMap<ObjectId, Vec<String>> {
    let mut by_commit: HashMap<ObjectId, Vec<String>> = HashMap::new();
    let Some(host) = seen.host() else { return by_commit };
    // What is nearest to visitors first.
    for environment in host.deploying().iter().rev() {
        for (_, tag, commit) in host.deployments(environment) {
            by_commit.entry(commit).or_default().push(tag.short().to_string());
        }
    }
    by_commit
}
