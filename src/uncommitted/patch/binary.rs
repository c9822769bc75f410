//! git's binary patch: the content of both sides, deflated, in base 85, as `git diff --binary` writes it.

use super::Contents;
use super::header::prefixed;
use super::paint::{Painter, Role};
use crate::error::{AtPath, Result};
use crate::git::{FileChange, FileSide};
use crate::text::size;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::{self, Write};
use std::path::Path;

/// The digits (git's `base85.c`).
const DIGITS: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/// How many bytes a line holds.
const LINE: usize = 52;

/// Writes both contents: the new one, and the old one, so that the patch can be taken back.
pub(super) fn write(change: &FileChange, contents: &mut dyn Contents, out: &mut Painter<'_>) -> Result<()> {
    out.line(Role::Header, "GIT binary patch")?;
    for side in [&change.new, &change.old] {
        literal(side.as_ref(), contents, out)?;
        out.line(Role::Context, "")?;
    }
    Ok(())
}

/// Says that two contents differ, and how large they are, where a person reads it.
pub(super) fn tell(change: &FileChange, old: u64, new: u64, out: &mut Painter<'_>) -> Result<()> {
    let name = |prefix, side: Option<&FileSide>| side.map_or("/dev/null".into(), |side| prefixed(prefix, side));
    let (from, to) = (name("a/", change.old.as_ref()), name("b/", change.new.as_ref()));
    out.line(Role::Context, &format!("Binary files {from} ({}) and {to} ({}) differ", size(old), size(new)))
}

fn literal(side: Option<&FileSide>, contents: &mut dyn Contents, out: &mut Painter<'_>) -> Result<()> {
    let bytes = side.map_or(Ok(0), |side| contents.size(&side.id))?;
    out.line(Role::Context, &format!("literal {bytes}"))?;
    let mut deflate = ZlibEncoder::new(Lines { out, waiting: Vec::with_capacity(LINE) }, Compression::default());
    let written = |result: io::Result<()>| result.at("write", Path::new("the patch"));
    if let Some(side) = side {
        contents.stream(&side.id, &mut deflate)?;
    }
    written(deflate.finish().and_then(Lines::end))
}

/// Cuts bytes into lines of base 85, each with its length before it.
struct Lines<'a, 'b> {
    out: &'a mut Painter<'b>,
    waiting: Vec<u8>,
}

impl Lines<'_, '_> {
    fn end(mut self) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.line() }
    }

    fn line(&mut self) -> io::Result<()> {
        let line = encoded(&self.waiting);
        self.waiting.clear();
        self.out.bytes(Role::Context, &line).map_err(|error| io::Error::other(error.to_string()))
    }
}

impl Write for Lines<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(LINE - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == LINE {
            self.line()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line: a letter for its length, then five digits for every four bytes, the last ones filled up with zeros.
fn encoded(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or(0);
    let mut line = vec![if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 }];
    for piece in bytes.chunks(4) {
        let mut four = [0; 4];
        four[..piece.len()].copy_from_slice(piece);
        let mut number = u32::from_be_bytes(four);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(number % 85) as usize];
            number /= 85;
        }
        line.extend_from_slice(&digits);
    }
    line
}
