//! Filter drivers (gitattributes(5), `filter`): which there are, and their `clean` half run as git runs it (convert.c).
//!
//! Only what the host's own config defines is one. It is run in the host's git directory, never in the tree, so that whatever
//! it names by a relative path, and every config that it reads, is the host's.

use super::filter_process::{Answer, FilterProcess};
use super::{Config, Repository};
use crate::error::{AtPath, Result};
use crate::os::OsStrExt;
use crate::process::Command;
use bstr::{BStr, BString, ByteSlice};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tempfile::SpooledTempFile;

/// How much of what a filter makes is kept in memory, in bytes; more goes to a temporary file.
const IN_MEMORY_MAX: usize = 1 << 20;

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Driver {
    /// Its name.
    pub name: BString,
    clean: Option<BString>,
    process: Option<BString>,
    required: bool,
    /// Where it is run.
    git_dir: PathBuf,
}

/// The filters that may be run.
#[derive(Debug, Clone, Default)]
pub struct Drivers(Vec<Arc<Driver>>);

impl Drivers {
    /// Returns those that the config of `host` defines for the tree at `tree`: the system's, the user's, and the repository's
    /// own, unless that lies in the tree, where whoever edits the tree could write it.
    pub fn of(host: &Repository, tree: &Path) -> Self {
        let git_dir = host.common_dir();
        let is_in_tree = git_dir.starts_with(tree) || host.git_dir().starts_with(tree);
        let config = if is_in_tree { host.config().around() } else { host.config() };
        Self::defined(&config, &git_dir)
    }

    fn defined(config: &Config, git_dir: &Path) -> Self {
        let mut found: Vec<Driver> = Vec::new();
        for (key, value) in config.section("filter") {
            let Some(name) = &key.subsection else { continue };
            let place = found.iter().position(|driver| driver.name == *name).unwrap_or_else(|| {
                let none = Driver {
                    name: name.clone(),
                    clean: None,
                    process: None,
                    required: false,
                    git_dir: git_dir.to_owned(),
                };
                found.push(none);
                found.len() - 1
            });
            match key.name.as_str() {
                "clean" => found[place].clean = Some(value.clone()),
                "process" => found[place].process = Some(value.clone()),
                "required" => {
                    let is_true = name.to_str().ok().and_then(|name| config.is_true_in("filter", name, "required"));
                    found[place].required = is_true == Some(true);
                }
                _ => {}
            }
        }
        Self(found.into_iter().map(Arc::new).collect())
    }

    /// Returns the one of that name.
    pub fn find(&self, name: &BStr) -> Option<Arc<Driver>> {
        self.0.iter().find(|driver| driver.name == name).cloned()
    }

    /// Returns a number that is another one where the filters are others.
    pub fn key(&self) -> u64 {
        let mut key = DefaultHasher::new();
        self.0.hash(&mut key);
        key.finish()
    }
}

/// Why a filter did not make of a file what git would store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCleaned {
    /// The time was over.
    Late,
    /// It failed, and is one without which git takes no file: how.
    Failed(String),
}

/// Runs filters for one thread; those that are spoken with (`filter.<driver>.process`) live as long as this.
#[derive(Debug, Default)]
pub struct Cleaner {
    deadline: Option<Instant>,
    running: HashMap<BString, FilterProcess>,
    ran: BTreeSet<BString>,
    failed: BTreeSet<BString>,
}

impl Cleaner {
    /// Makes one whose filters are ended at the deadline.
    pub fn until(deadline: Option<Instant>) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// Tells whether its time is over.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Returns when its time is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the names of those that made something of a file, and of those that failed and without which git goes on.
    pub fn told(&self) -> (&BTreeSet<BString>, &BTreeSet<BString>) {
        (&self.ran, &self.failed)
    }

    /// Returns what a filter makes of a file that is at its start; `None` where it makes nothing of it and the file is taken as
    /// it lies. Where the file stands afterwards is not said.
    pub fn clean(
        &mut self,
        driver: &Driver,
        path: &BStr,
        file: &mut File,
    ) -> std::result::Result<Option<SpooledTempFile>, NotCleaned> {
        if self.is_late() {
            return Err(NotCleaned::Late);
        }
        let cleaned = match (&driver.process, &driver.clean) {
            (Some(command), _) if !command.is_empty() => self.spoken_with(driver, command, path, file),
            (None, Some(command)) if !command.is_empty() => self.once(driver, command, path, file).map(Some),
            _ => Ok(None),
        };
        match cleaned {
            Ok(Some(cleaned)) => {
                self.ran.insert(driver.name.clone());
                Ok(Some(cleaned))
            }
            Err(_) if self.is_late() => Err(NotCleaned::Late),
            Ok(None) if driver.required => Err(NotCleaned::Failed("it does nothing".into())),
            Err(error) if driver.required => Err(NotCleaned::Failed(error.to_string())),
            Ok(None) => Ok(None),
            Err(_) => {
                self.failed.insert(driver.name.clone());
                Ok(None)
            }
        }
    }

    /// Runs `filter.<driver>.clean` for one file.
    fn once(&self, driver: &Driver, command: &BString, path: &BStr, file: &File) -> Result<SpooledTempFile> {
        let input = file.try_clone().at("read", Path::new("the file"))?;
        let command = shell(&named(command, path), driver);
        command.stream_file(input, self.deadline, |out| {
            let mut cleaned = SpooledTempFile::new(IN_MEMORY_MAX);
            io::copy(out, &mut cleaned).at("read from", Path::new("the filter"))?;
            Ok(cleaned)
        })
    }

    /// Speaks with `filter.<driver>.process`, which is started once.
    fn spoken_with(
        &mut self,
        driver: &Driver,
        command: &BString,
        path: &BStr,
        file: &mut File,
    ) -> Result<Option<SpooledTempFile>> {
        let running = match self.running.entry(command.clone()) {
            Entry::Occupied(running) => running.into_mut(),
            Entry::Vacant(none) => {
                let started = shell(command, driver).converse(self.deadline)?;
                none.insert(FilterProcess::greet(started).at("speak with", Path::new("the filter"))?)
            }
        };
        let mut cleaned = SpooledTempFile::new(IN_MEMORY_MAX);
        match running.clean(path, file, &mut cleaned) {
            Ok(Answer::Done) => Ok(Some(cleaned)),
            Ok(Answer::Nothing) => Ok(None),
            Ok(Answer::Refused) => Err(crate::error::Error::outside("filter", "it says that it cannot")
                .hint("what it is: git config --get-regexp '^filter[.]'")),
            Err(error) => {
                // What it says next is no answer to what it is asked next.
                self.running.remove(command);
                Err(error).at("speak with", Path::new("the filter"))
            }
        }
    }
}

/// As git runs it: sh reads the operator's own text.
fn shell(command: &BString, driver: &Driver) -> Command {
    let command = OsStr::from_bytes(command);
    Command::new("sh").arg("-c").arg(command).arg(command).env("GIT_DIR", &driver.git_dir).in_folder(&driver.git_dir)
}

/// Puts a path where `%f` stands, in single quotes, so that it is one word whatever it is.
fn named(command: &BString, path: &BStr) -> BString {
    if !command.contains_str("%f") {
        return command.clone();
    }
    let quoted = [b"'", path.replace("'", "'\\''").as_slice(), b"'"].concat();
    command.replace("%f", quoted).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    fn made(lines: &[&str], content: &[u8]) -> std::result::Result<Option<Vec<u8>>, NotCleaned> {
        let drivers = Drivers::defined(&Config::of(lines), &std::env::temp_dir());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        let driver = drivers.find("x".into()).unwrap();
        let cleaned = Cleaner::default().clean(&driver, "a 'b'.txt".into(), &mut file)?;
        Ok(cleaned.map(|mut cleaned| {
            let mut bytes = Vec::new();
            cleaned.rewind().unwrap();
            cleaned.read_to_end(&mut bytes).unwrap();
            bytes
        }))
    }

    #[test]
    fn a_filter_makes_what_it_prints_unless_it_fails() {
        assert_eq!(made(&["filter.x.clean=tr a-z A-Z"], b"words"), Ok(Some(b"WORDS".to_vec())));
        assert_eq!(made(&["filter.x.clean=printf '<%s>' %f"], b""), Ok(Some(b"<a 'b'.txt>".to_vec())));
        assert_eq!(made(&["filter.x.clean=cat; false"], b"words"), Ok(None));
        let failed = made(&["filter.x.clean=cat; false", "filter.x.required=true"], b"words");
        assert!(matches!(failed, Err(NotCleaned::Failed(_))));
        assert_eq!(made(&["filter.x.smudge=cat"], b"words"), Ok(None));
        let nothing = made(&["filter.x.required=yes"], b"words");
        assert!(matches!(nothing, Err(NotCleaned::Failed(_))));
        let large = vec![b'x'; 3 << 20];
        assert_eq!(made(&["filter.x.clean=cat"], &large), Ok(Some(large.clone())));
        // It need not read what it is given.
        assert_eq!(made(&["filter.x.clean=echo pointer"], &large), Ok(Some(b"pointer\n".to_vec())));
    }

    #[test]
    fn a_process_that_is_none_is_a_failure() {
        for process in ["true", "cat", "printf 0000", "echo git-filter-server"] {
            let lines = [&format!("filter.x.process={process}"), "filter.x.clean=cat"];
            assert_eq!(made(&lines, b"words"), Ok(None), "{process}");
        }
        assert_eq!(made(&["filter.x.process=", "filter.x.clean=cat"], b"words"), Ok(None));
    }

    #[test]
    fn the_key_tells_filters_apart() {
        let key = |lines: &[&str]| Drivers::defined(&Config::of(lines), Path::new("/x")).key();
        assert_ne!(key(&["filter.x.clean=a"]), key(&["filter.x.clean=b"]));
        assert_ne!(key(&["filter.x.clean=a"]), key(&["filter.x.process=a"]));
        assert_eq!(key(&["filter.x.clean=a", "filter.x.clean=b"]), key(&["filter.x.clean=b"]));
    }
}
