//! A repository of a moment: it sees the objects of others and keeps to itself what is written.
//!
//! Neither the others' config nor anything in them is read but their objects, and nothing in them is written.

use super::{FileSide, HashKind, ObjectId, Repository};
use crate::error::{AtPath, Error, Result};
use crate::os::{self, OsStrExt};
use crate::process::Command;
use bstr::{BString, ByteSlice};
use gix::objs::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

/// The repository; its folder is whoever's made it.
pub struct Overlay {
    repository: Repository,
    loose: gix::odb::loose::Store,
}

/// Who made a commit, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: i64,
}

impl Overlay {
    /// Makes one in `folder`, which must not exist, that sees what lies in the object folders `others`.
    pub fn new(folder: &Path, kind: HashKind, others: &[PathBuf]) -> Result<Self> {
        let format = format!("--object-format={kind}");
        let init = ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", &format];
        Command::git().env("GIT_DEFAULT_REF_FORMAT", "files").args(init).arg(folder).read()?;
        let (info, objects) = (folder.join("objects/info"), folder.join("objects"));
        std::fs::create_dir_all(&info).at("create the folder", &info)?;
        std::fs::create_dir_all(objects.join("pack")).at("create the folder", &objects)?;
        let mut lines = Vec::new();
        for other in others {
            let path = os::canonicalize(other).at("find the folder", other)?;
            let bytes = path.as_os_str().as_bytes();
            if bytes.contains(&b'\n') {
                return Err(Error::failed("path", format!("{} has a line feed in its name", path.display()))
                    .hint("name the folder otherwise, or reach it by a link"));
            }
            lines.extend_from_slice(bytes);
            lines.push(b'\n');
        }
        std::fs::write(info.join("alternates"), lines).at("write", &info.join("alternates"))?;
        let repository = Repository::open(folder)?;
        let loose = gix::odb::loose::Store::at(objects, kind);
        Ok(Self { repository, loose })
    }

    /// Returns it as any other.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Keeps a blob and returns its id.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId> {
        self.loose.write_buf(gix::objs::Kind::Blob, bytes).map_err(|error| cannot_write(&error))
    }

    /// Keeps a blob of `size` bytes that is read piece by piece; `None` where there were more or fewer.
    pub fn write_blob_from(&self, size: u64, input: &mut dyn Read) -> Result<Option<ObjectId>> {
        let mut counted = Counted { inner: input.take(size.saturating_add(1)), bytes: 0 };
        let written = self.loose.write_stream(gix::objs::Kind::Blob, size, &mut counted);
        if counted.bytes != size {
            return Ok(None);
        }
        written.map(Some).map_err(|error| cannot_write(&error))
    }

    /// Makes the tree of `base` (or the empty one) without what is `gone` and with what has `come`, and returns it beside the
    /// paths that git takes into no tree, as it tells them.
    pub fn write_tree(
        &self,
        base: Option<&ObjectId>,
        gone: &[BString],
        come: &[FileSide],
    ) -> Result<(ObjectId, Vec<String>)> {
        let folder = self.repository.git_dir();
        let index = tempfile::tempdir_in(folder).at("make a folder in", folder)?;
        let git = || self.repository.git().env("GIT_INDEX_FILE", index.path().join("index"));
        if let Some(base) = base {
            git().args(["read-tree", &base.to_string()]).read()?;
        }
        let mut input = Vec::new();
        let null = ObjectId::null(self.repository.hash_kind());
        for path in gone {
            let _ = write!(input, "0 {null}\t");
            input.extend_from_slice(path);
            input.push(0);
        }
        for side in come {
            let _ = write!(input, "{:06o} {}\t", side.mode, side.id);
            input.extend_from_slice(&side.path);
            input.push(0);
        }
        let updated = git().args(["update-index", "-z", "--index-info"]).output_with(&input)?;
        if !updated.status.success() {
            return Err(Error::unreadable_repository(format!("git update-index: {}", updated.complaint())));
        }
        let refused = updated.stderr.lines().filter_map(|line| line.strip_prefix(b"Ignoring path "));
        let refused = refused.map(crate::text::shown).collect();
        let tree = git().args(["write-tree"]).read()?;
        Ok((id(&tree)?, refused))
    }

    /// Makes a commit and returns its id.
    pub fn write_commit(
        &self,
        tree: &ObjectId,
        parents: &[ObjectId],
        by: &Signature,
        message: &str,
    ) -> Result<ObjectId> {
        let clean = |text: &str| text.replace(['<', '>', '\n', '\r', '\0'], " ").trim().to_owned();
        let who = format!("{} <{}> {} +0000", clean(&by.name), clean(&by.email), by.seconds.max(0));
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{message}\n");
        let written = self.loose.write_buf(gix::objs::Kind::Commit, text.as_bytes());
        written.map_err(|error| cannot_write(&error))
    }
}

fn id(out: &[u8]) -> Result<ObjectId> {
    ObjectId::from_hex(out.trim()).map_err(|_| Error::strange_git("git answers with no id"))
}

fn cannot_write(error: &dyn std::fmt::Display) -> Error {
    Error::outside("io", format!("an object could not be written: {error}"))
        .hint("is there room in the repository, and may you write there? git cairn doctor")
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
