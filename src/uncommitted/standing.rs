//! Which deployment a plain folder stands on: the last one, unless an earlier one fits what lies there better.

use super::look::{Options, look};
use super::place::WorkTree;
use super::{Change, Contents, Old, Seen};
use crate::error::Result;
use crate::git::{ObjectId, ObjectReader, Repository, TreeEntry};
use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;
use std::time::Instant;

/// How many earlier deployments are tried.
const EARLIER_MAX: usize = 20;

/// A deployment the tree may stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its tag.
    pub tag: String,
    /// Its commit.
    pub commit: ObjectId,
}

/// What a plain folder stands on.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What was seen, compared with the deployment it stands on.
    pub seen: Seen,
    /// That deployment's tag; `None` where there is none.
    pub tag: Option<String>,
    /// Where it is not the last one: `the served tree still stands on live_40; live_41 has not reached it`.
    pub note: Option<String>,
}

/// Looks at a plain folder that deployments fill; `candidates` are those there were, the last one first.
///
/// Returns an error as [`look`] does.
pub fn look_at_deployed(
    host: &Repository,
    tree: &WorkTree,
    candidates: &[Candidate],
    options: &Options,
) -> Result<Standing> {
    let Some(last) = candidates.first() else {
        return Ok(Standing { seen: look(host, tree, None, options)?, tag: None, note: None });
    };
    let seen = look(host, tree, Some(last.commit), options)?;
    let mut standing = Standing { seen, tag: Some(last.tag.clone()), note: None };
    if standing.seen.changes.is_empty() || !standing.seen.late.is_empty() {
        return Ok(standing);
    }
    if let Some(better) = better(tree, &standing.seen, (last, candidates), options.deadline)? {
        let note = format!("the served tree still stands on {}; {} has not reached it", better.tag, last.tag);
        standing.seen = look(host, tree, Some(better.commit), options)?;
        standing.tag = Some(better.tag.clone());
        standing.note = Some(note);
    }
    Ok(standing)
}

/// Finds the newest earlier deployment from which fewer paths are away than from the last one.
fn better<'c>(
    tree: &WorkTree,
    seen: &Seen,
    (last, candidates): (&Candidate, &'c [Candidate]),
    deadline: Option<Instant>,
) -> Result<Option<&'c Candidate>> {
    let mut reader = tree.objects().reader();
    let mut contents = tree.contents(Some(last.commit), deadline);
    let from = reader.tree_of(&last.commit)?;
    let changed = states(&seen.changes);
    let (mut best, mut tried) = ((changed.len(), None), vec![last.commit]);
    for candidate in &candidates[1..] {
        if tried.contains(&candidate.commit) || tried.len() > EARLIER_MAX {
            continue;
        }
        tried.push(candidate.commit);
        let to = reader.tree_of(&candidate.commit)?;
        let away = away(&mut contents, &mut reader, [from, to], &changed)?;
        if away < best.0 {
            best = (away, Some(candidate));
        }
    }
    Ok(best.1)
}

/// What lies at every changed path; `None` where nothing does.
fn states(changes: &[Change]) -> BTreeMap<BString, Option<&Change>> {
    let mut states = BTreeMap::new();
    for change in changes {
        states.extend(change.from.clone().map(|from| (from, None)));
        states.insert(change.path.clone(), change.new.map(|_| change));
    }
    states
}

/// Counts the paths that are not as the second tree has them, given those that are not as the first has them.
fn away(
    contents: &mut Contents<'_>,
    reader: &mut ObjectReader,
    trees: [ObjectId; 2],
    changed: &BTreeMap<BString, Option<&Change>>,
) -> Result<usize> {
    let mut between = BTreeMap::new();
    differences(reader, b"".as_bstr(), trees.map(Some), &mut between)?;
    let untouched = changed.keys().filter(|path| !between.contains_key(*path)).count();
    let mut count = untouched;
    for (path, [first, second]) in &between {
        let lies = match changed.get(path) {
            Some(None) => None,
            Some(Some(change)) => change.new.and_then(|new| {
                let id = new.id.or_else(|| contents.tell(change, None).ok().map(|told| told.id));
                Some(Old { mode: new.mode, id: id? })
            }),
            // As the first has it; or, where that has nothing, perhaps what ignore rules hid from the look.
            None if first.is_some() => *first,
            None => second.and_then(|second| {
                let told = contents.tell_path(path.as_bstr(), Some(second.id), false, None).ok()?;
                Some(Old { mode: second.mode, id: told.id })
            }),
        };
        count += usize::from(lies != *second);
    }
    Ok(count)
}

/// Lists the paths at which two trees differ, with what each has.
fn differences(
    reader: &mut ObjectReader,
    folder: &BStr,
    trees: [Option<ObjectId>; 2],
    found: &mut BTreeMap<BString, [Option<Old>; 2]>,
) -> Result<()> {
    let mut names: BTreeMap<BString, [Option<TreeEntry>; 2]> = BTreeMap::new();
    for (side, tree) in trees.iter().enumerate() {
        let entries = tree.map(|id| reader.tree(&id)).transpose()?.unwrap_or_default();
        for entry in entries {
            let name = entry.name.clone();
            names.entry(name).or_default()[side] = Some(entry);
        }
    }
    for (name, sides) in names {
        if sides[0] == sides[1] {
            continue;
        }
        let path = BString::from([folder.as_bytes(), &name].concat());
        let below = sides.each_ref().map(|side| side.as_ref().filter(|side| side.is_folder()).map(|side| side.id));
        if below.iter().any(Option::is_some) {
            differences(reader, BString::from([path.as_slice(), b"/"].concat()).as_bstr(), below, found)?;
        }
        let file = |side: Option<TreeEntry>| {
            side.filter(|side| !side.is_folder()).map(|side| Old { mode: side.mode, id: side.id })
        };
        let files = sides.map(file);
        if files.iter().any(Option::is_some) {
            found.insert(path, files);
        }
    }
    Ok(())
}
