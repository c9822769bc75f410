//! Questions about history, many at once and in one process, as a push in quarantine sees it.

use super::{ObjectId, Repository};
use crate::error::{Error, Result};
use crate::process::Command;
use gix::objs::{Find, FindExt};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};

/// What git tells a hook of where the objects of a push lie.
const QUARANTINE: [&str; 3] = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"];
/// How many questions are answered by one walk: a bit each.
const AT_ONCE: usize = 64;
/// Up to how many questions that one walk left open get a process each.
const ONE_BY_ONE_MAX: usize = 4;
/// Up to how many commits are read here before git is asked: most pushes bring a few, one after the other.
const STRAIGHT_MAX: usize = 256;

/// A part of the history: commits, each before its parents.
#[derive(Debug, Default)]
pub struct Graph {
    order: Vec<(ObjectId, Vec<ObjectId>)>,
    places: HashMap<ObjectId, usize>,
}

impl Graph {
    /// Returns the commits, each before its parents.
    pub fn commits(&self) -> impl Iterator<Item = &ObjectId> {
        self.order.iter().map(|(id, _)| id)
    }

    /// Tells how many commits it has.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Tells whether it has none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Tells whether it has this commit.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.places.contains_key(id)
    }

    /// Returns the commits of which no parent is in it: where it begins.
    pub fn roots(&self) -> Vec<ObjectId> {
        let root = |parents: &[ObjectId]| !parents.iter().any(|parent| self.contains(parent));
        self.order.iter().filter(|(_, parents)| root(parents)).map(|(id, _)| *id).collect()
    }

    /// Tells for each pair whether the second is met on the way down from the first; a commit just beyond the part that is
    /// loaded counts, one further away is not seen.
    pub fn leads(&self, pairs: &[(ObjectId, ObjectId)]) -> Vec<bool> {
        let mut answers = Vec::with_capacity(pairs.len());
        for chunk in pairs.chunks(AT_ONCE) {
            let reached = self.walk(chunk.iter().map(|(from, _)| from));
            let answer = |(bit, (_, to)): (usize, &(ObjectId, ObjectId))| {
                reached.get(to).is_some_and(|mask| mask & (1 << bit) != 0)
            };
            answers.extend(chunk.iter().enumerate().map(answer));
        }
        answers
    }

    /// Counts for each commit how many of the part are met on the way down from it, itself included.
    pub fn counts(&self, from: &[ObjectId]) -> Vec<usize> {
        let mut counts = vec![0; from.len()];
        for (chunk, of) in from.chunks(AT_ONCE).zip(counts.chunks_mut(AT_ONCE)) {
            let reached = self.walk(chunk.iter());
            for mask in reached.iter().filter(|(id, _)| self.contains(id)).map(|(_, mask)| mask) {
                of.iter_mut().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).for_each(|(_, count)| *count += 1);
            }
        }
        counts
    }

    /// Marks all that is met from each of at most [`AT_ONCE`] commits with its bit.
    fn walk<'a>(&self, from: impl Iterator<Item = &'a ObjectId>) -> HashMap<ObjectId, u64> {
        let mut reached: HashMap<ObjectId, u64> = HashMap::new();
        for (bit, id) in from.enumerate() {
            *reached.entry(*id).or_default() |= 1 << bit;
        }
        for (id, parents) in &self.order {
            let Some(mask) = reached.get(id).copied() else { continue };
            for parent in parents {
                *reached.entry(*parent).or_default() |= mask;
            }
        }
        reached
    }

    fn read(out: &mut impl std::io::Read) -> Result<Self> {
        let mut graph = Self::default();
        for line in BufReader::with_capacity(1 << 16, out).split(b'\n') {
            let line = line.map_err(|error| Error::outside("git", format!("git rev-list: {error}")))?;
            let mut ids = line.split(|byte| *byte == b' ').map(ObjectId::from_hex);
            let unreadable = || Error::strange_git("git rev-list answers in no way we know");
            let id = ids.next().and_then(std::result::Result::ok).ok_or_else(unreadable)?;
            let parents = ids.collect::<std::result::Result<_, _>>().map_err(|_| unreadable())?;
            graph.push(id, parents);
        }
        Ok(graph)
    }

    fn push(&mut self, id: ObjectId, parents: Vec<ObjectId>) {
        self.places.insert(id, self.order.len());
        self.order.push((id, parents));
    }
}

impl Repository {
    /// Makes a git command that sees the objects of the push whose hook we are, and writes none.
    pub fn git_in_quarantine(&self) -> Command {
        let set = QUARANTINE.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        set.fold(self.git(), |command, (name, value)| command.env(name, value))
    }

    /// Loads the commits that are reachable from `from` and not from `not`; tags lead to their commits, and what leads to
    /// none is passed over.
    pub fn graph(&self, from: &[ObjectId], not: &[ObjectId]) -> Result<Graph> {
        if from.is_empty() {
            return Ok(Graph::default());
        }
        let from = from.iter().map(|id| format!("{id}\n"));
        let input: String = from.chain(not.iter().map(|id| format!("^{id}\n"))).collect();
        let command = self.git_in_quarantine().args(["rev-list", "--topo-order", "--parents", "--stdin"]);
        command.stream_with(input.as_bytes(), Graph::read)
    }

    /// Tells for each pair of commits whether the first is an ancestor of the second, and returns what the second have and
    /// none of the first. An id that leads to no commit is an ancestor of nothing.
    pub fn are_ancestors(&self, pairs: &[(ObjectId, ObjectId)]) -> Result<(Vec<bool>, Graph)> {
        if let [(old, new)] = pairs
            && let Some(graph) = self.straight(old, new)
        {
            return Ok((vec![true], graph));
        }
        let (old, new): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let turned: Vec<_> = pairs.iter().map(|(old, new)| (*new, *old)).collect();
        let graph = self.graph(&new, &old)?;
        // Whoever comes from `new` to `old` comes last through a commit that `old` does not have: it is loaded.
        let mut answers = graph.leads(&turned);
        let open: Vec<usize> = (0..pairs.len()).filter(|n| !answers[*n]).collect();
        // With one pair that is an answer. With more, the way may lead through what another one's `old` has.
        if pairs.len() == 1 || open.is_empty() {
            return Ok((answers, graph));
        }
        if open.len() <= ONE_BY_ONE_MAX {
            for n in open {
                answers[n] = self.graph(&[pairs[n].1], &[pairs[n].0])?.leads(&turned[n..=n])[0];
            }
            return Ok((answers, graph));
        }
        let open_pairs: Vec<_> = open.iter().map(|n| turned[*n]).collect();
        let whole = self.graph(&open_pairs.iter().map(|(new, _)| *new).collect::<Vec<_>>(), &[])?;
        for (n, answer) in open.into_iter().zip(whole.leads(&open_pairs)) {
            answers[n] = answer;
        }
        Ok((answers, graph))
    }

    /// Loads what `new` has and `old` has not, where that is a short line of commits with one parent each: most pushes are, and
    /// of those a process of git costs more than everything else. `None` of any other: git tells.
    fn straight(&self, old: &ObjectId, new: &ObjectId) -> Option<Graph> {
        let quarantine = std::env::var_os(QUARANTINE[2]).and_then(|path| self.objects_in(&path));
        let (mut graph, mut next, mut bytes) = (Graph::default(), *new, Vec::new());
        while next != *old {
            let pushed = quarantine.as_ref().and_then(|objects| only_parent(objects, &next, &mut bytes));
            let parent = pushed.or_else(|| only_parent(&self.gix().objects, &next, &mut bytes))?;
            if graph.len() == STRAIGHT_MAX {
                return None;
            }
            graph.push(next, vec![parent]);
            next = parent;
        }
        Some(graph)
    }

    fn objects_in(&self, folder: &OsStr) -> Option<gix::odb::Handle> {
        gix::odb::at(folder, self.hash_kind()).ok()
    }

    /// Returns the commits that both have and of which nothing later is in both (git-merge-base(1)).
    pub fn last_in_common(&self, one: &ObjectId, other: &ObjectId) -> Result<Vec<ObjectId>> {
        let words = [String::from("merge-base"), "--all".into(), one.to_string(), other.to_string()];
        let out = self.git_in_quarantine().args(words).output()?;
        Ok(out.stdout.split(|byte| *byte == b'\n').filter_map(|line| ObjectId::from_hex(line).ok()).collect())
    }

    /// Returns the commits that objects of the push lead to, `None` for those that lead to none.
    pub fn peel_in_quarantine(&self, ids: &[ObjectId]) -> Result<Vec<Option<ObjectId>>> {
        let input: String = ids.iter().map(|id| format!("{id}^{{commit}}\n")).collect();
        let command = self.git_in_quarantine().args(["cat-file", "--batch-check=%(objectname)"]);
        let out = command.read_with(input.as_bytes())?;
        let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| ObjectId::from_hex(line).ok()).collect())
    }
}

/// Returns the parent of a commit that is there and has just one.
fn only_parent(objects: &impl Find, id: &ObjectId, bytes: &mut Vec<u8>) -> Option<ObjectId> {
    let mut parents = objects.find_commit_iter(id, bytes).ok()?.parent_ids();
    parents.next().filter(|_| parents.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from_hex(format!("{n:040x}").as_bytes()).unwrap()
    }

    #[test]
    fn ways_are_found_to_the_edge_and_not_beyond() {
        // 5 - 4 - 2 - 1, 5 - 3 - 2, 6 - 3; 1 and 9 are not loaded, and nothing leads to 9.
        let text = [(5, vec![4, 3]), (6, vec![3]), (4, vec![2]), (3, vec![2]), (2, vec![1])];
        let line = |(commit, parents): &(u8, Vec<u8>)| {
            let words: Vec<_> = [*commit].iter().chain(parents).map(|n| id(*n).to_string()).collect();
            words.join(" ") + "\n"
        };
        let text: String = text.iter().map(line).collect();
        let graph = Graph::read(&mut text.as_bytes()).unwrap();
        let pairs = [(5, 1), (6, 1), (6, 4), (5, 5), (3, 5), (5, 9), (6, 3)].map(|(a, b)| (id(a), id(b)));
        assert_eq!(graph.leads(&pairs), [true, true, false, true, false, false, true]);
        assert_eq!(graph.roots(), [id(2)]);
        assert_eq!(graph.counts(&[id(5), id(6), id(2)]), [4, 3, 1]);
        let many: Vec<_> = (0..200).map(|_| (id(6), id(2))).collect();
        assert!(graph.leads(&many).into_iter().all(|leads| leads));
    }
}
