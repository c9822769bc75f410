//! What is known of a capture: what it holds, and what it does not.

use crate::element::code::Segment;
use crate::git::{ObjectId, RefName};
use crate::text::{self, count, size};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most things a record names that a capture does not hold; of more only the number is kept.
const LEFT_OUT_MAX: usize = 1_000;
/// The most things a warning names.
const NAMED_MAX: usize = 5;

/// What a look at a served work tree found, and what was kept of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted {
    /// How many paths were not as the commit has them.
    pub changes: usize,
    /// Whether they are kept.
    pub captured: bool,
    /// The commit the tree stood on; `None` of a tree upon which nothing was deployed yet.
    pub base: Option<String>,
    /// The commit that holds the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When the tree was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Whether the tree stayed the same while it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<bool>,
    /// The bundle in the store; its file lies in `uncommitted/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Segment>,
    /// Its references: the tree's own first, then those of repositories inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<CapturedRef>,
    /// What it does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many more there are than `left_out` names.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out_more: usize,
    /// The filters of the host that made something of its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
}

impl Uncommitted {
    /// Returns the record with what was left out; it names so many at most, and counts the others.
    #[must_use]
    pub fn leaving_out(self, mut left_out: Vec<LeftOut>) -> Self {
        let left_out_more = left_out.len().saturating_sub(LEFT_OUT_MAX);
        left_out.truncate(LEFT_OUT_MAX);
        Self { left_out, left_out_more, ..self }
    }

    /// Tells whether another capture holds the same files and references upon the same commit, whenever each was taken.
    pub fn holds_the_same(&self, other: &Self) -> bool {
        let held = |record: &Self| -> Vec<_> {
            let one = |noted: &CapturedRef| (noted.name.clone(), noted.path.clone(), noted.held().to_owned());
            record.refs.iter().map(one).collect()
        };
        self.base == other.base && held(self) == held(other)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A reference of a capture's bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedRef {
    /// Its name in the bundle.
    pub name: String,
    /// Its name in base64, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<String>,
    /// What it names.
    pub id: String,
    /// Where in the tree its repository stands; empty for the tree itself.
    pub path: String,
    /// That in base64, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Whether it names the files as they lay there; else it is a reference that the repository there had.
    pub tree: bool,
    /// The tree of those files; `None` where the commit is one that the repository itself had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
}

impl CapturedRef {
    /// Notes one.
    pub fn new(name: &RefName, id: &ObjectId, path: &[u8], tree: bool) -> Self {
        Self {
            name: text::json_text(name.as_bytes()),
            name_bytes: text::extra_bytes(name.as_bytes()),
            id: id.to_string(),
            path: text::json_text(path),
            path_bytes: text::extra_bytes(path),
            tree,
            files: None,
        }
    }

    /// Adds the tree of the files that it names.
    #[must_use]
    pub fn of_files(self, tree: Option<&ObjectId>) -> Self {
        Self { files: tree.map(ToString::to_string), ..self }
    }

    /// What it names that does not depend on when it was taken.
    fn held(&self) -> &str {
        self.files.as_ref().unwrap_or(&self.id)
    }

    /// Reads its name, its id and its path; `None` where they make no sense.
    pub fn read(&self) -> Option<(RefName, ObjectId, Vec<u8>)> {
        let name = RefName::new(text::from_json(&self.name, self.name_bytes.as_deref())?)?;
        let id = ObjectId::from_hex(self.id.as_bytes()).ok()?;
        Some((name, id, text::from_json(&self.path, self.path_bytes.as_deref())?))
    }
}

/// Why a capture does not hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// `cairn.<env>.captureExclude` names it.
    Excluded,
    /// It is larger than one file may be.
    TooLarge,
    /// With it the capture would be larger than `cairn.<env>.captureLimit`.
    Limit,
    /// There was no time left of `cairn.<env>.captureBudget`.
    Time,
    /// It could not be read.
    Unreadable,
    /// git takes no such name into a tree.
    Name,
    /// Its repository could not be read, or is of another object format.
    Repository,
    /// A socket, a pipe or a device: no tree holds one.
    Special,
    /// An empty folder: no tree holds one.
    EmptyFolder,
    /// Its owner: a tree holds none. The content is kept.
    Owner,
    /// Its permission bits: a tree holds 644 and 755. The content is kept.
    Mode,
    /// A filter of the host made its content; what that keeps elsewhere is no part of a tree.
    Filtered,
}

impl Why {
    /// In the order in which warnings have them.
    const ALL: [Self; 12] = [
        Self::TooLarge,
        Self::Limit,
        Self::Time,
        Self::Excluded,
        Self::Unreadable,
        Self::Name,
        Self::Repository,
        Self::Special,
        Self::EmptyFolder,
        Self::Owner,
        Self::Mode,
        Self::Filtered,
    ];

    fn said(self) -> &'static str {
        match self {
            Self::TooLarge => "not captured, larger than 20 MiB",
            Self::Limit => "not captured, the rest was more than captureLimit allows",
            Self::Time => "not captured, captureBudget had passed",
            Self::Excluded => "not captured, captureExclude names it",
            Self::Unreadable => "not captured, it cannot be read",
            Self::Name => "not captured, git takes no such name",
            Self::Repository => "not captured, the repository cannot be read",
            Self::Special => "not captured, a socket, pipe or device",
            Self::EmptyFolder => "not captured, an empty folder",
            Self::Owner => "captured without its owner",
            Self::Mode => "captured without its permission bits",
            Self::Filtered => "captured as its filter makes it, without what that keeps elsewhere",
        }
    }
}

/// Something that a capture does not hold, or not all of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it stands.
    pub path: String,
    /// That in base64, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Its size in bytes; `None` where it is no file or the size is not known.
    pub bytes: Option<u64>,
    /// Why.
    pub why: Why,
    /// More of it: the owner, the bits, the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl LeftOut {
    /// Notes one.
    pub fn new(path: &[u8], bytes: Option<u64>, why: Why) -> Self {
        Self { path: text::json_text(path), path_bytes: text::extra_bytes(path), bytes, why, detail: None }
    }

    /// Adds more of it.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn named(&self) -> String {
        let more: Vec<String> = self.bytes.map(size).into_iter().chain(self.detail.clone()).collect();
        let path = if self.path.is_empty() { "." } else { &self.path };
        if more.is_empty() { path.into() } else { format!("{path} ({})", more.join(", ")) }
    }
}

/// Says what a capture does not hold, a line for each reason.
pub fn warnings(record: &Uncommitted) -> Vec<String> {
    let mut said = Vec::new();
    for why in Why::ALL {
        let all: Vec<&LeftOut> = record.left_out.iter().filter(|one| one.why == why).collect();
        if all.is_empty() {
            continue;
        }
        let named: Vec<String> = all.iter().take(NAMED_MAX).map(|one| one.named()).collect();
        let rest = all.len().saturating_sub(NAMED_MAX);
        let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        said.push(format!("{}: {}{rest}", why.said(), named.join(", ")));
    }
    if record.left_out_more > 0 {
        said.push(format!("not captured, or not all of it: {} more", count(record.left_out_more, "path")));
    }
    if record.settled == Some(false) {
        said.push(
            "the work tree kept changing while it was read; each file is captured as it was at some moment".into(),
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_by_its_reason_with_its_size() {
        let left = |path: &[u8], bytes, why| LeftOut::new(path, bytes, why);
        let mut record = Uncommitted {
            left_out: vec![
                left(b"empty", None, Why::EmptyFolder),
                left(b"up/big", Some(30 << 20), Why::TooLarge),
                left(b"key", Some(3), Why::Mode).detail("0600"),
            ],
            settled: Some(false),
            ..Uncommitted::default()
        };
        let said = warnings(&record);
        assert_eq!(said[0], "not captured, larger than 20 MiB: up/big (30.0 MiB)");
        assert_eq!(said[1], "not captured, an empty folder: empty");
        assert_eq!(said[2], "captured without its permission bits: key (3 B, 0600)");
        assert!(said[3].contains("kept changing"));
        record.left_out = (0..9).map(|n| left(format!("f{n}").as_bytes(), None, Why::Special)).collect();
        assert!(warnings(&record)[0].ends_with("f3, f4 and 4 more"), "{:?}", warnings(&record));
    }

    #[test]
    fn the_same_files_are_the_same_capture_whenever_it_was_taken() {
        let name = RefName::new("refs/cairn/uncommitted/live").unwrap();
        let id = |digit: &str| ObjectId::from_hex(digit.repeat(40).as_bytes()).unwrap();
        let record = |commit, tree, base: &str| Uncommitted {
            refs: vec![CapturedRef::new(&name, &id(commit), b"", true).of_files(Some(&id(tree)))],
            base: Some(base.into()),
            ..Uncommitted::default()
        };
        assert!(record("1", "5", "b").holds_the_same(&record("2", "5", "b")));
        assert!(!record("1", "5", "b").holds_the_same(&record("1", "6", "b")));
        assert!(!record("1", "5", "b").holds_the_same(&record("1", "5", "c")));
        assert!(!record("1", "5", "b").holds_the_same(&Uncommitted::default()));
    }

    #[test]
    fn a_record_survives_json_with_names_that_are_no_text() {
        let name = RefName::new(b"refs/cairn/inside/live/1/heads/\xff".as_slice()).unwrap();
        let id = ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap();
        let noted = CapturedRef::new(&name, &id, b"mod\xfe", false);
        let json = serde_json::to_string(&noted).unwrap();
        let read: CapturedRef = serde_json::from_str(&json).unwrap();
        assert_eq!(read.read().unwrap(), (name, id, b"mod\xfe".to_vec()));
    }
}
