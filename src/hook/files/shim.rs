//! The hook file of ours: a few lines of sh that run our program, or without it what stood there before. Where there is no such
//! thing, the one of post-receive names the program in its first line, which spares each push the start of a shell.

use crate::hook::Event;
use crate::os::OsStrExt;
use crate::text::shell_quoted;
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The line by which one of our hook files is known.
const MARK: &str = "# Installed by git cairn setup.";
/// The folder, beside the hooks, in which what stood there before keeps its own name.
pub const FOUND: &str = "found-by-cairn";

/// The longest path that every Linux still reads whole behind `#!`, in bytes (execve(2)).
const INTERPRETER_BYTES_MAX: usize = 120;

/// Where the hook is that stood there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before<'a> {
    /// In the folder [`FOUND`] beside the file.
    Beside,
    /// None stood there. One that is put into [`FOUND`] later is run by our program.
    Nothing,
    /// Elsewhere.
    At(&'a Path),
    /// The front end runs it.
    Nowhere,
}

/// Returns the content of the file for a hook.
pub fn shim(event: Event, git_cairn: &Path, before: Before<'_>) -> Vec<u8> {
    match (event, program(event, git_cairn)) {
        (Event::PostReceive, Some(program)) if before == Before::Nothing && is_interpreter(&program) => {
            direct(&program)
        }
        (_, program) => guarded(event, git_cairn, program, before),
    }
}

/// Returns the program of our own for a hook; `None`: `git-cairn` itself is all that was built.
fn program(event: Event, git_cairn: &Path) -> Option<PathBuf> {
    Some(git_cairn.with_file_name(event.program())).filter(|program| program.is_file())
}

/// Tells whether the system reads this path behind `#!` as it is.
fn is_interpreter(program: &Path) -> bool {
    let bytes = program.as_os_str().as_bytes();
    program.is_absolute() && bytes.len() <= INTERPRETER_BYTES_MAX && bytes.iter().all(u8::is_ascii_graphic)
}

/// Without the program git says that it cannot run this, and the push has passed: what that means pre-receive has said.
fn direct(program: &Path) -> Vec<u8> {
    [b"#!", program.as_os_str().as_bytes(), format!("\n{MARK} The first line names what git runs.\n").as_bytes()]
        .concat()
}

/// A file that lets a push pass where the program is missing, and says so.
fn guarded(event: Event, git_cairn: &Path, program: Option<PathBuf>, before: Before<'_>) -> Vec<u8> {
    let name = event.name();
    let words = if program.is_some() { String::new() } else { format!("hook {name} ") };
    let program = program.unwrap_or_else(|| git_cairn.to_owned());
    let (told, found) = match before {
        Before::Beside | Before::Nothing => (
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
    [head.as_bytes(), &found, b"\nprogram=", &quoted(&program), tail.as_bytes()].concat()
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
    let Some(line) = bytes.lines().find_map(|line| line.strip_prefix(b"program=")) else {
        let interpreter = Path::new(OsStr::from_bytes(bytes.lines().next()?.strip_prefix(b"#!")?));
        return Event::ALL.iter().any(|event| interpreter.ends_with(event.program())).then(|| interpreter.to_owned());
    };
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
        assert_eq!(program_of(&forwarder(Path::new("/srv/hooks/update"))), None);
    }

    #[test]
    fn a_shell_is_spared_where_nothing_else_is_to_run_and_the_path_is_plain() {
        let folder = tempfile::tempdir().unwrap();
        for (name, spared) in [("plain", true), ("a b", false), ("é", false), (&*"long".repeat(30), false)] {
            let program = folder.path().join(name).join("cairn-post-receive");
            std::fs::create_dir(program.parent().unwrap()).unwrap();
            std::fs::write(&program, "").unwrap();
            let git_cairn = program.with_file_name("git-cairn");
            let content = shim(Event::PostReceive, &git_cairn, Before::Nothing);
            assert!(is_ours(&content));
            assert_eq!(!content.starts_with(b"#!/bin/sh\n"), spared, "{name}");
            assert_eq!(program_of(&content), Some(program));
            assert!(shim(Event::PostReceive, &git_cairn, Before::Beside).starts_with(b"#!/bin/sh\n"));
        }
    }
}
