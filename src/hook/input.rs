//! What git tells a hook about a push.

use crate::error::{Error, Result};
use crate::git::{ObjectId, RefName, is_null};
use crate::guard::Command;
use bstr::{BString, ByteSlice};
use std::io::Read;

/// The most that is read from git, in bytes: a push of some 500,000 references.
const INPUT_MAX: u64 = 64 << 20;
/// The most push options that are looked at.
const OPTIONS_MAX: usize = 1000;

/// One reference of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What the client says it held; `None`: it did not exist.
    pub old: Option<ObjectId>,
    /// What it is to hold; `None`: it is deleted.
    pub new: Option<ObjectId>,
    /// Its name, as the client sees it.
    pub name: RefName,
}

/// A push.
#[derive(Debug, Clone, Default)]
pub struct Push {
    /// git's own words, for the hook that comes after us.
    pub raw: Vec<u8>,
    /// The references.
    pub updates: Vec<Update>,
    /// The push options, in order.
    pub options: Vec<BString>,
}

impl Push {
    /// Reads the push from standard input and the environment.
    pub fn read() -> Result<Self> {
        let mut raw = Vec::new();
        let read = std::io::stdin().lock().take(INPUT_MAX + 1).read_to_end(&mut raw);
        read.map_err(|error| Error::failed("hook-input", format!("cannot read what git says of the push: {error}")))?;
        if raw.len() as u64 > INPUT_MAX {
            return Err(Error::failed("push-too-large", "the push names too many references")
                .hint("push them in several pushes"));
        }
        let updates = parse(&raw)?;
        Ok(Self { raw, updates, options: options_from(|name| std::env::var_os(name)) })
    }

    /// Returns the references as the guard looks at them.
    pub fn commands(&self) -> Vec<Command> {
        let command = |update: &Update| Command { name: update.name.clone(), old: update.old, new: update.new };
        self.updates.iter().map(command).collect()
    }

    /// Returns the value of the last option `cairn.<name>=<value>`.
    pub fn option(&self, name: &str) -> Option<&[u8]> {
        let start = format!("cairn.{name}=");
        self.options.iter().rev().find_map(|option| option.strip_prefix(start.as_bytes()))
    }
}

fn options_from(get: impl Fn(&str) -> Option<std::ffi::OsString>) -> Vec<BString> {
    let count = get("GIT_PUSH_OPTION_COUNT").and_then(|count| count.to_str()?.parse().ok()).unwrap_or(0);
    let options = (0..OPTIONS_MAX.min(count)).filter_map(|n| get(&format!("GIT_PUSH_OPTION_{n}")));
    options.map(|option| BString::from(option.as_encoded_bytes())).collect()
}

/// Reads git's lines `<old> <new> <name>` (githooks(5)).
fn parse(raw: &[u8]) -> Result<Vec<Update>> {
    let invalid = |line: &[u8]| {
        Error::failed("hook-input", format!("git says of the push: {}", crate::text::shown(line)))
            .hint("does something stand between git and this hook, and change what it reads? git cairn hooks status")
    };
    let one = |line: &[u8]| {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let mut id = || ObjectId::from_hex(words.next()?).ok();
        let (old, new) = (id()?, id()?);
        let some = |id: ObjectId| (!is_null(&id)).then_some(id);
        Some(Update { old: some(old), new: some(new), name: RefName::new(words.next()?)? })
    };
    raw.lines().map(|line| one(line).ok_or_else(|| invalid(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_git_are_read() {
        let (a, zero) = ("1".repeat(40), "0".repeat(40));
        let updates = parse(format!("{zero} {a} refs/heads/ma\u{ef}n\n{a} {zero} refs/tags/x\n").as_bytes()).unwrap();
        assert_eq!((updates[0].old, updates[1].new), (None, None));
        assert!(updates[0].new.is_some() && updates[1].old.is_some());
        assert!(parse(b"").unwrap().is_empty());
        for bad in ["x\n", &format!("{a} {a}\n"), &format!("{a} {a} main\n"), &format!("{a} {a} refs/heads/a b\n")] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_option_of_a_name_counts() {
        let all = [
            ("GIT_PUSH_OPTION_COUNT", "3"),
            ("GIT_PUSH_OPTION_0", "cairn.note=a"),
            ("GIT_PUSH_OPTION_1", "x"),
            ("GIT_PUSH_OPTION_2", "cairn.note=b=c"),
        ];
        let options = options_from(|name| all.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()));
        let push = Push { options, ..Push::default() };
        assert_eq!(push.option("note"), Some(&b"b=c"[..]));
        assert_eq!(push.option("rewind"), None);
    }
}
