//! What lies in a folder that ignore rules hide: a look does not enter it, but a capture may be asked to.

use super::inside;
use super::{Stamp, Unreadable, WorkTree};
use crate::os::Entry;
use bstr::{BStr, BString};

impl WorkTree {
    /// Lists the files and links below a folder with how they look, and what could not be read. No link is followed, and what git
    /// keeps of a repository is passed over.
    pub fn files_below(&self, folder: &BStr) -> (Vec<(BString, Stamp)>, Vec<Unreadable>) {
        let (mut files, mut failed) = (Vec::new(), Vec::new());
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            let at = inside::walk_to(self.root(), &folder);
            let listed = at.and_then(|at| Ok((at.list()?, at)));
            let (entries, at) = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    failed.push(Unreadable { path: folder, why: error.to_string() });
                    continue;
                }
            };
            for (name, entry) in entries {
                let name = name.as_bytes();
                let path = BString::from([folder.as_slice(), b"/", name].concat());
                match (entry, at.look(name)) {
                    _ if name.eq_ignore_ascii_case(b".git") => {}
                    (Entry::Folder, _) => waiting.push(path),
                    (Entry::File, Ok(stamp)) => files.push((path, stamp)),
                    (Entry::File, Err(error)) => failed.push(Unreadable { path, why: error.to_string() }),
                    (Entry::Special, _) => failed.push(Unreadable { path, why: "a socket, pipe or device".into() }),
                }
            }
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        (files, failed)
    }
}
