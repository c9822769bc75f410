//! Whether a place lies in a git directory, where git alone is to put anything.

use crate::os;
use std::path::{Path, PathBuf};

/// Tells whether a folder looks like a git directory, by what git itself looks for (setup.c, `is_git_directory`), but for where
/// HEAD leads.
pub fn is_git_dir(folder: &Path) -> bool {
    let head = folder.join("HEAD");
    (head.is_file() || head.is_symlink()) && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// Returns the git directory that a path leads into, whether anything is at its end yet or not; of one in another, as a
/// submodule's is, the outer one. Links are followed.
pub fn git_dir_around(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let real = path.ancestors().find_map(|folder| os::canonicalize(folder).ok())?;
    real.ancestors().filter(|folder| is_git_dir(folder)).last().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_is_told_from_one_outside() {
        let world = tempfile::tempdir().unwrap();
        let root = os::canonicalize(world.path()).unwrap();
        let bare = root.join("site.git");
        for folder in ["objects", "refs"] {
            std::fs::create_dir_all(bare.join(folder)).unwrap();
        }
        assert_eq!(git_dir_around(&bare.join("x")), None, "without HEAD it is none");
        std::fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::os::unix::fs::symlink(bare.join("refs"), root.join("link")).unwrap();
        for inside in ["site.git", "site.git/x/y/z", "site.git/refs", "link/x", "x/../site.git/y"] {
            std::fs::create_dir_all(root.join("x")).unwrap();
            assert_eq!(git_dir_around(&root.join(inside)).as_ref(), Some(&bare), "{inside}");
        }
        for outside in ["other", "site.git/../other", "site.git.copy/x"] {
            assert_eq!(git_dir_around(&root.join(outside)), None, "{outside}");
        }
    }
}
