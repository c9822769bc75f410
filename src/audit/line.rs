//! One line: an entry, its number, its own digest and that of the line before.

use super::Entry;
use crate::store::{NO_DIGEST, is_sealed, sha256};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest line, in bytes.
pub(super) const BYTES_MAX: usize = 64 << 10;
/// How much of the first line's digest names a log.
const LOG_DIGITS: usize = 16;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// SHA-256 of the line, without its line feed, with 64 zeros in this place.
    pub digest: String,
    /// The digest of the line before; 64 zeros in the first one.
    pub before: String,
    /// Its number, from 1.
    pub line: u64,
    /// How many half-written lines a crash, or a full disk, left right before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub torn: u64,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Where a log ended at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which log: the first 16 digits of its first line's digest.
    pub log: String,
    /// The number of its last line.
    pub line: u64,
    /// The digest of that line.
    pub digest: String,
}

impl Head {
    /// Reads `<log>:<line>:<digest>`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ':');
        let (log, line, digest) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let hexadecimal = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let good = hexadecimal(log, LOG_DIGITS) && hexadecimal(digest, NO_DIGEST.len());
        good.then(|| Self { log: log.into(), line, digest: digest.into() })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.log, self.line, self.digest)
    }
}

/// Returns the name of the log whose first line has this digest.
pub(super) fn log_name(first: &str) -> String {
    first[..LOG_DIGITS.min(first.len())].to_owned()
}

impl Line {
    /// Makes the line after `before`, whose digest and number are given, and returns its bytes with their line feed.
    pub(super) fn seal(entry: &Entry, number: u64, before: Option<&str>, torn: u64) -> (Vec<u8>, String) {
        let mut line = Self {
            digest: NO_DIGEST.into(),
            before: before.unwrap_or(NO_DIGEST).into(),
            line: number,
            torn,
            entry: entry.clone(),
        };
        line.digest = sha256(&line.to_bytes());
        let mut bytes = line.to_bytes();
        bytes.push(b'\n');
        (bytes, line.digest)
    }

    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text serializes")
    }

    /// Reads a line without its line feed; `None` for one that is not as it was sealed.
    pub fn open(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > BYTES_MAX {
            return None;
        }
        let line: Self = serde_json::from_slice(bytes).ok()?;
        // The digest stands first: a place further on would leave what is before it unsealed.
        let first = bytes.starts_with(format!("{{\"digest\":\"{}\"", line.digest).as_bytes());
        (first && is_sealed(bytes, &line.digest)).then_some(line)
    }
}

/// Tells whether a line that does not open may be what a crash left: the beginning of one, or room that was never written.
pub(super) fn is_cut_off(bytes: &[u8]) -> bool {
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let Err(error) = serde_json::from_slice::<IgnoredAny>(&bytes[..written]) else { return false };
    // A quote that was altered opens a text that runs over the end of a whole line.
    let runs_over = bytes.ends_with(b"}") && error.to_string().contains("string");
    error.is_eof() && !runs_over
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    #[test]
    fn every_flipped_bit_is_seen() {
        let (bytes, digest) = Line::seal(&entry("h\u{e9}, \u{202e}"), 7, None, 0);
        let bytes = &bytes[..bytes.len() - 1];
        let line = Line::open(bytes).unwrap();
        assert_eq!((line.line, &line.digest, line.entry), (7, &digest, entry("h\u{e9}, \u{202e}")));
        for position in 0..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[position] ^= 1;
            assert!(Line::open(&flipped).is_none(), "a flip at {position} passes");
            assert!(Line::open(&bytes[..position]).is_none(), "a cut at {position} passes");
        }
    }

    #[test]
    fn a_head_is_one_word() {
        let head = Head { log: "0123456789abcdef".into(), line: 57, digest: NO_DIGEST.into() };
        assert_eq!(Head::parse(&head.to_string()), Some(head));
        for bad in ["", "x", "0123456789abcdef:1", "0123456789abcdef:x:y", &format!("x:1:{NO_DIGEST}")] {
            assert_eq!(Head::parse(bad), None, "{bad}");
        }
    }
}
