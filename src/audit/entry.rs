//! What a line says, bounded: no push makes it longer than its reader expects.

use crate::git::{ObjectId, RefName};
use crate::store::sha256;
use crate::text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most bytes of references a line names; it counts them all, and has the digest of what git said.
const REFS_BYTES_MAX: usize = 24 << 10;
/// The most bytes of options a line repeats, and of one of them.
const OPTIONS_BYTES_MAX: usize = 8 << 10;
const OPTION_BYTES_MAX: usize = 1 << 10;
/// The most bytes of a reason or a name.
const TEXT_BYTES_MAX: usize = 2 << 10;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The log was begun.
    Begin,
    /// A push was judged and let through.
    Push,
    /// A push was judged and refused.
    Refusal,
    /// A push was judged and let through that drops commits from a branch, or moves a tag.
    Rewind,
    /// A push asked only what the answer would be.
    Check,
    /// References moved by a push.
    Moved,
    /// An environment was deployed or rolled back.
    Deployment,
    /// What a push dropped was kept, or brought back.
    Rescue,
    /// A one-time permission was given or used.
    Grant,
    /// The guard was paused, or the pause ended.
    Pause,
    /// An environment was held.
    Hold,
    /// An environment was released.
    Release,
    /// Objects were destroyed on purpose.
    Purge,
    /// A line of a later git-cairn.
    #[serde(other)]
    Other,
}

/// How a push was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No rule refuses it.
    Accepted,
    /// A rule refuses it.
    Refused,
    /// A rule would refuse it, and `cairn.guard = warn` let it through.
    WouldRefuse,
    /// A rule would refuse it, and the guard is paused.
    Paused,
}

/// Who did it, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The name.
    pub name: String,
    /// What vouches for it: `gitolite`, `gitlab`, `gitea`, `http`, `ssh` or `unix`.
    pub known_by: String,
    /// How they came: `ssh`, `http`, `file`, or `host` for a command typed there.
    pub transport: String,
    /// From where, as the server says.
    pub address: Option<String>,
}

/// A reference with what it held and what it is to hold; null where it does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// Its full name, escaped where it is not UTF-8.
    pub name: String,
    /// Its name in base64, where the text is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<String>,
    /// Before.
    pub old: Option<String>,
    /// After.
    pub new: Option<String>,
}

impl Ref {
    /// Describes a movement.
    pub fn new(name: &RefName, old: Option<ObjectId>, new: Option<ObjectId>) -> Self {
        let text = |id: ObjectId| id.to_string();
        Self {
            name: text::json_text(name.as_bytes()),
            name_bytes: text::extra_bytes(name.as_bytes()),
            old: old.map(text),
            new: new.map(text),
        }
    }

    fn bytes(&self) -> usize {
        let id = |id: &Option<String>| id.as_ref().map_or(4, String::len);
        // As JSON has it a character may take six bytes.
        let name = 6 * self.name.len() + self.name_bytes.as_ref().map_or(0, String::len);
        name + id(&self.old) + id(&self.new) + 40
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// Who.
    pub who: Who,
    /// The references, those that fit.
    pub refs: Vec<Ref>,
    /// How many there were.
    pub refs_count: usize,
    /// SHA-256 of the lines git gave the hook, where a push was judged.
    pub refs_sha256: Option<String>,
    /// The push options, those that fit, each cut to 1 KiB; what must stay secret is left out.
    pub options: Vec<String>,
    /// How many there were.
    pub options_count: usize,
    /// How a push was judged.
    pub verdict: Option<Verdict>,
    /// The rule by which it was refused, or would be.
    pub rule: Option<String>,
    /// What it is about: a deployment's tag, a rescue, a grant, an environment.
    pub subject: Option<String>,
    /// What the person said.
    pub reason: Option<String>,
    /// Until when it holds.
    pub until: Option<Timestamp>,
}

impl Entry {
    /// Makes one that says nothing more.
    pub fn new(at: Timestamp, what: What, who: Who) -> Self {
        Self {
            at,
            what,
            who,
            refs: vec![],
            refs_count: 0,
            refs_sha256: None,
            options: vec![],
            options_count: 0,
            verdict: None,
            rule: None,
            subject: None,
            reason: None,
            until: None,
        }
    }

    /// Adds the references of a push, as far as they fit.
    #[must_use]
    pub fn with_refs(mut self, refs: impl ExactSizeIterator<Item = Ref>) -> Self {
        self.refs_count = refs.len();
        let mut room = REFS_BYTES_MAX;
        for one in refs {
            match room.checked_sub(one.bytes()) {
                Some(left) => room = left,
                None => break,
            }
            self.refs.push(one);
        }
        self
    }

    /// Adds the digest of everything git said of a push.
    #[must_use]
    pub fn with_input(mut self, raw: &[u8]) -> Self {
        self.refs_sha256 = Some(sha256(raw));
        self
    }

    /// Adds push options, as far as they fit. Of a grant's token only the public half is repeated.
    #[must_use]
    pub fn with_options<'a>(mut self, options: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        self.options_count = options.len();
        let mut room = OPTIONS_BYTES_MAX;
        for option in options {
            let shown = cut(&text::shown(without_secret(option)), OPTION_BYTES_MAX);
            match room.checked_sub(shown.len()) {
                Some(left) => room = left,
                None => break,
            }
            self.options.push(shown);
        }
        self
    }

    /// Adds the verdict and the rule.
    #[must_use]
    pub fn judged(mut self, verdict: Verdict, rule: Option<String>) -> Self {
        self.verdict = Some(verdict);
        self.rule = rule.map(|rule| cut(&rule, TEXT_BYTES_MAX));
        self
    }

    /// Adds what it is about.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = Some(cut(subject, TEXT_BYTES_MAX));
        self
    }

    /// Adds what the person said.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(cut(reason, TEXT_BYTES_MAX));
        self
    }

    /// Adds until when it holds.
    #[must_use]
    pub fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self
    }
}

/// `cairn.grant=<id>-<secret>` without the secret.
fn without_secret(option: &[u8]) -> &[u8] {
    let start = b"cairn.grant=";
    match option.strip_prefix(start) {
        Some(token) => {
            let public = token.iter().position(|byte| *byte == b'-').unwrap_or(0);
            &option[..start.len() + public]
        }
        None => option,
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}\u{2026}", &text[..end])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn entry(reason: &str) -> Entry {
        let who =
            Who { name: "anna".into(), known_by: "ssh".into(), transport: "ssh".into(), address: Some("::1".into()) };
        Entry::new(Timestamp::from_second(1_795_420_272).unwrap(), What::Push, who).because(reason)
    }

    #[test]
    fn no_push_makes_a_long_line() {
        let id = ObjectId::from_hex(b"1111111111111111111111111111111111111111").ok();
        let names: Vec<_> = (0..10_000)
            .map(|n| RefName::new([b"refs/heads/\xff", format!("{n:0200}").as_bytes()].concat()).unwrap())
            .collect();
        let options: Vec<Vec<u8>> = (0..100).map(|_| vec![b'\x1b'; 64 << 10]).collect();
        let full = entry(&"\"".repeat(1 << 20))
            .with_refs(names.iter().map(|name| Ref::new(name, id, id)))
            .with_options(options.iter().map(Vec::as_slice))
            .judged(Verdict::Refused, Some("x".repeat(1 << 20)));
        assert_eq!((full.refs_count, full.options_count), (10_000, 100));
        assert!(!full.refs.is_empty() && !full.options.is_empty());
        assert!(serde_json::to_string(&full).unwrap().len() < crate::audit::line::BYTES_MAX);
    }

    #[test]
    fn a_token_is_kept_out() {
        let options = [&b"cairn.grant=1234abcd-secret"[..], b"cairn.grant=secret", b"x"];
        let entry = entry("").with_options(options.into_iter());
        assert_eq!(entry.options, ["cairn.grant=1234abcd", "cairn.grant=", "x"]);
    }
}
