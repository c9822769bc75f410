//! What a push says by its options.

use crate::git::{Lease, ObjectId, RefName, is_null};
use bstr::{BString, ByteSlice};

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 1000;

/// `cairn.rewind=<full ref>:<old id>:<new id>`: exactly the movement that is meant; new all zeros is a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The reference.
    pub name: RefName,
    /// What it holds.
    pub old: ObjectId,
    /// What it is to hold; `None`: it is to be deleted.
    pub new: Option<ObjectId>,
}

impl Announcement {
    /// Reads the value of the option; `None` where it is none.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.rsplitn(3, |byte| *byte == b':');
        let new = ObjectId::from_hex(parts.next()?).ok()?;
        let old = ObjectId::from_hex(parts.next()?).ok()?;
        let name = RefName::new(parts.next()?)?;
        (!is_null(&old)).then_some(Self { name, old, new: Some(new).filter(|new| !is_null(new)) })
    }

    /// Announces the movement of a push under this lease; `None` of one that makes the reference.
    pub fn of(lease: &Lease) -> Option<Self> {
        let new = Some(lease.target).filter(|new| !is_null(new));
        Some(Self { name: lease.name.clone(), old: lease.expect?, new })
    }

    /// Returns the option as it is pushed.
    pub fn option(&self) -> BString {
        let new = self.new.unwrap_or_else(|| ObjectId::null(self.old.kind()));
        [b"cairn.rewind=", self.name.as_bytes(), format!(":{}:{new}", self.old).as_bytes()].concat().into()
    }
}

/// The options of a push that the guard understands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// `cairn.rewind`, each.
    pub announcements: Vec<Announcement>,
    /// `cairn.reason`, made fit for a line.
    pub reason: Option<String>,
    /// `cairn.grant`: the tokens.
    pub grants: Vec<BString>,
    /// `cairn.deploy`: the environments.
    pub deploys: Vec<String>,
    /// `cairn.reintroduce`: rescues, or commits that were dropped.
    pub reintroduced: Vec<String>,
    /// `cairn.check`: judge, answer, decline.
    pub check: bool,
}

impl Words {
    /// Reads them from all options of a push; what nobody can understand announces nothing.
    pub fn of(options: &[BString]) -> Self {
        let mut words = Self::default();
        for option in options {
            let Some(option) = option.strip_prefix(b"cairn.") else { continue };
            let (name, value) = option.split_once_str("=").unwrap_or((option, b""));
            let text = || crate::text::shown(value.trim());
            match name {
                b"rewind" => words.announcements.extend(Announcement::parse(value)),
                b"reason" => {
                    let reason: String = text().chars().take(REASON_MAX).collect();
                    words.reason = Some(reason).filter(|reason| !reason.is_empty());
                }
                b"grant" => words.grants.push(value.into()),
                b"deploy" => words.deploys.push(text()),
                b"reintroduce" => words.reintroduced.push(text()),
                b"check" => words.check = true,
                _ => {}
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_read_and_written_and_anything_else_announces_nothing() {
        let (a, b, zero) = ("1".repeat(40), "2".repeat(40), "0".repeat(40));
        let of = |value: &str| Announcement::parse(value.as_bytes());
        let one = of(&format!("refs/heads/main:{a}:{b}")).unwrap();
        assert_eq!(one.option(), format!("cairn.rewind=refs/heads/main:{a}:{b}"));
        assert_eq!(of(&format!("refs/heads/main:{a}:{zero}")).unwrap().new, None);
        let bad = [
            String::new(),
            format!("main:{a}:{b}"),
            format!("refs/heads/main:{zero}:{b}"),
            format!("refs/heads/main:{}:{b}", &a[..7]),
            format!("{a}:{b}"),
        ];
        for bad in bad {
            assert_eq!(of(&bad), None, "{bad}");
        }
    }

    #[test]
    fn words_of_a_push() {
        let option = |text: &str| BString::from(text);
        let words = Words::of(&[
            option("cairn.check"),
            option("cairn.reason= it\x1b[2J was wrong "),
            option("cairn.deploy=live"),
            option("cairn.reintroduce=abc"),
            option("cairn.rewind=nonsense"),
            option("ci.skip"),
        ]);
        assert!(words.check && words.announcements.is_empty());
        assert_eq!(words.reason.as_deref(), Some("it\\u{1b}[2J was wrong"));
        assert_eq!(
            (words.deploys.as_slice(), words.reintroduced.as_slice()),
            (&["live".to_owned()][..], &["abc".to_owned()][..])
        );
    }
}
