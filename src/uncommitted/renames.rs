//! Which deleted and added paths are one that moved: exactly first, then by name, then by content, in git's own order
//! (diffcore-rename.c), so that the pairs are git's.

use super::similarity::{SCORE_MAX, SCORE_MIN};
use crate::git::ObjectId;
use bstr::{BStr, BString, ByteSlice};
use std::cmp::Reverse;
use std::collections::HashMap;

/// How many deleted times added paths are compared at most, squared (git's `diff.renameLimit`).
const LIMIT: usize = 1000;
/// How many candidates of each added path are remembered.
const CANDIDATES: usize = 4;
/// How many deleted paths of one content are looked at for one added.
const IDENTICAL_MAX: usize = 101;
/// The least score of a pair whose names are alike and the only ones of that name.
const NAMED_SCORE_MIN: u64 = SCORE_MIN + (SCORE_MAX - SCORE_MIN) / 2;

/// A deleted or an added path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The path.
    pub path: BString,
    /// Its mode in git's tree.
    pub mode: u32,
    /// The id of its content.
    pub id: ObjectId,
}

impl Side {
    fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    fn name(&self) -> &BStr {
        self.path.rfind_byte(b'/').map_or(self.path.as_bstr(), |slash| self.path[slash + 1..].as_bstr())
    }
}

/// The pairs that were found, as positions of deleted and added paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Deleted, added, and how similar they are.
    pub pairs: Vec<(usize, usize, u64)>,
    /// Whether there were too many to compare all contents.
    pub gave_up: bool,
}

/// Pairs deleted with added paths, both sorted; `score` tells how similar the contents of two are.
pub fn find(deleted: &[Side], added: &[Side], mut score: impl FnMut(usize, usize) -> u64) -> Pairs {
    let mut search = Search { deleted, added, of_added: vec![None; added.len()], used: vec![false; deleted.len()] };
    search.exact();
    search.by_name(&mut score);
    let gave_up = search.by_content(&mut score);
    let pairs = search
        .of_added
        .iter()
        .enumerate()
        .filter_map(|(new, found)| found.map(|(old, score)| (old, new, score)))
        .collect();
    Pairs { pairs, gave_up }
}

struct Search<'a> {
    deleted: &'a [Side],
    added: &'a [Side],
    of_added: Vec<Option<(usize, u64)>>,
    used: Vec<bool>,
}

/// A pair that may become one.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    old: usize,
    new: usize,
    score: u64,
    same_name: bool,
}

impl Search<'_> {
    fn pair(&mut self, old: usize, new: usize, score: u64) {
        self.of_added[new] = Some((old, score));
        self.used[old] = true;
    }

    fn is_allowed(&self, old: usize, new: usize) -> bool {
        let (old, new) = (&self.deleted[old], &self.added[new]);
        (old.is_file() && new.is_file()) || old.mode == new.mode
    }

    fn exact(&mut self) {
        let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
        for (position, side) in self.deleted.iter().enumerate() {
            by_id.entry(side.id).or_default().push(position);
        }
        for new in 0..self.added.len() {
            let same = by_id.get(&self.added[new].id).map(Vec::as_slice).unwrap_or_default();
            let free = same.iter().copied().filter(|old| !self.used[*old] && self.is_allowed(*old, new));
            let mut best = None;
            for old in free.take(IDENTICAL_MAX) {
                if self.deleted[old].name() == self.added[new].name() {
                    best = Some(old);
                    break;
                }
                best = best.or(Some(old));
            }
            if let Some(old) = best {
                self.pair(old, new, SCORE_MAX);
            }
        }
    }

    /// Pairs those whose last names are the only ones of that name on both sides.
    fn by_name(&mut self, score: &mut impl FnMut(usize, usize) -> u64) {
        let old_names = unique(self.deleted.iter().enumerate().filter(|(old, _)| !self.used[*old]));
        let new_names = unique(self.added.iter().enumerate().filter(|(new, _)| self.of_added[*new].is_none()));
        let mut found: Vec<_> = old_names
            .into_iter()
            .filter_map(|(name, old)| Some((old?, new_names.get(name).copied().flatten()?)))
            .collect();
        found.sort_unstable();
        for (old, new) in found {
            let files = self.deleted[old].is_file() && self.added[new].is_file();
            let score = if files { score(old, new) } else { 0 };
            if score >= NAMED_SCORE_MIN {
                self.pair(old, new, score);
            }
        }
    }

    /// Pairs the most similar first; returns whether there are too many.
    fn by_content(&mut self, score: &mut impl FnMut(usize, usize) -> u64) -> bool {
        let olds: Vec<usize> = (0..self.deleted.len()).filter(|old| !self.used[*old]).collect();
        let news: Vec<usize> = (0..self.added.len()).filter(|new| self.of_added[*new].is_none()).collect();
        if olds.len().saturating_mul(news.len()) > LIMIT * LIMIT {
            return true;
        }
        let mut all = Vec::new();
        for new in news {
            let mut best = [None; CANDIDATES];
            for old in olds.iter().copied() {
                let files = self.deleted[old].is_file() && self.added[new].is_file();
                let score = if files { score(old, new) } else { 0 };
                let same_name = self.deleted[old].name() == self.added[new].name();
                keep_if_better(&mut best, Candidate { old, new, score, same_name });
            }
            all.extend(best.into_iter().flatten());
        }
        all.sort_by_key(|one| Reverse((one.score, one.same_name)));
        for candidate in all {
            if candidate.score < SCORE_MIN {
                break;
            }
            if self.of_added[candidate.new].is_none() && !self.used[candidate.old] {
                self.pair(candidate.old, candidate.new, candidate.score);
            }
        }
        false
    }
}

/// The names that occur once, with where; those that occur more often, without.
fn unique<'s>(sides: impl Iterator<Item = (usize, &'s Side)>) -> HashMap<&'s BStr, Option<usize>> {
    let mut found = HashMap::new();
    for (position, side) in sides {
        found.entry(side.name()).and_modify(|one| *one = None).or_insert(Some(position));
    }
    found
}

/// Puts a candidate in the place of the worst one; of equally bad ones, the first.
fn keep_if_better(best: &mut [Option<Candidate>; CANDIDATES], candidate: Candidate) {
    let rank = |one: &Option<Candidate>| one.map(|one| (one.score, one.same_name));
    let mut worst = 0;
    for position in 1..CANDIDATES {
        if rank(&best[position]) < rank(&best[worst]) {
            worst = position;
        }
    }
    if rank(&best[worst]) < rank(&Some(candidate)) {
        best[worst] = Some(candidate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{HashKind, blob_id};

    fn side(path: &str, content: &str) -> Side {
        Side { path: path.into(), mode: 0o100_644, id: blob_id(HashKind::Sha1, content.as_bytes()).unwrap() }
    }

    #[test]
    fn the_same_content_under_the_same_name_goes_first() {
        let deleted = [side("a/one", "x"), side("b/two", "x")];
        let added = [side("c/two", "x"), side("d/three", "x")];
        let found = find(&deleted, &added, |_, _| 0);
        assert_eq!(found.pairs, [(1, 0, SCORE_MAX), (0, 1, SCORE_MAX)]);
    }

    #[test]
    fn too_many_are_not_compared() {
        let many = |prefix: &str| {
            (0..1001).map(|n| side(&format!("{prefix}{n:04}"), &format!("{prefix}{n}"))).collect::<Vec<_>>()
        };
        let found = find(&many("a"), &many("b"), |_, _| panic!("none is compared"));
        assert!(found.gave_up && found.pairs.is_empty());
    }
}
