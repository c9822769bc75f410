//! Where archives lie: keys and bytes, never backups.

mod local;
mod seal;

pub use local::LocalStore;
pub use seal::{NO_DIGEST, is_sealed, seal};

use crate::error::{AtPath, Error, Result};
use crate::os;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// The largest file that is read as a whole, in bytes: a list of five million references fits.
const SMALL_FILE_MAX: u64 = 1 << 30;
/// How many bytes are copied at a time.
const COPY_BYTES: usize = 1 << 18;

/// The name of a stored file: words of letters, digits, `.`, `_` and `-`, joined by `/`, none beginning with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a key.
    ///
    /// Returns an error for anything that could leave the store or hide in it.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let word = |word: &str| !word.is_empty() && !word.starts_with('.') && word.chars().all(good);
        if text.len() <= 512 && text.split('/').all(word) {
            return Ok(Self(text));
        }
        Err(Error::damaged("key", format!("{:?} is no name of a stored file", crate::text::shown(text.as_bytes())))
            .hint("what names it is damaged; which backups are whole: git cairn backup verify --all"))
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last word.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file on its way into a store; dropped before it is published, it never was.
pub trait Publication: Write {
    /// Makes the file visible under its key, durably; fails if the key is taken.
    fn publish(self: Box<Self>) -> Result<()>;
}

/// A place that keeps files under keys.
///
/// Files are written once: no method changes one, and only [`Store::replace`], for what is no archive and no
/// manifest, puts another in its place.
pub trait Store: Send + Sync {
    /// Starts a new file.
    fn create(&self, key: &Key) -> Result<Box<dyn Publication>>;

    /// Writes a new file that appears, durably, only once whatever was created, replaced and removed before is durable.
    fn create_last(&self, key: &Key, bytes: &[u8]) -> Result<()>;

    /// Opens a file; returns [`crate::error::Kind::NotFound`] where there is none.
    fn open(&self, key: &Key) -> Result<Box<dyn Read + Send>>;

    /// Returns a file's size in bytes, `None` where there is none.
    fn size(&self, key: &Key) -> Result<Option<u64>>;

    /// Lists the keys below a folder (without a slash at its end), in order; `""` lists all.
    fn list(&self, folder: &str) -> Result<Vec<Key>>;

    /// Lists what lies in a folder itself, files and folders, by their last words and in order. A folder that became empty may
    /// still be among them.
    fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// Removes a file; one that is not there is no error.
    fn remove(&self, key: &Key) -> Result<()>;

    /// Removes a folder in which nothing is left; one that is not there, or not empty, is no error.
    fn remove_folder(&self, folder: &str) -> Result<()>;

    /// Puts bytes in the place of what the key holds, if anything, at once.
    fn replace(&self, key: &Key, bytes: &[u8]) -> Result<()>;

    /// Returns a path at which the file can be read and mapped: its own where the store is a directory of this host, else that
    /// of a copy in `scratch`. Returns [`crate::error::Kind::NotFound`] where there is none.
    fn at_hand(&self, key: &Key, scratch: &Path) -> Result<PathBuf>;

    /// Returns how many bytes there is room for, `None` where there is no telling.
    fn free_bytes(&self) -> Result<Option<u64>>;

    /// Says where the store is, for a person.
    fn place(&self) -> String;
}

/// Writes a new small file.
pub fn create_whole(store: &dyn Store, key: &Key, bytes: &[u8]) -> Result<()> {
    let mut publication = store.create(key)?;
    publication.write_all(bytes).at("write", Path::new(key.as_str()))?;
    publication.publish()
}

/// Writes a new file with the content of one on this host, and returns its size and SHA-256.
pub fn copy_in(store: &dyn Store, key: &Key, path: &Path) -> Result<(u64, String)> {
    let mut input = BufReader::with_capacity(COPY_BYTES, File::open(path).at("read", path)?);
    let mut out = Tally::new(store.create(key)?);
    io::copy(&mut input, &mut out).at("write", Path::new(key.as_str()))?;
    let (publication, bytes, sha256) = out.finish();
    publication.publish()?;
    Ok((bytes, sha256))
}

/// Writes a stored file to a new one of this host with these permission bits, and returns its size and SHA-256.
pub fn copy_out(store: &dyn Store, key: &Key, path: &Path, mode: u32) -> Result<(u64, String)> {
    let mut input = BufReader::with_capacity(COPY_BYTES, Tally::new(store.open(key)?));
    let mut file = os::making(File::options().write(true).create_new(true), mode).open(path).at("create", path)?;
    io::copy(&mut input, &mut file).at("write", path)?;
    file.sync_all().at("fsync", path)?;
    let (_, bytes, sha256) = input.into_inner().finish();
    Ok((bytes, sha256))
}

/// Returns the SHA-256 of a file on this host.
pub fn sha256_of(path: &Path) -> Result<String> {
    let mut input = BufReader::with_capacity(COPY_BYTES, Tally::new(File::open(path).at("read", path)?));
    io::copy(&mut input, &mut io::sink()).at("read", path)?;
    Ok(input.into_inner().finish().2)
}

/// Reads a small file whole.
///
/// Returns [`crate::error::Kind::NotFound`] where there is none, and an error where it is too large to be what it should be.
pub fn read_whole(store: &dyn Store, key: &Key) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    store.open(key)?.take(SMALL_FILE_MAX + 1).read_to_end(&mut bytes).at("read", Path::new(key.as_str()))?;
    if bytes.len() as u64 > SMALL_FILE_MAX {
        return Err(Error::damaged("too-large", format!("{key} is larger than such a file can be")));
    }
    Ok(bytes)
}

/// A SHA-256 as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counts and hashes the bytes that pass.
pub struct Tally<T> {
    inner: T,
    hasher: Sha256,
    bytes: u64,
}

impl<T> Tally<T> {
    /// Wraps a reader or a writer.
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// Returns what was wrapped, how many bytes passed, and their SHA-256.
    pub fn finish(self) -> (T, u64, String) {
        (self.inner, self.bytes, hex(&self.hasher.finalize()))
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<T: Read> Read for Tally<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count(&buffer[..n]);
        Ok(n)
    }
}

impl<T: Write> Write for Tally<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.count(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
