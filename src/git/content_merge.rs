//! Merges of what a file holds, where git's answer cannot be another one: neither side changed what the other did, and between
//! their changes stand lines by which every line there is told apart. Anything else is git's to merge.
//!
//! git (merge-ort.c, `merge_3way`) compares either side with the base by the histogram algorithm and takes the changes of both
//! where none meets another (xdiff/xmerge.c, `xdl_do_merge`). To do so is easy; what has to be known is where git sees them,
//! for there are many ways to tell of a change where lines repeat. So this looks for **anchors**: lines that each of the three has
//! once and all have in the same order. They cut the files into pieces. It goes on only where at most one side changed each
//! piece, and takes that side's; it is git's answer if git finds the pieces that lie between two changes of the other side, or
//! before all of them, or behind them, to be as they were. Let W be such a stretch, from anchor to anchor, for one side.
//!
//! 1. xdiff/xhistogram.c takes the longest run of equal lines, of those in which the rarest line of the base is rarest, then
//!    goes on before it and behind it (`find_lcs`, `try_lcs`). W lies in a run of which a line occurs once in the base, so what is
//!    taken is no shorter than W, as long as W lies in what is looked at. No run goes beyond an anchor but the one in which that stands
//!    where it stands in W. So one that has lines of W elsewhere has none of its ends, and is shorter than W. One that leads from
//!    before W to behind it could be as long: where W has changes on both sides, [`crosses`] sees to it that there is none. What
//!    remains is the run of W itself, or one that lies wholly before W or behind it on both sides, and leaves W where it
//!    was. The other algorithm, which git takes where all lines are frequent, is never taken where an anchor is looked at.
//! 2. xdiff/xdiffi.c then slides changes over lines equal to their own (`xdl_change_compact`), and never over an anchor, which
//!    has none. What newer versions compare again lies within one change.
//! 3. So a change of one side ends before an anchor behind which the other's begin, which is what `xdl_do_merge` asks for:
//!    nothing is in conflict, and how to show or to simplify conflicts makes no difference.
//!
//! A line is what it is with its end: one without a newline, or with CRLF, equals none that has another.

use bstr::ByteSlice;
use std::collections::{HashMap, HashSet};

/// Where git looks for a byte that only binary files have (`FIRST_FEW_BYTES` in xdiff-interface.c).
const BINARY_LOOK: usize = 8000;
/// How many times sides may take turns; of more, each of which is looked at alone, git merges.
const TURNS_MAX: usize = 32;
/// The most lines of a run that is looked for; to find no shorter one is to find no longer one.
const RUN_MAX: usize = 8;

/// Tells whether git takes this for the content of a binary file, where no attribute says so.
pub(super) fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(BINARY_LOOK)].contains(&0)
}

/// Lines of a text, each with its end.
type Lines<'a> = [&'a [u8]];

/// Merges what `theirs` changed of `base` into `ours`; `None` where git has to be asked.
pub(super) fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let texts = [base, ours, theirs];
    if texts.into_iter().any(is_binary) {
        return None;
    }
    let texts = texts.map(|text| text.lines_with_terminator().collect::<Vec<_>>());
    let anchors = anchors(&texts)?;
    let changed = changed(&texts, &anchors)?;
    for side in [1, 2] {
        let by_it: Vec<_> = (0..changed.len()).filter(|piece| changed[*piece] == Some(side)).collect();
        let between = by_it.windows(2).map(|ends| (ends[0], ends[1]));
        // What lies between two changes is to be found unchanged where the other side changed it.
        let mut turns = between.filter(|(from, to)| changed[from + 1..*to].iter().any(Option::is_some));
        let found =
            |(from, to): (usize, usize)| !crosses(&texts[0], &texts[side], anchors[from], anchors[to - 1], side);
        if !turns.by_ref().take(TURNS_MAX).all(found) || turns.next().is_some() {
            return None;
        }
    }
    let mut merged = vec![];
    for (piece, side) in changed.into_iter().enumerate() {
        let side = side.unwrap_or(0);
        let (from, to) = ends(&texts, &anchors, piece, side);
        let anchor = anchors.get(piece).map(|places| texts[0][places[0]]);
        merged.extend(texts[side][from..to].iter().copied().chain(anchor).flatten());
    }
    Some(merged)
}

/// Returns where the lines that each text has once stand in each; `None` where their order is not the same.
fn anchors(texts: &[Vec<&[u8]>; 3]) -> Option<Vec<[usize; 3]>> {
    let mut seen: HashMap<&[u8], [(usize, usize); 3]> = HashMap::with_capacity(texts[0].len());
    for (side, lines) in texts.iter().enumerate() {
        for (place, line) in lines.iter().enumerate() {
            let (times, last) = &mut seen.entry(line).or_default()[side];
            (*times, *last) = (*times + 1, place);
        }
    }
    let places = texts[0].iter().map(|line| seen[line]);
    let anchors: Vec<_> = places
        .filter(|places| places.iter().all(|(times, _)| *times == 1))
        .map(|places| places.map(|(_, place)| place))
        .collect();
    anchors.windows(2).all(|two| (0..3).all(|side| two[0][side] < two[1][side])).then_some(anchors)
}

/// Returns where a piece of a text begins, and where it ends, before the anchor that follows it.
fn ends(texts: &[Vec<&[u8]>; 3], anchors: &[[usize; 3]], piece: usize, side: usize) -> (usize, usize) {
    let from = piece.checked_sub(1).map_or(0, |before| anchors[before][side] + 1);
    (from, anchors.get(piece).map_or(texts[side].len(), |places| places[side]))
}

/// Returns the side that changed each piece; `None` where both changed one.
fn changed(texts: &[Vec<&[u8]>; 3], anchors: &[[usize; 3]]) -> Option<Vec<Option<usize>>> {
    let one = |piece| {
        let [base, ours, theirs] = [0, 1, 2].map(|side| {
            let (from, to) = ends(texts, anchors, piece, side);
            &texts[side][from..to]
        });
        match (ours == base, theirs == base) {
            (true, true) => Some(None),
            (false, true) => Some(Some(1)),
            (true, false) => Some(Some(2)),
            (false, false) => None,
        }
    };
    (0..=anchors.len()).map(one).collect()
}

/// Tells whether a run as long as what stands from one anchor to another leads from before that to behind it, or back.
fn crosses(base: &Lines, text: &Lines, first: [usize; 3], last: [usize; 3], side: usize) -> bool {
    let run = RUN_MAX.min(last[0] + 1 - first[0]);
    let shared = |one: &Lines, other: &Lines| {
        let runs: HashSet<&Lines> = one.windows(run).collect();
        other.windows(run).any(|lines| runs.contains(lines))
    };
    shared(&base[..first[0]], &text[last[side] + 1..]) || shared(&base[last[0] + 1..], &text[..first[side]])
}

#[cfg(test)]
mod tests {
    use super::merge;

    /// A text of these words, a line each.
    fn lines(words: &str) -> Vec<u8> {
        words.split(' ').map(|word| word.replace('.', "") + "\n").collect::<String>().into_bytes()
    }

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<Vec<u8>> {
        merge(&lines(base), &lines(ours), &lines(theirs))
    }

    #[test]
    fn changes_with_a_line_of_its_own_between_them_are_merged() {
        assert_eq!(merged("a b c", "A b c", "a b C"), Some(lines("A b C")));
        assert_eq!(merged("a b c d e", "A b c d E", "a b C d e"), Some(lines("A b C d E")), "taking turns");
        assert_eq!(merged("a . b . c", "A . b . c", "a . b . C"), Some(lines("A . b . C")));
        assert_eq!(merge(b"a\nb\nc", b"A\nb\nc", b"a\nb\nc\n"), Some(b"A\nb\nc\n".to_vec()));
    }

    #[test]
    fn what_could_be_told_in_another_way_is_left_to_git() {
        assert_eq!(merged("a b", "A b", "a B"), None, "nothing between");
        assert_eq!(merged("a . . . c", "A . . . c", "a . . . C"), None, "no line of its own");
        assert_eq!(merged("a b c", "A b c b", "a b C"), None, "it is there twice");
        assert_eq!(merged("a b c d", "b a c d", "a b c D"), None, "moved");
        assert_eq!(merged("a b c", "A b c", "A b C"), None, "both changed it");
        // To git `x y` is what stayed, and `u v` what was moved.
        assert_eq!(merged("w u v x y", "x y u v o", "w u x y v x y"), None);
        assert_eq!(merge(b"a\nb\nc\0", b"A\nb\nc\0", b"a\nb\nC\0"), None, "binary");
        assert_eq!(merge(b"a\r\nb\r\nc\r\n", b"A\r\nb\nc\r\n", b"a\r\nb\r\nC\r\n"), None, "another end of line");
    }
}
