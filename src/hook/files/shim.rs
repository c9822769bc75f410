//! The hook file of ours: a few lines of sh that run our program, or without it what stood there before.

use crate::hook::Event;
use crate::text::shell_quoted;
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The line by which one of our hook files is known.
const MARK: &str = "# Installed by git cairn setup.";
/// The folder, beside the hooks, in which what stood there before keeps its own name.
pub const FOUND: &str = "found-by-cairn";

/// Where the hook is that stood there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before<'a> {
    /// In the folder [`FOUND`] beside the file.
    Beside,
    /// Elsewhere.
    At(&'a Path),
    /// The front end runs it.
    Nowhere,
}

/// Returns the content of the file for a hook.
pub fn shim(event: Event, git_cairn: &Path, before: Before<'_>) -> Vec<u8> {
    let name = event.name();
    let binary = git_cairn.with_file_name(format!("cairn-{name}"));
    let (program, words) =
        if binary.is_file() { (&binary, String::new()) } else { (&git_cairn.to_owned(), format!("hook {name} ")) };
    let (told, found) = match before {
        Before::Beside => (
            format!("A hook that stood here before is in {FOUND}/ and runs after it."),
            format!("${{0%/*}}/{FOUND}/{name}").into_bytes(),
        ),
        Before::At(path) => ("It runs before the one that git would run without it.".into(), quoted(path)),
        Before::Nowhere => ("What else stands here runs beside it.".into(), b"''".to_vec()),
    };
    let head = format!("#!/bin/sh\n{MARK} {told}\nfound=");
    let tail = format!(
        r#"
if [ -x "$program" ]; then
	exec "$program" {words}--then "$found" "$@"
fi
echo "warning: $program is missing: this push is neither marked nor backed up" >&2
echo "hint: install git-cairn again on the host, then run: git cairn setup" >&2
if [ -x "$found" ]; then
	exec "$found" "$@"
fi
cat >/dev/null
"#
    );
    [head.as_bytes(), &found, b"\nprogram=", &quoted(program), tail.as_bytes()].concat()
}

/// Returns the content of a file that runs a hook of another folder as if git had.
pub fn forwarder(found: &Path) -> Vec<u8> {
    let head = format!("#!/bin/sh\n{MARK} It runs the one that git would run without it.\nfound=");
    [head.as_bytes(), &quoted(found), b"\n[ -x \"$found\" ] || exit 0\nexec \"$found\" \"$@\"\n"].concat()
}

/// Tells whether these bytes are a hook file of ours.
pub fn is_ours(bytes: &[u8]) -> bool {
    bytes.contains_str(MARK)
}

/// Returns the program that such a file runs.
pub fn program_of(bytes: &[u8]) -> Option<PathBuf> {
    let line = bytes.lines().find_map(|line| line.strip_prefix(b"program="))?;
    let bare = line.strip_prefix(b"'").and_then(|line| line.strip_suffix(b"'"));
    let path = bare.map_or_else(|| line.to_vec(), |bare| bare.replace(br"'\''", b"'"));
    Some(PathBuf::from(OsStr::from_bytes(&path)))
}

/// A path as sh reads it back, whatever bytes it is of.
fn quoted(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.to_str().is_ok_and(|text| !text.contains(char::is_control)) {
        return shell_quoted(bytes.as_bstr()).into_bytes();
    }
    [b"'", bytes.replace(b"'", br"'\''").as_slice(), b"'"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_file_is_read_back() {
        for path in ["/usr/bin/git-cairn", "/a b/git-cairn", "/it's/git-cairn"] {
            let content = shim(Event::PreReceive, Path::new(path), Before::Beside);
            assert!(is_ours(&content));
            assert_eq!(program_of(&content).as_deref(), Some(Path::new(path)));
        }
        assert!(!is_ours(b"#!/bin/sh\nexit 0\n"));
    }
}
