//! Text that comes from outside, made fit for a terminal, a line and a JSON document.

use base64::Engine as _;
use bstr::{BStr, ByteSlice};
use std::ffi::OsStr;
use std::fmt::{self, Write as _};

/// Returns `bytes` as one line that no terminal can be steered with: controls, bidirectional
/// marks and bytes that are not UTF-8 are written as `\xNN` or `\u{NNNN}`.
pub fn shown(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_bidi_mark(c) {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The marks that change the direction text is shown in (Unicode annex 9), and the invisible joiners.
fn is_bidi_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Returns the bytes for a `<field>_bytes` beside a JSON field: `None` where the text is UTF-8 and says it all.
pub fn extra_bytes(bytes: &[u8]) -> Option<String> {
    match bytes.to_str() {
        Ok(_) => None,
        Err(_) => Some(base64::engine::general_purpose::STANDARD.encode(bytes)),
    }
}

/// Returns the text for a JSON field: itself where it is UTF-8, else with the other bytes escaped.
pub fn json_text(bytes: &[u8]) -> String {
    bytes.to_str().map_or_else(|_| shown(bytes), str::to_owned)
}

/// Returns a JSON text in which nothing steers a terminal: what it might stands as `\\uNNNN`, which reads the same.
pub fn json_line(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() || is_bidi_mark(c) {
            let _ = write!(out, "\\u{:04x}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

/// Reads what [`json_text`] and [`extra_bytes`] wrote.
pub fn from_json(text: &str, bytes: Option<&str>) -> Option<Vec<u8>> {
    match bytes {
        None => Some(text.as_bytes().to_vec()),
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).ok(),
    }
}

/// Returns an argument as a POSIX shell reads it back: bare where that is safe, else in single quotes.
pub fn shell_quoted(argument: &BStr) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+=:@,%^".contains(&b);
    if !argument.is_empty() && argument.iter().copied().all(plain) {
        return shown(argument);
    }
    format!("'{}'", shown(argument).replace('\'', r"'\''"))
}

/// As [`shell_quoted`], of a path or another word that the system is given.
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    shell_quoted(word.as_ref().as_encoded_bytes().as_bstr())
}

/// What is followed by a secret, up to white space or a quote.
const SECRETS: [&str; 4] = ["cairn.grant=", "password=", "token=", "Authorization: "];

/// Returns text without passwords and tokens: who one is in a URL, and what stands after words such as `cairn.grant=`.
pub fn without_secrets(text: &str) -> String {
    const REDACTED: &str = "<redacted>";
    let mut out = text.to_owned();
    for word in SECRETS {
        let mut from = 0;
        while let Some(at) = out[from..].find(word) {
            let start = from + at + word.len();
            let end = out[start..].find(['\'', '"', '\n']).map_or(out.len(), |length| start + length);
            let end = out[start..end].find(' ').filter(|_| !word.ends_with(' ')).map_or(end, |length| start + length);
            out.replace_range(start..end, REDACTED);
            from = start + REDACTED.len();
        }
    }
    let mut from = 0;
    while let Some(at) = out[from..].find("://") {
        let start = from + at + 3;
        let end = out[start..].find(['/', ' ', '\'', '"', '?']).map_or(out.len(), |length| start + length);
        // A user of ssh is no secret, but a token may stand in the place of a user of http.
        let http = out[..start].ends_with("http://") || out[..start].ends_with("https://");
        let person = out[start..end].rfind('@').map(|length| start + length);
        from = end;
        if let Some(person) = person.filter(|person| http || out[start..*person].contains(':')) {
            out.replace_range(start..person, REDACTED);
            from = start + REDACTED.len();
        }
    }
    out
}

/// Returns a size as a person reads it, in units of 1024.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Returns `n` and the word, with an `s` unless there is one of it.
pub fn count(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// Returns names as a sentence has them before `has` or `have`: `a`, `a and b`, `a, b and c`.
pub fn and_list<T: fmt::Display>(names: &[T]) -> String {
    let Some((last, before)) = names.split_last() else { return String::new() };
    let before: Vec<_> = before.iter().map(ToString::to_string).collect();
    if before.is_empty() { last.to_string() } else { format!("{} and {last}", before.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_a_sentence() {
        for (names, said) in [(&[][..], ""), (&["a"], "a"), (&["a", "b"], "a and b"), (&["a", "b", "c"], "a, b and c")]
        {
            assert_eq!(and_list(names), said);
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(shown(b"a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown("x\u{202e}y".as_bytes()), "x\\u{202e}y");
        assert_eq!(shown(b"\xff\xfeok"), "\\xff\\xfeok");
        assert_eq!(shown("grün".as_bytes()), "grün");
    }

    #[test]
    fn secrets_are_not_shown() {
        for (text, expected) in [
            ("git push 'https://anna:pa$s@host/x' main", "git push 'https://<redacted>@host/x' main"),
            ("https://ghp_token@host/x https://b:c@d", "https://<redacted>@host/x https://<redacted>@d"),
            ("ssh://git@host/x ssh://git:pw@host", "ssh://git@host/x ssh://<redacted>@host"),
            ("--push-option=cairn.grant=abc -x", "--push-option=cairn.grant=<redacted> -x"),
            (
                "-c 'http.extraHeader=Authorization: Basic YTpi' push",
                "-c 'http.extraHeader=Authorization: <redacted>' push",
            ),
            ("https://host/a@b anna@host:x", "https://host/a@b anna@host:x"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }

    #[test]
    fn bytes_survive_json() {
        for bytes in [&b"plain"[..], b"\xff\x00", "ü".as_bytes()] {
            let text = json_text(bytes);
            let extra = extra_bytes(bytes);
            assert_eq!(from_json(&text, extra.as_deref()).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn a_shell_reads_the_same_argument() {
        for name in ["plain", "it's", "a b", "$(id)", "", "-x"] {
            let script = format!("printf %s {}", shell_quoted(name.into()));
            let out = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), name);
        }
    }
}
