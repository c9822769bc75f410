//! The file: appended to by several hooks at once, under a lock that a dead one does not keep.

use super::entry::Entry;
use super::line::{BYTES_MAX, Head, Line, is_cut_off, log_name};
use super::reserve;
use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::lock;
use crate::os;
use crate::queue::State;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one who appends waits for another.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How much of the end is read at first, in bytes: several lines as most are. Where that holds no whole line, more is.
const TAIL: u64 = 4 << 10;

/// Whether a line must outlive a power cut before anything else is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// It must.
    Now,
    /// It goes with whatever is synced next.
    Later,
}

/// The log of a repository.
#[derive(Debug, Clone)]
pub struct Log {
    folder: PathBuf,
    modes: Modes,
}

/// How a log ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tail {
    /// Number and digest of the last line that is as it was sealed.
    last: Option<(u64, String)>,
    /// How many lines stand after that, those that were cut off, and whether the very last has no line feed.
    after: u64,
    torn: u64,
    open: bool,
}

impl Log {
    /// Names the log of a repository; nothing is made yet.
    pub fn of(state: &State) -> Self {
        Self { folder: state.folder().to_owned(), modes: state.modes() }
    }

    #[cfg(test)]
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), modes: Modes::OWNER }
    }

    /// Returns the file.
    pub fn path(&self) -> PathBuf {
        self.folder.join("audit.jsonl")
    }

    /// Appends a line.
    ///
    /// Returns an error where it could not be written; what was half written then is no line, and the next one says so.
    pub fn append(&self, entry: &Entry, sync: Sync) -> Result<()> {
        self.append_and(entry, |file, path| if sync == Sync::Now { file.sync_data().at("fsync", path) } else { Ok(()) })
    }

    /// Appends a line that must outlive a power cut before anything else is done, and while it goes to the disk does
    /// `meanwhile`, where there is as much as a line.
    pub fn append_while(&self, entry: &Entry, meanwhile: impl FnMut() + Send) -> Result<()> {
        let mut meanwhile = meanwhile;
        self.append_and(entry, |file, path| {
            std::thread::scope(|scope| {
                scope.spawn(&mut meanwhile);
                file.sync_data().at("fsync", path)
            })
        })
    }

    /// Appends a line, and then does `last` to the file.
    fn append_and(&self, entry: &Entry, last: impl FnMut(&File, &Path) -> Result<()>) -> Result<()> {
        self.try_append(entry, last).map_err(|error| error.while_doing("the audit cannot be written"))
    }

    fn try_append(&self, entry: &Entry, mut last: impl FnMut(&File, &Path) -> Result<()>) -> Result<()> {
        let path = self.path();
        durable::make_folders(&self.folder, self.modes)?;
        let _lock = lock::take(&self.folder.join("audit.lock"), self.modes.file, LOCK_WAIT)?;
        reserve::with_room(&self.folder, || {
            let mut file = open(&path, self.modes)?;
            put(&mut file, entry).at("write", &path)?;
            last(&file, &path)
        })?;
        reserve::fill(&self.folder, self.modes);
        Ok(())
    }

    /// Returns where the log ends, once all of it outlives a power cut; `None` where none was begun.
    pub fn head(&self) -> Result<Option<Head>> {
        let path = self.path();
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.at("open", &path)?,
        };
        file.sync_data().at("fsync", &path)?;
        let Some((line, digest)) = tail(&mut file).at("read", &path)?.last else { return Ok(None) };
        let first = first_line(&mut file).at("read", &path)?;
        let log = log_name(&Line::open(&first).map_or_else(|| digest.clone(), |first| first.digest));
        Ok(Some(Head { log, line, digest }))
    }

    /// Reads all of it; nothing where none was begun.
    pub fn read(&self) -> Result<Vec<u8>> {
        match std::fs::read(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            bytes => bytes.at("read", &self.path()),
        }
    }

    /// Returns the lines that are as they were sealed, oldest first.
    pub fn lines(&self) -> Result<Vec<Line>> {
        Ok(self.read()?.split(|byte| *byte == b'\n').filter_map(Line::open).collect())
    }
}

fn open(path: &Path, modes: Modes) -> Result<File> {
    match OpenOptions::new().read(true).append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        file => return file.at("open", path),
    }
    let file = os::making(OpenOptions::new().read(true).append(true).create(true), modes.file).open(path);
    let file = file.at("create", path)?;
    os::set_file_permissions(&file, modes.file).at("set the mode of", path)?;
    if !file.metadata().at("read", path)?.is_file() {
        return Err(Error::outside("io", format!("{} is no file", path.display())));
    }
    durable::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    Ok(file)
}

/// Writes the next line, after the line feed that a line before it may lack.
fn put(file: &mut File, entry: &Entry) -> io::Result<()> {
    let end = tail(file)?;
    let number = end.last.as_ref().map_or(0, |(number, _)| *number) + end.after + 1;
    let (line, _) = Line::seal(entry, number, end.last.as_ref().map(|(_, digest)| digest.as_str()), end.torn);
    let bytes = if end.open { [b"\n", line.as_slice()].concat() } else { line };
    let length = file.metadata()?.len();
    file.write_all(&bytes).inspect_err(|_| {
        // Half a line does no harm, but none is better. A file that may only grow keeps it.
        let _ = file.set_len(length);
    })
}

/// Reads how a log ends.
fn tail(file: &mut File) -> io::Result<Tail> {
    let length = file.metadata()?.len();
    let mut size = TAIL;
    loop {
        let start = length.saturating_sub(size);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::with_capacity(usize::try_from(length - start).unwrap_or(0));
        file.take(length - start).read_to_end(&mut bytes)?;
        let whole = if start == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) };
        let found = tail_of(&bytes[whole..]);
        if found.last.is_some() || start == 0 {
            return Ok(found);
        }
        size *= 8;
    }
}

fn tail_of(bytes: &[u8]) -> Tail {
    let mut end = Tail { open: bytes.last().is_some_and(|byte| *byte != b'\n'), ..Tail::default() };
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for line in lines.rsplit(|byte| *byte == b'\n').filter(|_| !lines.is_empty()) {
        if let Some(sealed) = Line::open(line) {
            end.last = Some((sealed.line, sealed.digest));
            break;
        }
        end.after += 1;
        end.torn += u64::from(is_cut_off(line));
    }
    end
}

fn first_line(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    BufReader::new(file.take(BYTES_MAX as u64)).read_until(b'\n', &mut bytes)?;
    bytes.truncate(bytes.strip_suffix(b"\n").unwrap_or(&bytes).len());
    Ok(bytes)
}
