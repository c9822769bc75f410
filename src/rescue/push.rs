//! Which process of git moves the references of a push, and whether it still may.

use crate::clock;
use crate::os;
use jiff::Timestamp;

/// After how many seconds a push is over whose process cannot be told.
const OVER_SECONDS: i64 = 86_400;
/// How far up it is looked for: a hook may have been started by others.
const PARENTS_MAX: usize = 8;

/// Returns a word for the process of git that serves the push whose hook we are: its number and when it began; `None` where it
/// cannot be told.
pub fn own_push() -> Option<String> {
    let (process, _, began) = receiver()?;
    Some(format!("{process}.{began}"))
}

/// Tells whether git itself, as the person who pushes, started what receives the push: they named a path of this machine,
/// wherever they are logged in from. `false` where that cannot be told.
pub fn is_by_path() -> bool {
    let Some((_, mut process, _)) = receiver() else { return false };
    // Between the two may stand the shell that git starts it with.
    for _ in 0..2 {
        let words = command(process).unwrap_or_default();
        let program = words.first().map(|word| word.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        if program == Some(b"git".as_slice()) {
            return words.iter().any(|word| word == b"push" || word == b"send-pack");
        }
        let Some((parent, _)) = stat(process) else { return false };
        process = parent;
    }
    false
}

/// The process of git that receives the push whose hook we are, its parent, and when it began.
fn receiver() -> Option<(i32, i32, String)> {
    let mut process = os::parent()?;
    for _ in 0..PARENTS_MAX {
        let words = command(process)?;
        let (parent, began) = stat(process)?;
        if words.iter().any(|word| word.windows(b"receive-pack".len()).any(|part| part == b"receive-pack")) {
            return Some((process, parent, began));
        }
        process = parent;
    }
    None
}

fn command(process: i32) -> Option<Vec<Vec<u8>>> {
    let words = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
    Some(words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

/// Tells whether a push is over that began something at `since`; one whose process cannot be told is after a day.
pub fn is_over(push: Option<&str>, since: Timestamp) -> bool {
    match push {
        Some(push) => !lives(push),
        None => clock::now().as_second() - since.as_second() > OVER_SECONDS,
    }
}

/// Tells whether that process is there still.
fn lives(word: &str) -> bool {
    let parts = word.split_once('.').and_then(|(process, began)| Some((process.parse().ok()?, began)));
    parts.is_some_and(|(process, began): (i32, &str)| stat(process).is_some_and(|(_, now)| now == began))
}

/// The parent of a process and when it began (proc_pid_stat(5), fields 4 and 22).
fn stat(process: i32) -> Option<(i32, String)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    Some((parent, fields.nth(17)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_as_long_as_it_is_the_same() {
        let own = i32::try_from(std::process::id()).unwrap();
        let Some((_, began)) = stat(own) else { return };
        assert!(lives(&format!("{own}.{began}")));
        assert!(!lives(&format!("{own}.{began}0")) && !lives("") && !lives("x.1"));
    }
}
