//! What was typed in a clone and is done on its host: where that is, and what to type there.

use super::arguments::Verb;
use crate::deployment::likely_host;
use crate::error::{Error, Kind, Result};
use crate::git::{Place, Repository};
use crate::os;
use crate::setup::NOT_BARE;
use crate::site::NOT_SET_UP;
use crate::text::shell_word;
use std::ffi::OsString;

/// The flags that say where one is, which is elsewhere on the host.
const PLACES: [&str; 2] = ["-C", "--git-dir"];

/// Tells whoever typed `words` in a clone what to type on its host instead; an error that a clone is not the reason of stays as
/// it is.
pub fn or_on_host(error: Error, place: &Place, words: &[OsString]) -> Error {
    if ![NOT_SET_UP, NOT_BARE].contains(&error.code()) {
        return error;
    }
    let Some(there) = typed_there(place, words) else { return error };
    if error.code() == NOT_BARE {
        let otherwise = error.next_step().unwrap_or_default().to_owned();
        return error.hint(format!("{there}; or {otherwise}"));
    }
    let named = error.next_step().is_some_and(|hint| hint.starts_with("name the store"));
    let here = if named { "; or name the store: --store <dir>" } else { "" };
    Error::new(Kind::NotFound, "not-the-host", "this is a clone; that is kept on the host alone, or done there")
        .hint(format!("{there}{here}"))
}

/// Returns an error that says where to type it, for what only a host does where this machine cannot be one; nothing was touched.
pub fn can_be_done_here(verb: &Verb, place: &Place, words: &[OsString]) -> Result<()> {
    if os::HOSTS || !verb.is_for_hosts() {
        return Ok(());
    }
    let there = typed_there(place, words);
    let there = there.unwrap_or_else(|| format!("on the host: ssh <host> git -C <repository> {}", typed(words)));
    Err(Error::refused(
        "no-host-here",
        "this is done on a repository's host, which is a Unix machine, and this is none",
    )
    .hint(there))
}

/// What to type on the host; `None` where this is no clone.
fn typed_there(place: &Place, words: &[OsString]) -> Option<String> {
    let repository = Repository::discover(place).ok()?;
    let folder = repository.work_tree()?.to_owned();
    Some(likely_host(&repository)?.told_there(&folder, &typed(words)))
}

/// The words after `git` of what was typed, without those that say where.
fn typed(words: &[OsString]) -> String {
    let mut kept = vec!["cairn".to_owned()];
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        if PLACES.contains(&text.as_ref()) {
            rest.next();
        } else if !text.starts_with("-C") && !text.starts_with("--git-dir=") {
            kept.push(shell_word(word));
        }
    }
    kept.join(" ")
}
