//! Files of a work tree as an operation moves them: names as bytes, kinds, permission bits.

use crate::error::{AtPath, Result};
use crate::os::{self, OsStrExt, OsStringExt};
use bstr::BString;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    Nothing,
    /// A file or a symbolic link.
    File,
    /// A folder.
    Folder,
    /// A pipe, a socket, a device.
    Other,
}

/// Tells what stands at a path; a link is itself, not what it leads to.
pub(super) fn kind(path: &Path) -> Kind {
    match path.symlink_metadata().map(|metadata| metadata.file_type()) {
        Err(_) => Kind::Nothing,
        Ok(kind) if kind.is_file() || kind.is_symlink() => Kind::File,
        Ok(kind) if kind.is_dir() => Kind::Folder,
        Ok(_) => Kind::Other,
    }
}

/// Returns the permission bits of a file.
pub(super) fn permissions(path: &Path) -> Result<u32> {
    Ok(os::permissions(&path.symlink_metadata().at("look at", path)?))
}

/// Returns what lies in a folder, by name.
pub(super) fn names_in(folder: &Path) -> Result<Vec<BString>> {
    let entries = std::fs::read_dir(folder).at("read the folder", folder)?;
    let mut names = vec![];
    for entry in entries {
        names.push(entry.at("read the folder", folder)?.file_name().into_vec().into());
    }
    names.sort();
    Ok(names)
}

/// Returns a path as the text of a journal, and reads it back.
pub(super) fn text_of(path: &Path) -> String {
    crate::text::json_text(path.as_os_str().as_bytes())
}

/// Returns the path that bytes name.
pub(super) fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Tells whether a symbolic link stands at a path.
pub(super) fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

/// Returns a file's bytes, or those of where a link leads.
pub(super) fn content(path: &Path) -> Result<Vec<u8>> {
    if is_link(path) {
        return Ok(os::git_path(&std::fs::read_link(path).at("read", path)?));
    }
    std::fs::read(path).at("read", path)
}

/// Gives a file or a folder these permission bits.
pub(super) fn set_permissions(path: &Path, permissions: u32) -> Result<()> {
    os::set_permissions(path, permissions).at("set the mode of", path)
}

/// Puts a file with these bytes and permission bits, or a link that leads to them, in the place of what stands at a path:
/// whole, or not at all. It is made as `passing` first.
pub(super) fn replace(path: &Path, passing: &Path, content: &[u8], permissions: u32, link: bool) -> Result<()> {
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above).at("create the folder", above)?;
    }
    make(passing, content, permissions, link)?;
    match std::fs::rename(passing, path) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {}
        renamed => return renamed.at("write", path),
    }
    // The git directory lies on another file system: then beside it.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".cairn-tmp");
    let beside = PathBuf::from(beside);
    make(&beside, content, permissions, link)?;
    std::fs::rename(&beside, path).at("write", path)?;
    std::fs::remove_file(passing).at("remove", passing)
}

fn make(path: &Path, content: &[u8], permissions: u32, link: bool) -> Result<()> {
    let _ = std::fs::remove_file(path);
    if link {
        return os::symlink(Path::new(OsStr::from_bytes(content)), path).at("link", path);
    }
    std::fs::write(path, content).at("write", path)?;
    set_permissions(path, permissions)
}
