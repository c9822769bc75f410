//! Settings that hold with and without a repository: those of how git speaks to a person.

use super::config::Scope;
use super::{Config, Key, Place, Repository};
use crate::error::Result;
use crate::process::Command;
use bstr::ByteSlice;
use std::collections::HashMap;
use std::path::Path;

/// Returns the settings whose names begin with one of these, such as `color.`, and maybe others, as git itself answers them where
/// the person is.
///
/// Where git has none, or cannot be asked, there are none: nothing but the look of what is printed depends on them.
pub fn settings(place: &Place, beginnings: &[&str]) -> Config {
    if let Some(plain) = Repository::discover_plain(place) {
        return plain.config();
    }
    let mut command = Command::git_here();
    if let Some(git_dir) = &place.git_dir {
        command = command.env("GIT_DIR", git_dir);
    }
    let any = beginnings.iter().map(|beginning| beginning.replace('.', "\\.")).collect::<Vec<_>>().join("|");
    let output = command.args(["config", "--null", "--get-regexp"]).arg(format!("^({any})")).output();
    output.map_or_else(|_| Config::default(), |output| parsed(&output.stdout))
}

/// Returns what one config file says, as git reads it; a missing file says nothing.
pub fn settings_of_file(path: &Path) -> Result<Config> {
    if !path.exists() {
        return Ok(Config::default());
    }
    Command::git().args(["config", "--null", "--list", "--file"]).arg(path).read().map(|out| parsed(&out))
}

/// The names of settings as they are documented; git itself compares them without case, and lists them in lower case.
pub struct Spelling(HashMap<(String, String), (String, String)>);

/// Those of our own names that are not in lower case.
const OWN: [&str; 13] = [
    "cairn.captureBudget",
    "cairn.captureExclude",
    "cairn.captureLimit",
    "cairn.hookBudget",
    "cairn.keepAutomatic",
    "cairn.keepFor",
    "cairn.keepRescues",
    "cairn.onFailure",
    "cairn.setupOnPush",
    "cairn.tagTemplate",
    "cairnProtect.<pattern>.by",
    "cairnProtect.<pattern>.delete",
    "cairnProtect.<pattern>.rewind",
];

impl Spelling {
    /// Asks git for its own; where it cannot be asked, only ours are known.
    pub fn of_git() -> Self {
        let listed = Command::git().args(["help", "--config"]).output();
        let listed = listed.map(|output| output.stdout.to_str_lossy().into_owned()).unwrap_or_default();
        let names = listed.lines().map(str::trim).chain(OWN);
        Self(names.filter_map(ends).map(|(section, name)| (lower((section, name)), owned((section, name)))).collect())
    }

    /// Returns a key as it is documented; one that is not known stays as it is.
    pub fn of(&self, key: &str) -> String {
        let Some((ends, known)) = ends(key).and_then(|ends| Some((ends, self.0.get(&lower(ends))?))) else {
            return key.into();
        };
        let between = &key[ends.0.len()..key.len() - ends.1.len()];
        format!("{}{between}{}", known.0, known.1)
    }
}

/// The section and the name of a key, without a subsection between them.
fn ends(key: &str) -> Option<(&str, &str)> {
    Some((key.split_once('.')?.0, key.rsplit_once('.')?.1))
}

fn lower((section, name): (&str, &str)) -> (String, String) {
    (section.to_lowercase(), name.to_lowercase())
}

fn owned((section, name): (&str, &str)) -> (String, String) {
    (section.into(), name.into())
}

/// Reads what `git config --null` prints.
fn parsed(output: &[u8]) -> Config {
    let mut config = Config::default();
    for entry in output.split(|byte| *byte == 0) {
        // A key without a value stands alone, and is true.
        let (key, value) = entry.split_once_str("\n").unwrap_or((entry, b"true"));
        let mut words = key.splitn(2, |byte| *byte == b'.');
        if let (Some(section), Some(rest)) = (words.next(), words.next()) {
            let (subsection, name) =
                rest.rsplit_once_str(".").map_or((None, rest), |(subsection, name)| (Some(subsection.into()), name));
            let text = |bytes: &[u8]| bytes.to_str_lossy().to_lowercase();
            config.push(Key { section: text(section), subsection, name: text(name) }, value.into(), Scope::Around);
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_they_are_documented() {
        let spelling = Spelling::of_git();
        for (listed, documented) in [
            ("receive.advertisepushoptions", "receive.advertisePushOptions"),
            ("core.logallrefupdates", "core.logAllRefUpdates"),
            ("remote.my.Host.pushurl", "remote.my.Host.pushurl"),
            ("branch.a.b.pushremote", "branch.a.b.pushRemote"),
            ("cairn.tagtemplate", "cairn.tagTemplate"),
            ("cairn.live.captureexclude", "cairn.live.captureExclude"),
            ("cairnprotect.refs/heads/Main.rewind", "cairnProtect.refs/heads/Main.rewind"),
            ("some.thing.else", "some.thing.else"),
        ] {
            assert_eq!(spelling.of(listed), documented);
        }
    }
}
