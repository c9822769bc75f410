//! Reading a bundle's header.

use super::{Header, Version, object_format_from_name};
use crate::error::Error;
use crate::git::{HashKind, ObjectId, RefName};
use crate::text::shown;
use bstr::ByteSlice;
use std::collections::HashMap;
use std::io::{self, BufRead};

/// The longest line a header may hold, in bytes: a reference name of 4 KiB and a subject as comment fit many times.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The most lines a header may hold.
const LINES_MAX: usize = 5_000_000;

/// Why something is not a bundle header we can rely on.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// The first line is none of a bundle.
    #[error("not a git bundle: it begins with {0:?}")]
    Signature(String),
    /// A version that did not exist when this was written.
    #[error("a bundle of a version this git-cairn does not know: {0:?}")]
    Version(String),
    /// A capability that changes the meaning of what follows.
    #[error("the bundle needs a capability this git-cairn does not know: {0:?}")]
    Capability(String),
    /// A line that is neither capability, prerequisite nor reference.
    #[error("line {line} of the bundle's header makes no sense: {text:?}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A name that git itself would not create.
    #[error("the bundle names a reference no repository can hold: {0:?}")]
    Name(String),
    /// A reference that stands twice with different objects.
    #[error("the bundle names {0:?} twice")]
    Twice(String),
    /// The header does not end.
    #[error("the bundle ends inside its header")]
    Truncated,
    /// The header is larger than any real one.
    #[error("the bundle's header is too long")]
    TooLong,
    /// It cannot be read.
    #[error("cannot read the bundle: {0}")]
    Io(#[from] io::Error),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::damaged("bundle", invalid.to_string())
    }
}

/// Reads a header and leaves `input` at the first byte of the pack.
pub fn read_header(input: &mut dyn BufRead) -> Result<Header, Invalid> {
    let (mut text, mut header) = first_line(input)?;
    let version = header.version;
    let mut names = HashMap::new();
    for line in 2..LINES_MAX {
        next_line(input, &mut text)?;
        match text.first() {
            None => return Ok(header),
            Some(b'@') if version == Version::V3 => capability(&mut header, &text)?,
            Some(b'-') => header.prerequisites.push(prerequisite(&text, header.object_format, line)?),
            Some(_) => {
                let (name, id) = reference(&text, header.object_format, line)?;
                match names.insert(name.clone(), id) {
                    None => header.refs.push((name, id)),
                    // git writes a branch again for each symbolic reference that leads to it.
                    Some(before) if before == id => {}
                    Some(_) => return Err(Invalid::Twice(name.to_string())),
                }
            }
        }
    }
    Err(Invalid::TooLong)
}

/// As [`read_header`], but of a bundle of ours whose digest tells whether it is whole: its prerequisites and references, which
/// may be many, are passed over.
pub fn pass_header(input: &mut dyn BufRead) -> Result<Header, Invalid> {
    let (mut text, mut header) = first_line(input)?;
    for _ in 2..LINES_MAX {
        next_line(input, &mut text)?;
        match text.first() {
            None => return Ok(header),
            Some(b'@') if header.version == Version::V3 => capability(&mut header, &text)?,
            Some(_) => {}
        }
    }
    Err(Invalid::TooLong)
}

/// Reads the line that says what it is; returns it and a header with nothing in it.
fn first_line(input: &mut dyn BufRead) -> Result<(Vec<u8>, Header), Invalid> {
    let mut line = Vec::new();
    next_line(input, &mut line)?;
    let version = match line.as_slice() {
        b"# v2 git bundle" => Version::V2,
        b"# v3 git bundle" => Version::V3,
        line if line.starts_with(b"# v") && line.ends_with(b" git bundle") => {
            return Err(Invalid::Version(shown(line)));
        }
        line => return Err(Invalid::Signature(shown(&line[..line.len().min(40)]))),
    };
    let object_format = HashKind::Sha1;
    Ok((line, Header { version, object_format, filter: None, prerequisites: vec![], refs: vec![] }))
}

/// Reads a line, without its end, in place of what `line` held.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<(), Invalid> {
    line.clear();
    io::Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', line)?;
    match line.pop() {
        Some(b'\n') => Ok(()),
        Some(_) if line.len() as u64 + 1 == LINE_BYTES_MAX => Err(Invalid::TooLong),
        _ => Err(Invalid::Truncated),
    }
}

fn capability(header: &mut Header, line: &[u8]) -> Result<(), Invalid> {
    let unknown = || Invalid::Capability(shown(line));
    let text = line.to_str().map_err(|_| unknown())?;
    match text.split_once('=') {
        // A hash named after ids were read would change what they mean.
        Some(("@object-format", name)) if header.prerequisites.is_empty() && header.refs.is_empty() => {
            header.object_format = object_format_from_name(name).ok_or_else(unknown)?;
        }
        Some(("@filter", filter)) => header.filter = Some(filter.to_owned()),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn prerequisite(text: &[u8], format: HashKind, line: usize) -> Result<ObjectId, Invalid> {
    let invalid = || Invalid::Line { line, text: shown(text) };
    let (id, rest) = object_id(&text[1..], format).ok_or_else(invalid)?;
    match rest.first() {
        None | Some(b' ' | b'\r' | b'\t') => Ok(id),
        Some(_) => Err(invalid()),
    }
}

fn reference(text: &[u8], format: HashKind, line: usize) -> Result<(RefName, ObjectId), Invalid> {
    let invalid = || Invalid::Line { line, text: shown(text) };
    let (id, rest) = object_id(text, format).ok_or_else(invalid)?;
    let name = rest.strip_prefix(b" ").ok_or_else(invalid)?;
    let name = name.trim_end_with(|c| c == ' ' || c == '\r' || c == '\t');
    match RefName::new(name) {
        Some(name) => Ok((name, id)),
        None => Err(Invalid::Name(shown(name))),
    }
}

fn object_id(text: &[u8], format: HashKind) -> Option<(ObjectId, &[u8])> {
    let (digits, rest) = text.split_at_checked(format.len_in_hex())?;
    Some((ObjectId::from_hex(digits).ok()?, rest))
}
