//! Merges of trees in which git has little to do: wherever one side changed something, the other left it as the base has it, or
//! changed the file in another place. git takes a process for them, and to start that takes longer than they do.
//!
//! What comes out is git's own answer, whatever its config says of renames. git (merge-ort.c)
//! looks for renames only where one side removed a file that the other changed, or a folder to which the other added
//! (`relevant_sources`, filled by `collect_rename_info` and `add_pair`). Where there is no such file or folder it takes, entry
//! by entry, the side that changed, and folders whole (`collect_merge_info_callback`, `resolve_trivial_directory_merge`); and
//! only of a file that both sides changed does it look at what it holds. Each of these meets us as an entry that is another
//! one on either side than in the base and no folder on both sides, and git is asked then.
//!
//! Of a file that all three have, and both sides changed, git merges mode and content apart (`handle_content_merge`). A file has
//! one of two modes, so one side at most made it another than the other left it. Content that both changed is merged by
//! [`content_merge`], if that is sure of it and no setting nor attribute has git merge in another way (merge-ll.c): no
//! `merge.default`, no `merge.renormalize`, and the attribute `merge` said nowhere. A driver is only run where one of
//! these names it.

use super::attribute_files::AttributeFiles;
use super::past::{Past, order, side_by_side};
use super::{Attributes, ObjectId, TreeEntry, content_merge};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;

/// The most bytes of a file whose content is merged here.
const BYTES_MAX: u64 = 1 << 20;

/// What is merged, and by which rules.
pub(super) struct Merger<'a> {
    /// Where the objects are, and where those that are made lie.
    pub past: &'a Past,
    /// Where attributes stand, and whose count; `None` where what files hold is git's to merge.
    pub contents: Option<(&'a AttributeFiles, &'a Attributes)>,
}

impl Merger<'_> {
    /// Merges trees, what `theirs` changed of `base` into `ours`, and returns the tree they give, which lies aside if it is
    /// new; `None` where git has to be asked.
    pub(super) fn merge(&self, base: &ObjectId, ours: &ObjectId, theirs: &ObjectId) -> Option<ObjectId> {
        if theirs == base {
            return Some(*ours);
        }
        if ours == base {
            return Some(*theirs);
        }
        let merged = self.folders(b"".as_bstr(), Some(base), ours, theirs)?;
        Some(merged.unwrap_or_else(|| ObjectId::empty_tree(ours.kind())))
    }

    /// Merges folders; `Some(None)` where nothing is left in them.
    #[expect(clippy::option_option, reason = "the outer one says that git has to be asked")]
    fn folders(
        &self,
        path: &BStr,
        base: Option<&ObjectId>,
        ours: &ObjectId,
        theirs: &ObjectId,
    ) -> Option<Option<ObjectId>> {
        let past = self.past;
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
                Some([before, after]) => merged.extend(self.entries(path, before, Some(entry), after)?),
            }
        }
        for [before, after] in changed.into_values() {
            merged.extend(self.entries(path, before, None, after)?);
        }
        if merged.is_empty() {
            return Some(None);
        }
        merged.sort_by(|one, other| order(one).cmp(order(other)));
        past.make_tree(merged).map(Some)
    }

    /// Merges entries of one name below a path, of which theirs is another one than the base's; `Some(None)` where none is left.
    #[expect(clippy::option_option, reason = "the outer one says that git has to be asked")]
    fn entries(
        &self,
        above: &BStr,
        base: Option<&TreeEntry>,
        ours: Option<&TreeEntry>,
        theirs: Option<&TreeEntry>,
    ) -> Option<Option<TreeEntry>> {
        if ours == base {
            return Some(theirs.cloned());
        }
        let (ours, theirs) = (ours?, theirs?);
        let path = || below(above, &ours.name);
        if [base.unwrap_or(ours), ours, theirs].into_iter().all(TreeEntry::is_folder) {
            let id = self.folders(path().as_bstr(), base.map(|base| &base.id), &ours.id, &theirs.id)?;
            return Some(id.map(|id| TreeEntry { id, ..ours.clone() }));
        }
        let base = base.filter(|base| !base.is_folder())?;
        if ours == theirs && !ours.is_folder() {
            return Some(Some(ours.clone()));
        }
        if ![base, ours, theirs].into_iter().all(TreeEntry::is_file) {
            return None;
        }
        let mode = if ours.mode == base.mode { theirs.mode } else { ours.mode };
        let ids = [base.id, ours.id, theirs.id];
        let id = one_changed(ids).or_else(|| self.contents(path().as_bstr(), ids))?;
        Some(Some(TreeEntry { mode, id, ..ours.clone() }))
    }

    /// Merges what files hold.
    fn contents(&self, path: &BStr, ids: [ObjectId; 3]) -> Option<ObjectId> {
        let (files, attributes) = self.contents?;
        let [base, ours, theirs] = ids.map(|id| self.past.blob(&id, BYTES_MAX));
        let merged = content_merge::merge(&base?, &ours?, &theirs?)?;
        // Asked last: most that is not merged here is so for what it holds.
        if files.leave_merging(self.past, attributes, path) { self.past.make_blob(merged) } else { None }
    }
}

fn below(folder: &BStr, name: &[u8]) -> BString {
    let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
    [folder.as_bytes(), slash, name].concat().into()
}

/// Returns what is left where one side at most changed something, or both to the same.
fn one_changed([base, ours, theirs]: [ObjectId; 3]) -> Option<ObjectId> {
    match (ours == base, theirs == base, ours == theirs) {
        (true, ..) => Some(theirs),
        (_, true, _) | (.., true) => Some(ours),
        _ => None,
    }
}
