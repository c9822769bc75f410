//! Telling the operator of a job that failed, by the command in `cairn.onFailure`.

use crate::git::Repository;
use crate::process::Command;
use crate::queue::Job;
use crate::site::Site;
use serde_json::json;
use std::time::Duration;

/// How long that command may take; the next job waits for it.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest reason that is told, in characters.
const REASON_MAX: usize = 1000;

/// Runs it with one JSON line on its standard input, and returns what is to be said of that where it did not go well.
///
/// As git does with such values (git-config(1), `core.sshCommand`), sh reads it, so that it may have arguments. It is the
/// operator's own text: nothing that comes from a push is put into it.
pub(super) fn tell(repository: &Repository, site: &Site, job: &Job, why: &str) -> Option<String> {
    let command = repository.config().get("cairn", "onFailure").filter(|command| !command.trim().is_empty())?;
    let line = json!({
        "schema": 1,
        "event": "job-failed",
        "site": site.name,
        "repository": crate::text::json_text(repository.git_dir().as_os_str().as_encoded_bytes()),
        "environment": job.what.environment,
        "initiator": job.what.initiator,
        "tag": job.what.tag,
        "commit": job.what.commit.map(|commit| commit.to_string()),
        "queued_at": job.what.at,
        "attempts": job.attempts + 1,
        "error": why.chars().take(REASON_MAX).collect::<String>(),
    });
    let shell = Command::new("sh").args(["-c", &command, "cairn.onFailure"]).in_folder(repository.git_dir());
    match shell.run_within(format!("{line}\n").as_bytes(), LIMIT) {
        Ok(Some(status)) if status.success() => None,
        Ok(Some(status)) => Some(format!("cairn.onFailure ended with {status}")),
        Ok(None) => Some(format!("cairn.onFailure took longer than {} seconds and was ended", LIMIT.as_secs())),
        Err(error) => Some(format!("cairn.onFailure: {error}")),
    }
}
