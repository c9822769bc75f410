//! Opening what lies below a folder by its path, name by name.

use crate::os::Folder;
use bstr::ByteSlice;
use std::io::{self, Read};

/// Opens the folder of a path below another one; an empty path is that folder itself.
pub fn walk_to(root: &Folder, path: &[u8]) -> io::Result<Folder> {
    let mut at = root.try_clone()?;
    for name in path.split_str("/").filter(|name| !name.is_empty()) {
        at = at.folder(name)?;
    }
    Ok(at)
}

/// Opens the folder a path stands in, and returns it with the path's last name.
fn walk_above<'a>(root: &Folder, path: &'a [u8]) -> io::Result<(Folder, &'a [u8])> {
    match path.rfind_byte(b'/') {
        Some(slash) => Ok((walk_to(root, &path[..slash])?, &path[slash + 1..])),
        None => Ok((root.try_clone()?, path)),
    }
}

/// Reads a regular file of at most `bytes_max` bytes; `None` where there is none, or something else of that name.
pub fn read(root: &Folder, path: &[u8], bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let opened = walk_above(root, path).and_then(|(at, name)| at.file(name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}
