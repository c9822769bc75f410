//! git's configuration, as git would answer it: system, global, repository, includes and `git -c`.

use crate::error::{Error, Result};
use bstr::{BString, ByteSlice};

/// A key of git's configuration; section and name are compared without case, the subsection with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The section, in lower case.
    pub section: String,
    /// The subsection, as it is.
    pub subsection: Option<BString>,
    /// The name, in lower case.
    pub name: String,
}

impl Key {
    /// Tells whether it is this one.
    fn is(&self, section: &str, subsection: Option<&str>, name: &str) -> bool {
        self.section == section
            && self.name.eq_ignore_ascii_case(name)
            && self.subsection.as_ref().map(|name| name.as_bstr()) == subsection.map(Into::into)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.subsection {
            None => write!(f, "{}.{}", self.section, self.name),
            Some(subsection) => write!(f, "{}.{}.{}", self.section, crate::text::shown(subsection), self.name),
        }
    }
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// With the system or the user, or on the command line.
    Around,
    /// In the file of one work tree (git-worktree(1), `config.worktree`).
    WorkTree,
    /// In the repository's own file: it goes with the repository.
    Local,
}

/// One value and where it stands.
#[derive(Debug, Clone)]
struct Entry {
    key: Key,
    value: BString,
    scope: Scope,
}

impl Entry {
    fn is_local(&self) -> bool {
        self.scope == Scope::Local
    }
}

/// The keys of a stranger's config that are taken over: they say how files are to be read, and name nothing that is run.
const HARMLESS: [(&str, &str); 9] = [
    ("core", "autocrlf"),
    ("core", "eol"),
    ("core", "excludesfile"),
    ("core", "filemode"),
    ("core", "ignorecase"),
    ("core", "symlinks"),
    ("core", "worktree"),
    ("extensions", "objectformat"),
    ("extensions", "refstorage"),
];

/// All values, in the order in which git reads them: the last one of a key wins.
#[derive(Debug, Clone, Default)]
pub struct Config {
    entries: Vec<Entry>,
}

impl Config {
    /// Adds a value after all others.
    pub(super) fn push(&mut self, key: Key, value: BString, scope: Scope) {
        self.entries.push(Entry { key, value, scope });
    }

    /// Returns what is said around the repository, by the system and the user, without what lies in its git directory.
    #[must_use]
    pub fn around(&self) -> Self {
        Self { entries: self.entries.iter().filter(|entry| entry.scope == Scope::Around).cloned().collect() }
    }

    /// Returns the configuration of a clone that somebody else may write, as data: what the system and the user say, and of its
    /// own file, the content of which is given, what names nothing that is run. Includes in it are not followed.
    ///
    /// Returns an error where git could not read the file either.
    pub fn of_clone(&self, own: &[u8]) -> Result<Self> {
        let meta = gix::config::file::Metadata::from(gix::config::Source::Local);
        let file = gix::config::File::from_bytes_no_includes(own, meta, gix::config::file::init::Options::default());
        let file = file.map_err(|error| {
            Error::damaged("config", format!("a clone's config cannot be read: {error}"))
                .hint("see what git says of it: git config --list, in that folder")
        })?;
        // What was said on the command line goes before what the file says, as everywhere.
        let (before, after) = self.entries.split_at(self.entries.iter().position(Entry::is_local).unwrap_or(0));
        let mut config = Self { entries: before.to_vec() };
        for (section, name) in HARMLESS {
            for value in file.raw_values_by(section, None, name).unwrap_or_default() {
                config.push(Key { section: section.into(), subsection: None, name: name.into() }, value, Scope::Local);
            }
        }
        config.entries.extend(after.iter().filter(|entry| !entry.is_local()).cloned());
        Ok(config)
    }

    /// Returns the value of `section.name`, as text; bytes that are not UTF-8 are replaced.
    pub fn get(&self, section: &str, name: &str) -> Option<String> {
        self.last(section, None, name)
    }

    /// Returns the value of `section.subsection.name`.
    pub fn get_in(&self, section: &str, subsection: &str, name: &str) -> Option<String> {
        self.last(section, Some(subsection), name)
    }

    fn last(&self, section: &str, subsection: Option<&str>, name: &str) -> Option<String> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.key.is(section, subsection, name))
            .map(|entry| entry.value.to_str_lossy().into_owned())
    }

    /// Returns the value of a whole key, as `git config --get` takes it.
    pub fn get_key(&self, key: &str) -> Option<String> {
        let (section, rest) = key.split_once('.')?;
        match rest.rsplit_once('.') {
            Some((subsection, name)) => self.get_in(section, subsection, name),
            None => self.get(section, rest),
        }
    }

    /// Returns every value of `section.name`.
    pub fn all(&self, section: &str, name: &str) -> Vec<String> {
        self.every(section, None, name)
    }

    /// Returns every value of `section.subsection.name`.
    pub fn all_in(&self, section: &str, subsection: &str, name: &str) -> Vec<String> {
        self.every(section, Some(subsection), name)
    }

    fn every(&self, section: &str, subsection: Option<&str>, name: &str) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| entry.key.is(section, subsection, name));
        entries.map(|entry| entry.value.to_str_lossy().into_owned()).collect()
    }

    /// Adds a value of a whole key after all others, as `git -c` would.
    pub fn set(&mut self, key: &str, value: &str) {
        if let Some((section, rest)) = key.split_once('.') {
            let (subsection, name) = rest.rsplit_once('.').map_or((None, rest), |(sub, name)| (Some(sub.into()), name));
            let key = Key { section: section.to_lowercase(), subsection, name: name.to_lowercase() };
            self.push(key, value.into(), Scope::Local);
        }
    }

    /// Returns the value of a git boolean; a key without a value is true, as git has it.
    pub fn is_true(&self, section: &str, name: &str) -> Option<bool> {
        self.get(section, name).map(|value| is_true(&value))
    }

    /// The same of `section.subsection.name`.
    pub fn is_true_in(&self, section: &str, subsection: &str, name: &str) -> Option<bool> {
        self.get_in(section, subsection, name).map(|value| is_true(&value))
    }

    /// Returns the subsections of `section`, each once, in the order of their first appearance.
    pub fn subsections(&self, section: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.key.section == section) {
            if let Some(Ok(name)) = entry.key.subsection.as_ref().map(|name| name.to_str())
                && !found.iter().any(|known| known == name)
            {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// Returns keys and values of a section, its name in lower case, with and without subsections, in order.
    pub fn section<'a>(&'a self, section: &'a str) -> impl Iterator<Item = (&'a Key, &'a BString)> {
        self.entries.iter().filter(move |entry| entry.key.section == section).map(|entry| (&entry.key, &entry.value))
    }

    /// Returns keys and values of the repository's own file, in order.
    pub fn local(&self) -> impl Iterator<Item = (&Key, &BString)> {
        self.entries.iter().filter(|entry| entry.is_local()).map(|entry| (&entry.key, &entry.value))
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "yes" | "on" | "1" | "")
}

#[cfg(test)]
impl Config {
    /// Makes a configuration from `a.b.c=value` lines, for tests of what reads it.
    pub fn of(lines: &[&str]) -> Self {
        let mut config = Self::default();
        for line in lines {
            let (key, value) = line.split_once('=').unwrap();
            config.set(key, value);
        }
        config
    }
}
