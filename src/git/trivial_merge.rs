//! Merges in which nothing has to be merged: wherever one side changed something, the other left it as the base has it. git
//! takes a process for them, and to start that takes longer than they do.
//!
//! What comes out is git's own answer, whatever its config says of renames and its attributes of files. git (merge-ort.c)
//! looks for renames only where one side removed a file that the other changed, or a folder to which the other added
//! (`relevant_sources`, filled by `collect_rename_info` and `add_pair`). Where there is no such file or folder it takes, entry
//! by entry, the side that changed, and folders whole (`collect_merge_info_callback`, `resolve_trivial_directory_merge`); and
//! only of a file that both sides changed does it look at what it holds. Each of these meets us as an entry that is another
//! one on either side than in the base and no folder on both sides, and git is asked then.

use super::past::{Past, order, side_by_side};
use super::{ObjectId, TreeEntry};
use bstr::{BStr, ByteSlice};
use std::collections::BTreeMap;

/// Merges trees, what `theirs` changed of `base` into `ours`, and returns the tree they give, which lies aside if it is new;
/// `None` where git has to be asked.
pub(super) fn merge(past: &Past, base: &ObjectId, ours: &ObjectId, theirs: &ObjectId) -> Option<ObjectId> {
    if theirs == base {
        return Some(*ours);
    }
    if ours == base {
        return Some(*theirs);
    }
    let merged = folders(past, Some(base), ours, theirs)?;
    Some(merged.unwrap_or_else(|| ObjectId::empty_tree(ours.kind())))
}

/// Merges folders; `Some(None)` where nothing is left in them.
#[expect(clippy::option_option, reason = "the outer one says that git has to be asked")]
fn folders(past: &Past, base: Option<&ObjectId>, ours: &ObjectId, theirs: &ObjectId) -> Option<Option<ObjectId>> {
    let base = base.map(|base| past.tree(base).ok_or(())).transpose().ok()?.unwrap_or_default();
    let (ours, theirs) = (past.tree(ours)?, past.tree(theirs)?);
    // A file and a folder of one name stand apart.
    let mut changed: BTreeMap<&BStr, [Option<&TreeEntry>; 2]> = BTreeMap::new();
    for (before, after) in side_by_side(&base, &theirs).filter(|(before, after)| before != after) {
        for (side, entry) in [before, after].into_iter().enumerate() {
            let Some(entry) = entry else { continue };
            if changed.entry(entry.name.as_bstr()).or_default()[side].replace(entry).is_some() {
                return None;
            }
        }
    }
    let mut merged = vec![];
    for entry in ours.iter() {
        match changed.remove(entry.name.as_bstr()) {
            None => merged.push(entry.clone()),
            Some([before, after]) => merged.extend(entries(past, before, Some(entry), after)?),
        }
    }
    for [before, after] in changed.into_values() {
        merged.extend(entries(past, before, None, after)?);
    }
    if merged.is_empty() {
        return Some(None);
    }
    merged.sort_by(|one, other| order(one).cmp(order(other)));
    past.make_tree(merged).map(Some)
}

/// Merges entries of one name, of which theirs is another one than the base's; `Some(None)` where none is left.
#[expect(clippy::option_option, reason = "the outer one says that git has to be asked")]
fn entries(
    past: &Past,
    base: Option<&TreeEntry>,
    ours: Option<&TreeEntry>,
    theirs: Option<&TreeEntry>,
) -> Option<Option<TreeEntry>> {
    if ours == base {
        return Some(theirs.cloned());
    }
    let (ours, theirs) = (ours?, theirs?);
    if ours == theirs && !ours.is_folder() && base.is_some_and(|base| !base.is_folder()) {
        return Some(Some(ours.clone()));
    }
    if [base.unwrap_or(ours), ours, theirs].into_iter().all(TreeEntry::is_folder) {
        let id = folders(past, base.map(|base| &base.id), &ours.id, &theirs.id)?;
        return Some(id.map(|id| TreeEntry { id, ..ours.clone() }));
    }
    None
}
