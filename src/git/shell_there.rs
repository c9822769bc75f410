//! How a command is typed that is to run in the repository a URL leads to.

use super::Remote;
use crate::os::{self, OsStrExt};
use crate::text::shell_word;
use bstr::{BStr, ByteSlice};
use gix::url::Scheme;
use std::ffi::OsStr;
use std::path::Path;

impl Remote {
    /// Returns the line that runs `git <words>` in this repository, typed into a shell here: over ssh as the URL has it, or as
    /// it is where the repository lies on this machine. `folder` is where a path in the URL begins.
    ///
    /// Returns `None` where the URL tells of neither a login nor a path.
    pub fn typed_there(&self, folder: &Path, words: &str) -> Option<String> {
        let url = gix::url::parse(BStr::new(&self.push_url)).ok()?;
        let path = OsStr::from_bytes(url.path.as_bytes());
        if url.scheme == Scheme::File {
            let path = os::canonicalize(folder.join(path)).ok()?;
            return Some(format!("git -C {} {words}", shell_word(path)));
        }
        // A shell there reads `~anna`, and would not in quotes.
        let path = url.path.strip_prefix(b"~/").map_or(path, OsStr::from_bytes);
        let host = url.host.as_deref().filter(|_| url.scheme == Scheme::Ssh && !path.as_bytes().starts_with(b"~"))?;
        let login = url.user.iter().map(|user| format!("{user}@")).chain([host.to_owned()]).collect::<String>();
        if login.starts_with('-') {
            return None;
        }
        let port = url.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        let line = format!("git -C {} {words}", shell_word(path));
        let plain = line.split(' ').all(|word| shell_word(word) == word);
        let line = if plain { line } else { shell_word(line) };
        Some(format!("ssh {port}{} {line}", shell_word(login)))
    }

    /// Says where `git <words>` is to be typed on the host, as [`Remote::typed_there`] does, or in whose repository where that
    /// tells no way there.
    pub fn told_there(&self, folder: &Path, words: &str) -> String {
        match self.typed_there(folder, words) {
            Some(line) => format!("type it there, where you may log in: {line}"),
            None => format!("type it there, in the repository of {}: git {words}", self.shown_url()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_how_one_gets_there() {
        let typed = |url: &str| {
            Remote { name: None, push_url: url.into() }.typed_there(Path::new("/"), "cairn rescue show 'a b'")
        };
        let there = |line: &str| Some(line.to_owned());
        assert_eq!(typed("git@host:site.git"), there(r"ssh git@host 'git -C site.git cairn rescue show '\''a b'\'''"));
        let list =
            |url: &str| Remote { name: None, push_url: url.into() }.typed_there(Path::new("/"), "cairn rescue list");
        assert_eq!(list("host:/srv/site.git"), there("ssh host git -C /srv/site.git cairn rescue list"));
        assert_eq!(
            list("ssh://git:pw@host:22022/~/site.git"),
            there("ssh -p 22022 git@host git -C site.git cairn rescue list")
        );
        assert_eq!(list("ssh://host/a%20b.git"), there(r"ssh host 'git -C '\''/a b.git'\'' cairn rescue list'"));
        assert_eq!(list("ssh://host/~anna/site.git"), None);
        assert_eq!(list("https://host/site.git"), None);
        assert_eq!(list("-oProxyCommand=x:site.git"), None);
        assert_eq!(list("/"), there("git -C / cairn rescue list"));
        assert_eq!(list("/no/such/folder"), None);
    }
}
