//! What differs between two trees, as git tells it, and the blobs on both sides.

use super::{ObjectId, Repository};
use crate::error::{AtPath, Error, Result};
use bstr::{BString, ByteSlice};
use std::io::{self, Write};
use std::path::Path;

/// The most files for which git looks for similar ones; of more, only those that stayed the same are renames.
const RENAMES_MAX: &str = "-l1000";

/// A file, link or repository at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSide {
    /// Its path from the root of the tree.
    pub path: BString,
    /// Its mode as the tree has it: 0o100644, 0o100755, 0o120000 for a link, 0o160000 for a repository.
    pub mode: u32,
    /// The blob, or the commit of a repository.
    pub id: ObjectId,
}

/// What became of one file: both sides, or one of them where it was added or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file before.
    pub old: Option<FileSide>,
    /// The file after.
    pub new: Option<FileSide>,
    /// How much of a renamed file stayed, in per cent; `None` where the name stayed.
    pub similarity: Option<u8>,
}

impl Repository {
    /// Lists what differs from the tree of `old`, or from nothing, to that of `new`, in the order of the paths, with renames.
    pub fn tree_changes(&self, old: Option<&ObjectId>, new: &ObjectId) -> Result<Vec<FileChange>> {
        let old = old.map_or_else(|| ObjectId::empty_tree(self.hash_kind()), |old| *old);
        let words =
            ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--find-renames", RENAMES_MAX, "--end-of-options"];
        let out = self.git().args(words).args([old.to_string(), new.to_string()]).arg("--").read()?;
        parse(&out).ok_or_else(|| Error::strange_git("git diff-tree answers with what cannot be read"))
    }

    /// Counts the changed lines of each file, in git's own words, a line each.
    pub fn tree_statistics(&self, old: Option<&ObjectId>, new: &ObjectId) -> Result<Vec<String>> {
        let old = old.map_or_else(|| ObjectId::empty_tree(self.hash_kind()), |old| *old);
        let words = ["diff-tree", "-r", "--stat=100", "--find-renames", RENAMES_MAX, "--no-ext-diff", "--no-textconv"];
        let out = self.git().args(words).args(["--end-of-options", &old.to_string(), &new.to_string(), "--"]).read()?;
        Ok(out.lines().map(|line| line.to_str_lossy().into_owned()).collect())
    }

    /// Returns the size of a blob in bytes.
    ///
    /// Returns an error where it is not here.
    pub fn blob_size(&self, id: &ObjectId) -> Result<u64> {
        let header = self.gix().find_header(*id);
        header.map(|header| header.size()).map_err(|_| Error::missing_object(id))
    }

    /// Writes a blob of any size to `out`, piece by piece.
    pub fn stream_blob(&self, id: &ObjectId, out: &mut dyn Write) -> Result<()> {
        // Past the threshold git itself does not read a blob whole.
        let git = self.git().args(["-c", "core.bigFileThreshold=8m", "cat-file", "blob", &id.to_string()]);
        git.stream_with(b"", |blob| io::copy(blob, out).map(drop).at("hand on", Path::new("a blob")))
    }
}

/// Reads the raw format (git-diff-tree(1)): `:<mode> <mode> <id> <id> <status>`, then one path, or two of a rename.
fn parse(out: &[u8]) -> Option<Vec<FileChange>> {
    let mut fields = out.split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let mut changes = Vec::new();
    while let Some(head) = fields.next() {
        let words: Vec<&[u8]> = head.strip_prefix(b":")?.split(|byte| *byte == b' ').collect();
        let &[old_mode, new_mode, old_id, new_id, status] = words.as_slice() else { return None };
        let from = BString::from(fields.next()?);
        let renamed = status.first() == Some(&b'R');
        let to = if renamed { BString::from(fields.next()?) } else { from.clone() };
        let similarity = if renamed { Some(status[1..].to_str().ok()?.parse().ok()?) } else { None };
        changes.push(FileChange { old: side(from, old_mode, old_id)?, new: side(to, new_mode, new_id)?, similarity });
    }
    Some(changes)
}

/// A side; none where the mode is zero.
#[expect(clippy::option_option, reason = "the outer one says that the line makes no sense")]
fn side(path: BString, mode: &[u8], id: &[u8]) -> Option<Option<FileSide>> {
    let mode = u32::from_str_radix(mode.to_str().ok()?, 8).ok()?;
    let id = ObjectId::from_hex(id).ok()?;
    Some((mode != 0).then_some(FileSide { path, mode, id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_format_is_read_with_any_path() {
        let (zero, one) = ("0".repeat(40), "1".repeat(40));
        let line = |text: String| text.replace('|', "\0").into_bytes();
        let mut out = line(format!(":000000 100644 {zero} {one} A|a\nb|"));
        out.extend(line(format!(":100644 100755 {one} {one} R086|old|new|")));
        let changes = parse(&out).unwrap();
        assert_eq!(changes[0].new.as_ref().unwrap().path, "a\nb");
        assert!(changes[0].old.is_none());
        assert_eq!((changes[1].similarity, changes[1].new.as_ref().unwrap().mode), (Some(86), 0o100_755));
        assert!(parse(b":nonsense\0").is_none());
    }
}
