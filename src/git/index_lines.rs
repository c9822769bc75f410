//! What an index says of a few paths, read line by line (gitformat-index(5)): a plan asks for a handful, and to make all of a
//! large index what it stands for takes longer than everything else that a plan does.

use super::index_file::{IndexFile, Staged, mode_in_tree};
use super::{HashKind, ObjectId, blob_id};
use bstr::{BStr, ByteSlice};
use gix::index::entry::{Mode, Stat, stat};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::SystemTime;

/// The plain form: version 2. The others shorten names, or have flags that few set.
const PLAIN: &[u8] = b"DIRC\0\0\0\x02";
/// How many bytes of a line come before the id: ten numbers of 32 bits.
const NUMBERS: usize = 40;
/// The most bytes of a file that is read to see whether it is as it was.
const READ_MAX: u64 = 1 << 20;
/// The bit of the flags that says `assume-unchanged`.
const ASSUMED: u16 = 0x8000;
/// The bits of the flags of which one is set where a path is not simply there: more flags follow, or a merge left it undecided.
const SPECIAL: u16 = 0x7000;
/// The bits that count the bytes of the name; all of them stand for more.
const LENGTH: u16 = 0x0fff;

/// What an index says of one path and its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexLine {
    /// What is staged.
    pub staged: Staged,
    /// Its mode there.
    pub mode: Mode,
    /// What was seen of its file.
    pub stat: Stat,
}

impl IndexLine {
    /// Tells whether a file stands as it did when the index, last written at `written`, was told of it. What was touched in
    /// the same second is not told apart by it, and counts as touched (gitformat-index(5), racy git).
    pub(super) fn is_untouched(&self, file: &Path, written: SystemTime) -> bool {
        let Some((stat, kind)) = look(file) else { return false };
        let seconds = written.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let exactly = stat::Options { trust_ctime: true, check_stat: true, use_nsec: true, use_stdev: false };
        self.mode == kind && self.stat.matches(&stat, exactly) && u64::from(stat.mtime.secs) < seconds
    }

    /// Tells whether a file that was touched holds what is staged, as git sees when it reads it (`ie_modified` in
    /// read-cache.c), if no attribute has it changed on the way; never of one in which ends of lines or `$Id$` could be.
    pub(super) fn is_same_content(&self, file: &Path) -> bool {
        let same_kind = |(stat, kind): &(Stat, Mode)| {
            // A size that is another one git takes for a change without reading.
            *kind == self.mode && kind.contains(Mode::FILE) && stat.size == self.stat.size
        };
        if !look(file).as_ref().is_some_and(same_kind) || u64::from(self.stat.size) > READ_MAX {
            return false;
        }
        let Ok(content) = std::fs::read(file) else { return false };
        let is_plain = content.find_byte(b'\r').is_none() && content.find("$Id").is_none();
        is_plain && blob_id(self.staged.id.kind(), &content) == Some(self.staged.id)
    }
}

/// Returns what is seen of a file, and the mode it would be staged with; `None` of what is none.
fn look(file: &Path) -> Option<(Stat, Mode)> {
    let metadata = gix::index::fs::Metadata::from_path_no_follow(file).ok()?;
    let stat = Stat::from_fs(&metadata).ok()?;
    if metadata.is_symlink() {
        return Some((stat, Mode::SYMLINK));
    }
    let mode = if metadata.is_executable() { Mode::FILE_EXECUTABLE } else { Mode::FILE };
    metadata.is_file().then_some((stat, mode))
}

/// Returns what an index, opened from `path`, says of these paths, in their order; `None` where it does not say it path by path.
pub(super) fn lines(file: &File, path: &Path, kind: HashKind, paths: &[&BStr]) -> Option<Vec<Option<IndexLine>>> {
    plain(file, kind, paths).or_else(|| IndexFile::read(file, path, kind).ok()?.lines(paths))
}

/// The same of an index in the plain form; `None` for every other.
fn plain(file: &File, kind: HashKind, paths: &[&BStr]) -> Option<Vec<Option<IndexLine>>> {
    let mut left = file.metadata().ok()?.len();
    let mut index = BufReader::with_capacity(1 << 16, file);
    let mut take = |bytes: &mut [u8]| {
        left = left.checked_sub(bytes.len() as u64)?;
        index.read_exact(bytes).ok()
    };
    let mut head = [0; 12];
    take(&mut head)?;
    let count = u32::from_be_bytes(head[PLAIN.len()..].try_into().ok()?);
    if !head.starts_with(PLAIN) {
        return None;
    }
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|place| paths[*place]);
    let mut wanted = order.into_iter().peekable();
    let mut found = vec![None; paths.len()];
    let mut line = vec![0; NUMBERS + kind.len_in_bytes() + 2];
    let mut name = vec![];
    for _ in 0..count {
        take(&mut line)?;
        let flags = u16::from_be_bytes(line[line.len() - 2..].try_into().ok()?);
        let length = usize::from(flags & LENGTH);
        if flags & SPECIAL != 0 || length == 0 || length == usize::from(LENGTH) {
            return None;
        }
        // One to eight zeros end it, so that the next begins at a multiple of eight.
        name.resize(8 - (line.len() + length) % 8 + length, 0);
        take(&mut name)?;
        let path = name[..length].as_bstr();
        while wanted.next_if(|place| paths[*place] < path).is_some() {}
        while let Some(place) = wanted.next_if(|place| paths[*place] == path) {
            found[place] = Some(read(&line, flags)?);
        }
    }
    // What follows may change what was read, and says so by its first letter (gitformat-index(5), Extensions).
    while left > kind.len_in_bytes() as u64 {
        let mut head = [0; 8];
        index.read_exact(&mut head).ok()?;
        let size = u32::from_be_bytes(head[4..].try_into().ok()?);
        left = left.checked_sub(8 + u64::from(size))?;
        if !head[0].is_ascii_uppercase() {
            return None;
        }
        index.seek_relative(i64::from(size)).ok()?;
    }
    (left == kind.len_in_bytes() as u64).then_some(found)
}

/// Reads a line without its name.
fn read(line: &[u8], flags: u16) -> Option<IndexLine> {
    let number = |n: usize| Some(u32::from_be_bytes(line[4 * n..4 * n + 4].try_into().ok()?));
    let time = |n: usize| Some(stat::Time { secs: number(n)?, nsecs: number(n + 1)? });
    let mode = Mode::from_bits_truncate(number(6)?);
    let stat = Stat {
        ctime: time(0)?,
        mtime: time(2)?,
        dev: number(4)?,
        ino: number(5)?,
        uid: number(7)?,
        gid: number(8)?,
        size: number(9)?,
    };
    let id = ObjectId::try_from(&line[NUMBERS..line.len() - 2]).ok()?;
    let assumed = flags & ASSUMED != 0;
    let staged = Staged { mode: mode_in_tree(mode), id, conflicted: false, intended: false, assumed, skipped: false };
    Some(IndexLine { staged, mode, stat })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;

    fn git(folder: &Path, words: &[&str], input: &str) {
        Command::git().in_folder(folder).args(words).read_with(input.as_bytes()).unwrap();
    }

    /// Reads all paths, some that are not there among them, in both ways, and returns whether the form is the plain one.
    fn both(folder: &Path, names: &[String]) -> bool {
        let path = folder.join(".git/index");
        let file = File::open(&path).unwrap();
        let mut paths: Vec<&BStr> = names.iter().map(|name| name.as_str().into()).collect();
        paths.extend(["", "a", "nothing", "zz"].map(BStr::new));
        paths.reverse();
        // gix reads no name of 4095 bytes; of such an index git is asked.
        let whole = IndexFile::read(&file, &path, HashKind::Sha1).ok().and_then(|index| index.lines(&paths));
        let plain = plain(&file, HashKind::Sha1, &paths);
        assert_eq!(lines(&file, &path, HashKind::Sha1, &paths), whole);
        assert!(plain.is_none() || plain == whole, "{plain:?} {whole:?}");
        assert!(whole.is_none_or(|whole| whole.iter().flatten().count() >= names.len()));
        plain.is_some()
    }

    #[test]
    fn what_is_read_line_by_line_is_what_the_whole_says() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        git(folder, &["init", "--quiet", "."], "");
        let id = |n: usize| format!("{n:040x}");
        let modes = ["100644", "100755", "120000", "160000"];
        // Names of every length, for the zeros after them; folders and what sorts around them.
        let mut names: Vec<String> = (2..40).map(|n| "x".repeat(n)).collect();
        names.extend(["d/e/f", "d/g", "d-e", "d0", "\u{fc}", "two\nlines"].map(str::to_owned));
        let staged = names.iter().enumerate().map(|(n, name)| format!("{} {}\t{name}\0", modes[n % 4], id(n + 1)));
        let staged: String = staged.collect();
        git(folder, &["update-index", "-z", "--add", "--index-info"], &staged);
        std::fs::write(folder.join("real"), "content").unwrap();
        git(folder, &["add", "real"], "");
        names.push("real".into());
        assert!(both(folder, &names));
        git(folder, &["update-index", "--assume-unchanged", "real"], "");
        assert!(both(folder, &names));
        let index = std::fs::read(folder.join(".git/index")).unwrap();
        let odd = |words: &[&str], input: &str| {
            git(folder, words, input);
            assert!(!both(folder, &names), "{words:?}");
            std::fs::write(folder.join(".git/index"), &index).unwrap();
        };
        odd(&["update-index", "--skip-worktree", "real"], "");
        odd(&["update-index", "--index-version", "4"], "");
        odd(&["update-index", "--split-index"], "");
        odd(&["update-index", "-z", "--index-info"], &format!("100644 {} 2\tcollides\0", id(9)));
        odd(&["update-index", "-z", "--add", "--index-info"], &format!("100644 {}\t{}\0", id(9), "y".repeat(4095)));
        // What ends too early is no index.
        for length in (0..index.len()).step_by(7) {
            std::fs::write(folder.join("cut"), &index[..length]).unwrap();
            let cut = File::open(folder.join("cut")).unwrap();
            assert!(plain(&cut, HashKind::Sha1, &["real".into()]).is_none(), "{length} of {}", index.len());
        }
    }
}
