//! The first segment of a chain as a copy of the repository's own pack.

use super::proof::{STRAY, UNCONNECTED};
use super::segment::{Names, READ_AT_ONCE_MAX, Written};
use super::{Append, Segment};
use crate::bundle::Header;
use crate::error::Result;
use crate::git::{self, ObjectId, PackFiles, PackIndex, RefList};
use std::collections::BTreeSet;

/// Copies the repository's pack as it lies, where it has only one and the list reaches everything in it: after a `git gc`,
/// most often. The pack's bitmap tells, or without one reading every object does. `None` where git has to make a pack.
pub(super) fn copy(work: &Append<'_>, list: &RefList, say: &mut dyn FnMut(&str)) -> Result<Option<Written>> {
    let Some((files, index)) = git::sole_pack(work.repository) else { return Ok(None) };
    match copy_of(work, list, &files, &index, say) {
        // Repacked meanwhile.
        Err(_) if !files.pack.exists() || !files.index.exists() => Ok(None),
        copied => copied,
    }
}

fn copy_of(
    work: &Append<'_>,
    list: &RefList,
    files: &PackFiles,
    index: &PackIndex,
    say: &mut dyn FnMut(&str),
) -> Result<Option<Written>> {
    let (inside, outside): (Vec<_>, Vec<_>) = list.tips().into_iter().partition(|tip| index.position(tip).is_some());
    // Where the history of what is loose meets that of the pack.
    let met = git::boundary(work.repository, &outside, |id| index.position(id).is_some())?;
    let roots: BTreeSet<ObjectId> = inside.into_iter().chain(met).collect();
    let roots: Vec<_> = roots.into_iter().collect();
    if roots.is_empty() {
        return Ok(None);
    }
    let exact = git::bitmap_says_exact(work.repository, files, index, &roots)?;
    if exact == Some(false) {
        return Ok(None);
    }
    say("copying the pack");
    let header = Header::new(work.repository.hash_kind(), vec![], vec![]);
    let names = Names::of(list, &roots);
    let segment = work.write(format!("code/{}-base.bundle", work.name), &header, &mut names.iter(), &files.pack)?;
    say("reading it back");
    let proven = if exact == Some(true) && segment.bytes > READ_AT_ONCE_MAX {
        work.examiner.glance(&segment, files)
    } else {
        work.examiner.examine_with(&segment, &[], &files.index, Some(&roots))
    };
    match proven {
        // Of a pack that stands upon borrowed or loose objects, or that holds more than is reachable, git makes another.
        Err(error) if [STRAY, UNCONNECTED].contains(&error.code()) => not_exact(work, &segment),
        proven => work.or_remove(&segment, proven).map(|proven| Some(Written { segment, proven, made_in: None })),
    }
}

fn not_exact(work: &Append<'_>, segment: &Segment) -> Result<Option<Written>> {
    work.remove(segment)?;
    Ok(None)
}
