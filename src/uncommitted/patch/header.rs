//! What stands before a file's hunks: names, modes, ids.

use super::paint::{Painter, Role};

use crate::error::Result;
use crate::git::{FileChange, FileSide};
use bstr::{BStr, ByteSlice};
use std::fmt::Write as _;

/// Writes the lines from `diff --git` to `index`.
pub(super) fn write(change: &FileChange, out: &mut Painter<'_>) -> Result<()> {
    let (Some(old), Some(new)) =
        (change.old.as_ref().or(change.new.as_ref()), change.new.as_ref().or(change.old.as_ref()))
    else {
        return Ok(());
    };
    out.line(Role::Header, &format!("diff --git {} {}", prefixed("a/", old), prefixed("b/", new)))?;
    match (&change.old, &change.new) {
        (Some(_), Some(_)) if old.mode != new.mode => {
            out.line(Role::Header, &format!("old mode {:06o}", old.mode))?;
            out.line(Role::Header, &format!("new mode {:06o}", new.mode))?;
        }
        (None, _) => out.line(Role::Header, &format!("new file mode {:06o}", new.mode))?,
        (_, None) => out.line(Role::Header, &format!("deleted file mode {:06o}", old.mode))?,
        _ => {}
    }
    if let Some(similarity) = change.similarity {
        out.line(Role::Header, &format!("similarity index {similarity}%"))?;
        out.line(Role::Header, &format!("rename from {}", quoted(b"", old.path.as_ref())))?;
        out.line(Role::Header, &format!("rename to {}", quoted(b"", new.path.as_ref())))?;
    }
    let null = |side: &FileSide| "0".repeat(side.id.to_string().len());
    let from = change.old.as_ref().map_or_else(|| null(new), |side| side.id.to_string());
    let to = change.new.as_ref().map_or_else(|| null(old), |side| side.id.to_string());
    if from == to {
        return Ok(());
    }
    // Ids in full: git takes no binary patch with less (git-apply(1)).
    let stays = change.old.is_some() && change.new.is_some() && old.mode == new.mode;
    let mode = if stays { format!(" {:06o}", new.mode) } else { String::new() };
    out.line(Role::Header, &format!("index {from}..{to}{mode}"))
}

/// The name after `---` or `+++`: with the tab by which git marks where a name with spaces ends.
pub(super) fn label(prefix: &str, side: Option<&FileSide>) -> String {
    let name = side.map_or_else(|| "/dev/null".to_owned(), |side| prefixed(prefix, side));
    if name.contains(' ') { name + "\t" } else { name }
}

pub(super) fn prefixed(prefix: &str, side: &FileSide) -> String {
    quoted(prefix.as_bytes(), side.path.as_ref())
}

/// Returns a path as git writes it (git-config(1), `core.quotePath`): as it is, or in double quotes with C's escapes. One that
/// has a space before a slash or at its end is quoted too, for git before 2.45 does not find where such a name ends.
pub fn quoted(prefix: &[u8], path: &BStr) -> String {
    let plain = |byte: &u8| matches!(byte, 0x20..0x7f) && !b"\"\\".contains(byte);
    let name = || prefix.iter().chain(path.iter());
    if name().all(plain) && !path.ends_with(b" ") && !path.contains_str(" /") {
        return name().map(|byte| char::from(*byte)).collect();
    }
    let mut out = String::from("\"");
    for byte in name() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0b => out.push_str("\\v"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            0x20..0x7f => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}
