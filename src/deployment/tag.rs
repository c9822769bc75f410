//! What a deployment's tag says.

use crate::audit::Head;
use crate::git::ObjectId;
use bstr::ByteSlice;

/// The longest note that a tag keeps, in bytes.
pub const NOTE_BYTES_MAX: usize = 4096;

/// The message of a deployment's tag: a title, the note, and a last paragraph of `Cairn-*` trailers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMessage {
    /// The environment's name.
    pub environment: String,
    /// Who pushed, and how that is known, as `anna (ssh)`.
    pub pusher: String,
    /// What the push said.
    pub note: Option<String>,
    /// What the branch held before; none where the push created it.
    pub previous: Option<ObjectId>,
    /// Whether it went back.
    pub rollback: bool,
    /// The word of the movement, so that none is tagged twice.
    pub movement: String,
    /// Where the audit ended; none where it could not be read, and in tags of an earlier git-cairn.
    pub audit: Option<Head>,
}

impl TagMessage {
    /// Returns the text of the tag `short`.
    pub fn to_text(&self, short: &str) -> String {
        let verb = if self.rollback { "Roll back to" } else { "Deploy" };
        let mut text = format!("{verb} {short}\n\n");
        if let Some(note) = self.note.as_deref().filter(|note| !note.trim().is_empty()) {
            text.push_str(note.trim());
            text.push_str("\n\n");
        }
        let previous = self.previous.map(|id| id.to_string());
        let audit = self.audit.as_ref().map(Head::to_string);
        let trailers = [
            ("Environment", Some(self.environment.as_str())),
            ("Pusher", Some(self.pusher.as_str())),
            ("Previous", previous.as_deref()),
            ("Rollback", self.rollback.then_some("yes")),
            ("Movement", Some(self.movement.as_str())),
            ("Audit", audit.as_deref()),
        ];
        for (name, value) in trailers {
            if let Some(value) = value {
                text.push_str(&format!("Cairn-{name}: {value}\n"));
            }
        }
        text
    }

    /// Reads such a text; `None` for a tag that we did not write.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let text = message.to_str_lossy();
        let text = text.trim_end();
        // Only the last paragraph counts: a note may look like anything.
        let (before, trailers) = text.rsplit_once("\n\n")?;
        let value = |name: &str| {
            let start = format!("Cairn-{name}: ");
            trailers.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
        };
        let note = before.split_once("\n\n").map(|(_, note)| note.trim().to_owned());
        Some(Self {
            environment: value("Environment")?,
            pusher: value("Pusher").unwrap_or_default(),
            note: note.filter(|note| !note.is_empty()),
            previous: value("Previous").and_then(|id| ObjectId::from_hex(id.as_bytes()).ok()),
            rollback: value("Rollback").is_some(),
            movement: value("Movement").unwrap_or_default(),
            audit: value("Audit").and_then(|head| Head::parse(&head)),
        })
    }
}

/// Makes a note that came with a push fit for a tag: readable lines, of bounded length.
pub fn clean_note(note: &[u8]) -> Option<String> {
    let mut text: String = note.lines().map(crate::text::shown).collect::<Vec<_>>().join("\n");
    if text.len() > NOTE_BYTES_MAX {
        let end = (0..=NOTE_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('\u{2026}');
    }
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(note: Option<&str>) -> TagMessage {
        TagMessage {
            environment: "live".into(),
            pusher: "anna (ssh)".into(),
            note: note.map(str::to_owned),
            previous: ObjectId::from_hex(b"1111111111111111111111111111111111111111").ok(),
            rollback: true,
            movement: "abc".into(),
            audit: Head::parse(&format!("0123456789abcdef:57:{}", "a".repeat(64))),
        }
    }

    #[test]
    fn a_note_cannot_pretend_to_be_a_trailer() {
        let sly = message(Some("fine\n\nCairn-Pusher: root (unix)\nCairn-Movement: other"));
        assert_eq!(TagMessage::parse(sly.to_text("live_3").as_bytes()).unwrap(), sly);
        assert!(TagMessage::parse(b"Release 1.0\n\nSigned-off-by: x").is_none());
        assert!(TagMessage::parse(b"").is_none());
    }

    #[test]
    fn notes_are_bounded_and_cannot_steer_a_terminal() {
        assert_eq!(clean_note(b"  \n"), None);
        assert_eq!(clean_note(b"a\x1b[31m").unwrap(), "a\\u{1b}[31m");
        assert!(clean_note(&vec![b'x'; 1 << 20]).unwrap().len() <= NOTE_BYTES_MAX + 3);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(note in prop::option::of("[a-zA-Z:\n -]{1,200}"), rollback: bool) {
            let note = note.and_then(|note| clean_note(note.as_bytes()));
            let message = TagMessage { rollback, ..message(note.as_deref()) };
            prop_assert_eq!(TagMessage::parse(message.to_text("live_1").as_bytes()).unwrap(), message);
        }
    }
}
