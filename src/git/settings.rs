//! Settings that hold with and without a repository: those of how git speaks to a person.

use super::config::Scope;
use super::{Config, Key, Place, Repository};
use crate::error::Result;
use crate::process::Command;
use bstr::ByteSlice;
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
