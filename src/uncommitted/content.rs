//! A file's content as git would store it, streamed: through its filter, then with encodings, line ends and `$Id$` undone.

use super::Stamp;
use crate::git::{
    BlobHasher, Cleaner, Conversion, Filter, HashKind, LineEnds, NotCleaned, ObjectId, blob_id, to_utf8, undo_ident,
};
use crate::os;
use bstr::BStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::time::Instant;

/// How much of a file is in memory at a time, in bytes.
const CHUNK: usize = 16 * 1024;
/// How much of a file is looked at to tell whether it is binary, in bytes (git's `FIRST_FEW_BYTES`).
pub const BINARY_LOOK: usize = 8000;

/// Content as git would store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its id.
    pub id: ObjectId,
    /// Its size in bytes, as stored.
    pub size: u64,
    /// How the file looked while it was read.
    pub stamp: Stamp,
}

/// Why a file's content could not be told.
#[derive(Debug, thiserror::Error)]
pub enum NotContent {
    /// It could not be read.
    #[error("{0}")]
    Io(io::Error),
    /// It was written while it was read.
    #[error("it changed while it was read")]
    Moving,
    /// Its content is made to break SHA-1, and git would refuse it too.
    #[error("its content is an attack upon SHA-1")]
    Attack,
    /// Its filter failed, without which git would not take it either.
    #[error("the filter {0} failed: {1}")]
    Filter(String, String),
    /// There was no time left to read it.
    #[error("there was no time left to read it")]
    Late,
}

impl From<io::Error> for NotContent {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TimeIsOver>());
        if inner.is_some() { Self::Late } else { Self::Io(error) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there was no time left")]
struct TimeIsOver;

/// What is read until a deadline.
struct Timed<'a, R> {
    inner: &'a mut R,
    deadline: Option<Instant>,
}

impl<R: Read> Read for Timed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(io::Error::other(TimeIsOver)),
            _ => self.inner.read(buffer),
        }
    }
}

impl<R: Seek> Seek for Timed<'_, R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What of a file's bytes decides on their conversion.
#[derive(Debug, Clone, Copy, Default)]
struct Statistics {
    zeros: u64,
    lone_cr: u64,
    crlf: u64,
    printable: u64,
    others: u64,
    last: u8,
    after_cr: bool,
    bytes: u64,
}

impl Statistics {
    /// Counts as `gather_stats` of git's convert.c.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied() {
            if std::mem::take(&mut self.after_cr) {
                if byte == b'\n' {
                    self.crlf += 1;
                    continue;
                }
                self.lone_cr += 1;
            }
            match byte {
                b'\r' => self.after_cr = true,
                b'\n' => {}
                0 => {
                    self.zeros += 1;
                    self.others += 1;
                }
                // Backspace, tab, escape and form feed are text.
                8 | 9 | 27 | 12 => self.printable += 1,
                127 | 1..=31 => self.others += 1,
                _ => self.printable += 1,
            }
        }
        self.last = bytes.last().copied().unwrap_or(self.last);
        self.bytes += bytes.len() as u64;
    }

    fn finish(mut self) -> Self {
        self.lone_cr += u64::from(std::mem::take(&mut self.after_cr));
        // An end-of-file mark of old is no binary.
        self.others -= u64::from(self.bytes > 0 && self.last == 26 && self.others > 0);
        self
    }

    fn of(bytes: &[u8]) -> Self {
        let mut statistics = Self::default();
        statistics.add(bytes);
        statistics.finish()
    }

    /// As `convert_is_binary` of git's convert.c.
    fn look_binary(&self) -> bool {
        self.lone_cr > 0 || self.zeros > 0 || (self.printable >> 7) < self.others
    }
}

/// What turns a file into content, beside the file itself.
pub struct Means<'a> {
    /// Where it stands.
    pub path: &'a BStr,
    /// What becomes of its content.
    pub conversion: &'a Conversion,
    /// Runs its filter, and knows until when there is time.
    pub cleaner: &'a mut Cleaner,
    /// The hash of ids.
    pub kind: HashKind,
}

/// Tells the content of an open file; `stored` is the blob the path has in git now, which guessing line ends depends on.
///
/// With `out`, the content is written there as well.
pub fn tell(
    file: &mut File,
    means: Means<'_>,
    stored: impl FnOnce() -> Option<Vec<u8>>,
    out: Option<&mut dyn Write>,
) -> Result<Content, NotContent> {
    let Means { path, conversion, cleaner, kind } = means;
    let stamp = os::stamp(&*file)?;
    let cleaned = match &conversion.filter {
        Some(Filter::Known(driver)) => cleaner.clean(driver, path, file).map_err(|error| match error {
            NotCleaned::Late => NotContent::Late,
            NotCleaned::Failed(why) => NotContent::Filter(crate::text::shown(&driver.name), why),
        })?,
        Some(Filter::Unknown(_)) | None => None,
    };
    if conversion.filter.is_some() {
        // It may have read of it, and made nothing.
        file.rewind()?;
    }
    let deadline = cleaner.deadline();
    let (id, size) = if let Some(mut cleaned) = cleaned {
        let size = cleaned.seek(io::SeekFrom::End(0))?;
        cleaned.rewind()?;
        converted(&mut Timed { inner: &mut cleaned, deadline }, size, conversion, kind, stored, out)?
    } else {
        converted(&mut Timed { inner: file, deadline }, stamp.size, conversion, kind, stored, out)?
    };
    if os::stamp(&*file)? != stamp {
        return Err(NotContent::Moving);
    }
    Ok(Content { id, size, stamp })
}

/// The same of what comes out of the filter, of so many bytes.
fn converted(
    file: &mut (impl Read + Seek),
    size: u64,
    conversion: &Conversion,
    kind: HashKind,
    stored: impl FnOnce() -> Option<Vec<u8>>,
    out: Option<&mut dyn Write>,
) -> Result<(ObjectId, u64), NotContent> {
    if conversion.ident || conversion.encoding.is_some() {
        in_memory(file, conversion, kind, stored, out)
    } else if drops_returns(file, conversion, stored)? {
        without_returns(file, kind, out)
    } else {
        as_it_lies(file, size, kind, out)
    }
}

/// Tells whether carriage returns before line feeds go, and leaves the file at its start.
fn drops_returns(
    file: &mut (impl Read + Seek),
    conversion: &Conversion,
    stored: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<bool, NotContent> {
    if conversion.line_ends == LineEnds::Kept {
        return Ok(false);
    }
    let mut statistics = Statistics::default();
    chunks(file, |bytes| {
        statistics.add(bytes);
        Ok(())
    })?;
    file.rewind()?;
    Ok(decides_to_drop(&statistics.finish(), conversion.line_ends, stored))
}

/// As `crlf_to_git` of git's convert.c.
fn decides_to_drop(statistics: &Statistics, line_ends: LineEnds, stored: impl FnOnce() -> Option<Vec<u8>>) -> bool {
    match line_ends {
        _ if statistics.crlf == 0 => false,
        LineEnds::Kept => false,
        LineEnds::Text => true,
        LineEnds::Guessed if statistics.look_binary() => false,
        LineEnds::Guessed => !stored().is_some_and(|bytes| {
            let statistics = Statistics::of(&bytes);
            statistics.crlf > 0 && !statistics.look_binary()
        }),
    }
}

fn as_it_lies(
    file: &mut impl Read,
    size: u64,
    kind: HashKind,
    out: Option<&mut dyn Write>,
) -> Result<(ObjectId, u64), NotContent> {
    hashed(kind, size, out, |each| chunks(file, each))
}

/// An id is made of the size first, so that the file is read twice.
fn without_returns(
    file: &mut (impl Read + Seek),
    kind: HashKind,
    out: Option<&mut dyn Write>,
) -> Result<(ObjectId, u64), NotContent> {
    let mut size = 0;
    dropping(file, |bytes| {
        size += bytes.len() as u64;
        Ok(())
    })?;
    file.rewind()?;
    hashed(kind, size, out, |each| dropping(file, each))
}

/// Makes the id of what `hand_on` hands on, which must be `size` bytes, and writes it to `out` as well.
fn hashed(
    kind: HashKind,
    size: u64,
    mut out: Option<&mut dyn Write>,
    hand_on: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
) -> Result<(ObjectId, u64), NotContent> {
    let mut hasher = BlobHasher::new(kind, size);
    let mut read = 0;
    hand_on(&mut |bytes| {
        read += bytes.len() as u64;
        hasher.update(bytes);
        out.as_mut().map_or(Ok(()), |out| out.write_all(bytes))
    })?;
    if read != size {
        return Err(NotContent::Moving);
    }
    Ok((hasher.finish().ok_or(NotContent::Attack)?, size))
}

fn in_memory(
    file: &mut impl Read,
    conversion: &Conversion,
    kind: HashKind,
    stored: impl FnOnce() -> Option<Vec<u8>>,
    out: Option<&mut dyn Write>,
) -> Result<(ObjectId, u64), NotContent> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // What is not in the encoding it should be in is taken as it lies.
    if let Some(utf8) = conversion.encoding.as_ref().and_then(|encoding| to_utf8(&bytes, encoding.as_ref())) {
        bytes = utf8;
    }
    if decides_to_drop(&Statistics::of(&bytes), conversion.line_ends, stored) {
        let mut kept = Vec::with_capacity(bytes.len());
        let held = drop_in(&bytes, false, |part| {
            kept.extend_from_slice(part);
            Ok(())
        })?;
        kept.extend(held.then_some(b'\r'));
        bytes = kept;
    }
    if let Some(plain) = conversion.ident.then(|| undo_ident(&bytes)).flatten() {
        bytes = plain;
    }
    out.map_or(Ok(()), |out| out.write_all(&bytes))?;
    Ok((blob_id(kind, &bytes).ok_or(NotContent::Attack)?, bytes.len() as u64))
}

fn chunks(file: &mut impl Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => each(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hands on a file's bytes without the carriage returns that stand before a line feed.
fn dropping(file: &mut impl Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut held = false;
    chunks(file, |bytes| {
        held = drop_in(bytes, held, &mut each)?;
        Ok(())
    })?;
    if held { each(b"\r") } else { Ok(()) }
}

/// The same for one part; `held` tells whether the part before ended in a carriage return that was not handed on. Returns
/// whether this one does.
fn drop_in(bytes: &[u8], held: bool, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
    if held && bytes.first() != Some(&b'\n') {
        each(b"\r")?;
    }
    let mut start = 0;
    for (position, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\r') {
        match bytes.get(position + 1) {
            Some(b'\n') => {
                each(&bytes[start..position])?;
                start = position + 1;
            }
            Some(_) => {}
            None => {
                each(&bytes[start..position])?;
                return Ok(true);
            }
        }
    }
    each(&bytes[start..])?;
    Ok(false)
}

/// Tells whether content is shown as binary: a NUL in its first bytes, as git has it.
pub fn looks_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_LOOK)].contains(&0)
}
