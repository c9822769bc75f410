//! Finding the backup a person names.

use super::tombstone::Tombstone;
use super::{BackupId, Catalog, Manifest};
use crate::error::{Error, Kind, Result};
use crate::process::Command;
use bstr::ByteSlice;
use jiff::Timestamp;

/// The shortest start of an id that names a backup.
const START_MIN: usize = 4;

/// Returns the backup that `words` name: an id or a unique start of it, an environment (its newest), `live@{2}` (two
/// before that), `live@{yesterday}` (the newest made by then), or a deployment's tag.
///
/// Returns [`Kind::NotFound`] where there is none, a usage error where a start fits several, and the reason where the
/// named backup's manifest cannot be read.
pub fn select<'a>(catalog: &'a Catalog<'_>, words: &str) -> Result<&'a Manifest> {
    if words.starts_with(|c: char| c.is_ascii_digit()) {
        return by_id(catalog, words);
    }
    if let Some((environment, when)) = words.strip_suffix('}').and_then(|words| words.split_once("@{")) {
        return by_position(catalog, environment, when);
    }
    if let Some(newest) = catalog.of(words).first().copied() {
        return Ok(newest);
    }
    let deployment = catalog.good().filter(|manifest| manifest.tag.as_deref() == Some(words));
    // The backup that the deployment made is the first of those that stand on its tag.
    deployment.last().ok_or_else(|| none(catalog, words))
}

fn by_id<'a>(catalog: &'a Catalog<'_>, start: &str) -> Result<&'a Manifest> {
    let mut fitting = catalog.entries.iter().filter(|entry| entry.id.as_str().starts_with(start));
    let first = fitting.next().ok_or_else(|| none_by_id(catalog, start))?;
    if start.len() < START_MIN {
        return Err(
            Error::usage(format!("{start} is too short to name a backup")).hint("use at least 4 characters of its id")
        );
    }
    if let Some(second) = fitting.next() {
        let message = format!("{start} could be {} or {}", first.id, second.id);
        return Err(Error::usage(message).hint("use more characters of the id"));
    }
    first.manifest.as_ref().map_err(|error| {
        let again = Error::new(error.kind(), error.code(), error.to_string());
        match error.next_step() {
            Some(hint) => again.hint(hint),
            None => again.hint("see what else is damaged: git cairn backup verify --all"),
        }
    })
}

fn by_position<'a>(catalog: &'a Catalog<'_>, environment: &str, when: &str) -> Result<&'a Manifest> {
    let words = format!("{environment}@{{{when}}}");
    if let Ok(n) = when.parse::<usize>() {
        return catalog.of(environment).get(n).copied().ok_or_else(|| none(catalog, &words));
    }
    let by = parse_date(when)?;
    catalog.of(environment).into_iter().find(|manifest| manifest.refs_at <= by).ok_or_else(|| none(catalog, &words))
}

/// Reads a date in git's words, by git itself: `git config` does so without a repository too, and refuses what is no date.
fn parse_date(words: &str) -> Result<Timestamp> {
    let setting = format!("cairn.when={words}");
    let git = Command::git().args(["-c", &setting, "config", "--type=expiry-date", "--get", "cairn.when"]);
    let out = git.in_folder("/".as_ref()).output()?;
    let seconds: Option<u64> = out.stdout.trim().to_str().ok().and_then(|digits| digits.parse().ok());
    // For `now` git answers with the end of time.
    let instant = |seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok();
    seconds.map(|seconds| instant(seconds).unwrap_or(Timestamp::MAX)).ok_or_else(|| {
        Error::usage(format!("{:?} is no time that git knows", crate::text::shown(words.as_bytes())))
            .hint("write it as git does: live@{yesterday}, live@{2 hours ago}, live@{2026-01-31 12:00}")
    })
}

/// One that was removed on purpose is told of as long as its tombstone stands.
fn none_by_id(catalog: &Catalog<'_>, start: &str) -> Error {
    let id = BackupId::parse(start).ok();
    let tombstone = id.and_then(|id| Tombstone::read(catalog.store, &catalog.site, &id).ok().flatten());
    match tombstone {
        Some(tombstone) => {
            Error::new(Kind::NotFound, "removed", format!("there is no backup {start} any more: {}", tombstone.told()))
                .hint("see those there are: git cairn backup list")
        }
        None => none(catalog, start),
    }
}

fn none(catalog: &Catalog<'_>, words: &str) -> Error {
    let shown = crate::text::shown(words.as_bytes());
    let place = catalog.store.place();
    Error::new(Kind::NotFound, "no-backup", format!("there is no backup {shown} in {place}"))
        .hint("see those there are: git cairn backup list")
}
