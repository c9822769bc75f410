//! What the tag of a rescue says.

use crate::git::{ObjectId, RefName, TagObject};
use crate::text::shown;
use bstr::{BString, ByteSlice};
use jiff::Timestamp;

/// The most beginnings of what was dropped that are kept from coming back.
const ROOTS_MAX: usize = 1000;

/// What was dropped, from where, by whom, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id: [`crate::clock::name`] of when it was made, and four digits or more. Ids sort by age.
    pub id: String,
    /// The reference.
    pub name: RefName,
    /// What it held.
    pub old: ObjectId,
    /// What it was moved to; `None`: it was deleted.
    pub new: Option<ObjectId>,
    /// How many commits left it.
    pub dropped: usize,
    /// Who pushed, and how that is known.
    pub by: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The process of git that was to move the reference, where it is known.
    pub push: Option<String>,
    /// Where what was dropped on purpose begins; empty where it may come back.
    pub roots: Vec<ObjectId>,
}

impl Record {
    /// Returns the tag object; `kind` is that of what the reference held.
    pub(super) fn to_object(&self, kind: &str, site: &str) -> Vec<u8> {
        let Self { id, old, .. } = self;
        let mut text = BString::from(format!(
            "object {old}\ntype {kind}\ntag {id}\ntagger git-cairn <rescue@{site}> {} +0000\n\nKeep what {} dropped\n\nCairn-Ref: ",
            self.at.as_second(),
            self.name,
        ));
        text.extend_from_slice(self.name.as_bytes());
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text.extend_from_slice(format!("\nCairn-{name}: {}", shown(value.as_bytes())).as_bytes());
            }
        };
        line("New", self.new.map(|new| new.to_string()));
        line("Dropped", Some(self.dropped.to_string()));
        line("By", Some(self.by.clone()));
        line("Reason", self.reason.clone());
        line("Push", self.push.clone());
        self.roots.iter().take(ROOTS_MAX).for_each(|root| line("Root", Some(root.to_string())));
        text.push(b'\n');
        text.into()
    }

    /// Reads it; `None` for a tag that is no rescue.
    pub(super) fn parse(id: &str, tag: &TagObject) -> Option<Self> {
        let (_, trailers) = tag.message.trim_end().rsplit_once_str("\n\n")?;
        let all = |name: &str| {
            let start = format!("Cairn-{name}: ");
            let lines = ByteSlice::lines(trailers).filter_map(move |line| line.strip_prefix(start.as_bytes()));
            lines.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let text = |name: &str| all(name).pop().map(|value| value.to_str_lossy().into_owned());
        let object = |value: &[u8]| ObjectId::from_hex(value).ok();
        Some(Self {
            id: id.into(),
            name: RefName::new(all("Ref").pop()?)?,
            old: tag.target,
            new: all("New").pop().and_then(|new| object(&new)),
            dropped: text("Dropped").and_then(|count| count.parse().ok()).unwrap_or(0),
            by: text("By").unwrap_or_default(),
            reason: text("Reason"),
            at: tag.made_at,
            push: text("Push"),
            roots: all("Root").iter().filter_map(|root| object(root)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_whatever_the_names() {
        let id = |digit: &str| ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap();
        let record = Record {
            id: "20261125-030000-abcdef".into(),
            name: RefName::new(b"refs/heads/\xff\xfe").unwrap(),
            old: id("1"),
            new: Some(id("2")),
            dropped: 7,
            by: "anna (ssh)".into(),
            reason: Some("a secret".into()),
            at: Timestamp::from_second(1_800_000_000).unwrap(),
            push: Some("12.34".into()),
            roots: vec![id("3"), id("4")],
        };
        for record in [record.clone(), Record { new: None, reason: None, push: None, roots: vec![], ..record }] {
            let object = record.to_object("commit", "s");
            let (_, message) = object.split_once_str("\n\n").unwrap();
            let tag = TagObject { target: record.old, made_at: record.at, message: message.into() };
            assert_eq!(Record::parse(&record.id, &tag).unwrap(), record);
        }
    }
}
