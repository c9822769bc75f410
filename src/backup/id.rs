//! The name of a backup.

use crate::clock;
use crate::error::{Error, Result};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// `20261123-075112-7c3e`: when it was begun, as [`clock::name`] has it.
/// Ids of a site sort in the order its backups were begun.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupId(String);

impl BackupId {
    /// Makes the id of a backup that begins at `at` and comes after `previous`, whatever the clock says.
    pub fn new(at: Timestamp, previous: Option<&Self>) -> Self {
        let id = Self::at(at);
        match previous.filter(|previous| id <= **previous) {
            Some(previous) => previous.next(),
            None => id,
        }
    }

    fn at(at: Timestamp) -> Self {
        Self(clock::name(at))
    }

    /// Returns the id right after this one.
    fn next(&self) -> Self {
        let fraction = u32::from_str_radix(&self.0[16..], 16).unwrap_or(0);
        if fraction < 0xffff {
            return Self(format!("{}-{:04x}", &self.0[..15], fraction + 1));
        }
        let second = DateTime::strptime("%Y%m%d-%H%M%S", &self.0[..15]).and_then(|time| time.to_zoned(TimeZone::UTC));
        let second = second.map_or(Timestamp::MAX, |time| time.timestamp());
        Self::at(second.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX))
    }

    /// Reads an id.
    ///
    /// Returns an error for anything of another form.
    pub fn parse(text: &str) -> Result<Self> {
        let fits = text.len() == 20
            && text.char_indices().all(|(position, c)| match position {
                8 | 15 => c == '-',
                0..16 => c.is_ascii_digit(),
                _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
            });
        if fits { Ok(Self(text.into())) } else { Err(Error::usage(format!("{text:?} is no id of a backup"))) }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BackupId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|error| error.to_string())
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_with_a_digit_and_sort_by_time() {
        let at = |seconds, nanoseconds| Timestamp::new(seconds, nanoseconds).unwrap();
        let first = BackupId::new(at(1_795_416_672, 500_000_000), None);
        assert_eq!(first.as_str(), "20261123-065112-8000");
        assert!(BackupId::new(at(1_795_416_672, 500_020_000), None) > first);
        assert_eq!(BackupId::parse(first.as_str()).unwrap(), first);
        for bad in
            ["", "live", "20261123-065112-7C3E", "20261123-065112-7c3", "../../../etc/passwd0", "20261123_065112-7c3e"]
        {
            assert!(BackupId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_changes_no_order() {
        let at = Timestamp::new(1_795_417_199, 999_999_999).unwrap();
        let mut previous = BackupId::new(at, None);
        assert_eq!(previous.as_str(), "20261123-065959-ffff");
        for _ in 0..3 {
            let next = BackupId::new(Timestamp::UNIX_EPOCH, Some(&previous));
            assert!(next > previous && BackupId::parse(next.as_str()).is_ok(), "{next}");
            previous = next;
        }
        assert_eq!(previous.as_str(), "20261123-070000-0002");
    }
}
