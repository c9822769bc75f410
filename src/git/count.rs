//! Lines that come and go, counted here where every algorithm comes to the same: when all that changes in a file lies in one
//! place, and nothing of it is on both sides. Anything else is git's to count.

use super::attribute_files::AttributeFiles;
use super::content_merge::is_binary;
use super::past::Past;
use super::{ObjectId, TreeChange};
use bstr::ByteSlice;
use std::collections::HashSet;

/// How many files are counted here; of more, git counts all.
const FILES_MAX: usize = 64;
/// The most bytes of a file that is counted here.
const BYTES_MAX: u64 = 1 << 20;

/// Returns how many lines come, and how many go; `None` where git has to be asked.
pub(super) fn lines(attributes: &AttributeFiles, past: &Past, changes: &[TreeChange]) -> Option<[usize; 2]> {
    if changes.len() > FILES_MAX || !attributes.leave_counting(changes) {
        return None;
    }
    let content = |entry: Option<(u32, ObjectId)>| match entry {
        None => Some(vec![]),
        Some((mode, id)) if mode & 0o170_000 == 0o100_000 => past.blob(&id, BYTES_MAX),
        Some(_) => None,
    };
    let mut sum = [0, 0];
    for change in changes {
        let [came, went] = of_file(&content(change.old)?, &content(change.new)?)?;
        sum = [sum[0] + came, sum[1] + went];
    }
    Some(sum)
}

/// The same of one file. git leaves out what both begin and end with; what is left is counted whole where neither side has a
/// line of the other.
fn of_file(old: &[u8], new: &[u8]) -> Option<[usize; 2]> {
    if is_binary(old) || is_binary(new) {
        return Some([0, 0]);
    }
    let [mut old, mut new] = [old, new].map(|content| content.lines_with_terminator().collect::<Vec<_>>());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    old.drain(..same);
    new.drain(..same);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    old.truncate(old.len() - same);
    new.truncate(new.len() - same);
    let lines: HashSet<_> = old.iter().collect();
    new.iter().all(|line| !lines.contains(line)).then_some([new.len(), old.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;

    #[test]
    fn only_what_every_algorithm_counts_alike_is_counted() {
        let count = |old: &str, new: &str| of_file(old.as_bytes(), new.as_bytes());
        assert_eq!(count("", "a\nb"), Some([2, 0]));
        assert_eq!(count("a\nb\n", ""), Some([0, 2]));
        assert_eq!(count("a\nb\nc\n", "a\nx\ny\nc\n"), Some([2, 1]));
        assert_eq!(count("a\nb", "a\nb\n"), Some([1, 1]), "the end of the last line counts");
        assert_eq!(count("a\na\n", "a\na\na\n"), Some([1, 0]));
        assert_eq!(count("a\nb\nc\nd\n", "x\nb\nc\ny\n"), None);
        assert_eq!(count("a\0\n", "b\n"), Some([0, 0]));
    }

    /// Random edits of random texts of few different lines, in which much can be told in more than one way.
    #[test]
    fn what_is_counted_is_what_git_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = 7_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let mut told = [0, 0];
        for n in 0..200 {
            let old: Vec<String> = (0..12).map(|_| format!("{}\n", below(4))).collect();
            let (from, until) = (below(12), below(4));
            let mut new = old.clone();
            let put: Vec<String> = (0..below(4)).map(|_| format!("{}\n", below(4) + n % 8)).collect();
            new.splice(from..(from + until).min(12), put);
            if n % 2 == 1 {
                new[0] = format!("{}\n", below(4));
            }
            let texts = [old, new].map(|lines| lines.concat());
            let [old, new] = texts.each_ref().map(|text| if n % 5 == 0 { text.trim_end() } else { text.as_str() });
            for (name, text) in [("old", old), ("new", new)] {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            let counted = of_file(old.as_bytes(), new.as_bytes());
            told[usize::from(counted.is_some())] += 1;
            let git = Command::git().args(["diff", "--no-index", "--numstat", "old", "new"]).in_folder(folder.path());
            let out = String::from_utf8(git.output().unwrap().stdout).unwrap();
            let numbers: Vec<usize> = out.split('\t').take(2).filter_map(|number| number.parse().ok()).collect();
            let by_git = if let [came, went] = numbers[..] { [came, went] } else { [0, 0] };
            assert!(counted.is_none_or(|counted| counted == by_git), "{old:?} {new:?}: {counted:?}, git {by_git:?}");
        }
        assert!(told[0] > 20 && told[1] > 50, "{told:?}");
    }
}
