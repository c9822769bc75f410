//! Packing loose references. Each deployment adds a tag, and every push reads all references: those of a file each cost git,
//! and us, an open, a read and the tag's object; those in packed-refs cost a line. To see that a push is connected git then opens
//! what each of them names, and of a deployment that is two loose objects for ever, or until a `git gc`.

use crate::error::Result;
use crate::git::{Config, Repository};
use bstr::ByteSlice;
use std::path::Path;

/// How many loose references are left as they are.
const LOOSE_MAX: usize = 100;

/// Packs the references as `git gc` does, once more than [`LOOSE_MAX`] are loose; tells whether it did.
///
/// Where the operator keeps git from doing so by itself, it is left to them; a reftable has no loose ones.
pub fn pack_refs(repository: &Repository) -> Result<bool> {
    if repository.uses_reftable() || !is_wanted(&repository.config(), repository.is_bare()) {
        return Ok(false);
    }
    let mut left = LOOSE_MAX;
    if count_down(&repository.common_dir().join("refs"), &mut left).is_some() {
        return Ok(false);
    }
    repository.durable_git().args(["pack-refs", "--all"]).read()?;
    Ok(true)
}

/// Packs what references name and no pack holds yet, so that git finds it without opening a file each.
///
/// Nothing is removed, neither loose objects nor packs: so no push, collection or reader beside us can lose anything by it, nor can
/// a kill, a full disk or a power cut. The next `git gc` takes both away. The pack is named as `git maintenance` names such ones.
pub fn pack_named(repository: &Repository) -> Result<()> {
    let named = repository.git().args(["for-each-ref", "--format=%(objectname) %(*objectname)"]).read()?;
    let ids: Vec<u8> = named.fields().flat_map(|id| [id, b"\n"].concat()).collect();
    let words = ["pack-objects", "--quiet", "--incremental", "--non-empty", "--threads=1"];
    let into = repository.objects_dir().join("pack").join("loose");
    repository.durable_git().args(words).arg(into).read_with(&ids).map(drop)
}

/// git-config(1): `gc.packRefs` may be `notbare`; the others keep a push from tidying up.
fn is_wanted(config: &Config, is_bare: bool) -> bool {
    let off = |section, name| config.is_true(section, name) == Some(false);
    let by_hand = config.get("gc", "auto").is_some_and(|value| value.trim() == "0");
    let packed = match config.get("gc", "packrefs").as_deref() {
        Some("notbare") => !is_bare,
        _ => !off("gc", "packrefs"),
    };
    packed && !by_hand && !off("maintenance", "auto") && !off("receive", "autogc")
}

/// Takes one from `left` for each file below a folder; `None` once there are more. What cannot be listed counts for nothing.
fn count_down(folder: &Path, left: &mut usize) -> Option<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            count_down(&entry.path(), left)?;
        } else {
            *left = left.checked_sub(1)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_who_tidy_up_themselves_are_left_alone() {
        for (line, wanted) in [
            ("core.bare=true", true),
            ("gc.packRefs=true", true),
            ("gc.packRefs=false", false),
            ("gc.packRefs=notbare", false),
            ("gc.auto=0", false),
            ("gc.auto=100", true),
            ("maintenance.auto=false", false),
            ("receive.autogc=off", false),
        ] {
            assert_eq!(is_wanted(&Config::of(&[line]), true), wanted, "{line}");
        }
        assert!(is_wanted(&Config::of(&["gc.packRefs=notbare"]), false));
    }

    #[test]
    fn files_in_folders_of_folders_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("heads/a/b")).unwrap();
        for name in ["heads/a/b/c", "heads/d", "tags"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut left = 3;
        assert_eq!((count_down(folder.path(), &mut left), left), (Some(()), 0));
        assert_eq!(count_down(folder.path(), &mut 2), None);
    }
}
