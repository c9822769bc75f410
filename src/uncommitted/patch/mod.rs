//! A patch as git writes one, right to the last byte: `git apply --binary` of it to the old tree gives the new one.
//!
//! Nothing here reads a file or starts a process: contents come through [`Contents`], the patch goes to a writer.

mod binary;
mod blobs;
mod header;
mod paint;
mod text;

pub use blobs::Blobs;
pub use header::quoted;
pub use paint::Paint;

use crate::error::Result;
use crate::git::{FileChange, FileSide, ObjectId};
use paint::Painter;
use std::io::Write;

/// The largest content that is shown line by line, in bytes; a larger one is written as binary, piece by piece.
pub const TEXT_MAX: u64 = 16 << 20;
/// How many bytes git looks at to tell binary from text (git's `xdiff-interface.c`); we look at all of what is read.
const NUL: u8 = 0;

/// Tells whether a file became a link, or the like: git writes that as a deletion and an addition.
fn changes_type(change: &FileChange) -> bool {
    let kind = |side: &Option<FileSide>| side.as_ref().map(|side| side.mode & 0o170_000);
    kind(&change.old).zip(kind(&change.new)).is_some_and(|(old, new)| old != new)
}

/// Where the contents of blobs come from.
pub trait Contents {
    /// Returns a blob's size in bytes.
    fn size(&mut self, id: &ObjectId) -> Result<u64>;
    /// Returns a blob of at most [`TEXT_MAX`] bytes.
    fn read(&mut self, id: &ObjectId) -> Result<Vec<u8>>;
    /// Writes a blob of any size to `out`, piece by piece.
    fn stream(&mut self, id: &ObjectId, out: &mut dyn Write) -> Result<()>;
}

/// Writes the patch of one file.
pub fn write(change: &FileChange, contents: &mut dyn Contents, paint: Paint, out: &mut dyn Write) -> Result<()> {
    if changes_type(change) {
        let gone = FileChange { old: change.old.clone(), new: None, similarity: None };
        let come = FileChange { old: None, new: change.new.clone(), similarity: None };
        write(&gone, contents, paint, out)?;
        return write(&come, contents, paint, out);
    }
    let out = &mut Painter::new(paint, out);
    header::write(change, out)?;
    if change.old.as_ref().map(|side| side.id) == change.new.as_ref().map(|side| side.id) {
        return Ok(());
    }
    let (old, new) = (load(change.old.as_ref(), contents)?, load(change.new.as_ref(), contents)?);
    match (&old, &new) {
        (Loaded::Text(old), Loaded::Text(new)) => {
            let names = [header::label("a/", change.old.as_ref()), header::label("b/", change.new.as_ref())];
            text::write(names.each_ref().map(String::as_str), old, new, out)
        }
        _ if paint != Paint::Exact => binary::tell(change, old.size(), new.size(), out),
        _ => binary::write(change, contents, out),
    }
}

/// Writes what differs between two texts of one name, as a unified diff; of texts that are the same nothing.
pub fn write_texts(name: &str, old: &[u8], new: &[u8], paint: Paint, out: &mut dyn Write) -> Result<()> {
    text::write([&format!("a/{name}"), &format!("b/{name}")], old, new, &mut Painter::new(paint, out))
}

/// A side's content, as far as it is wanted.
enum Loaded {
    /// Lines.
    Text(Vec<u8>),
    /// Something else, or too large to be looked at; its size.
    Binary(u64),
}

impl Loaded {
    fn size(&self) -> u64 {
        match self {
            Self::Text(bytes) => bytes.len() as u64,
            Self::Binary(size) => *size,
        }
    }
}

fn load(side: Option<&FileSide>, contents: &mut dyn Contents) -> Result<Loaded> {
    let Some(side) = side else { return Ok(Loaded::Text(vec![])) };
    if side.mode == super::GITLINK {
        return Ok(Loaded::Text(format!("Subproject commit {}\n", side.id).into_bytes()));
    }
    let total = contents.size(&side.id)?;
    if total > TEXT_MAX {
        return Ok(Loaded::Binary(total));
    }
    let bytes = contents.read(&side.id)?;
    Ok(if bytes.contains(&NUL) { Loaded::Binary(total) } else { Loaded::Text(bytes) })
}

#[cfg(test)]
mod tests;
