//! The segments that together hold a repository's objects, oldest first.

use super::{Proof, Segment};
use crate::bundle;
use crate::error::Result;
use crate::git::{HashKind, Membership, ObjectId, PackIndex};
use crate::store::{Key, Store};
use std::collections::BTreeSet;
use std::io::BufReader;

/// The most segments a restore has to read.
const SEGMENTS_MAX: usize = 8;
/// A segment stays while it is at least this many times as large as all that came after it.
const GROWTH: u64 = 3;

/// Returns how many of a chain's segments the next one builds upon; the others are folded into it.
///
/// `sizes` are their bytes, oldest first. Small segments are folded together as they gather, so that a chain grows
/// with the logarithm of its bytes and each byte is written again only a few times.
pub fn kept_length(sizes: &[u64]) -> usize {
    let mut kept = sizes.len();
    let mut after: u64 = 0;
    if kept < SEGMENTS_MAX {
        return kept;
    }
    while kept > 0 && (kept >= SEGMENTS_MAX - 1 || sizes[kept - 1] < after.saturating_mul(GROWTH)) {
        after = after.saturating_add(sizes[kept - 1]);
        kept -= 1;
    }
    kept
}

/// Segments with what is needed to ask for their objects.
pub struct Chain {
    /// The segments, oldest first.
    pub segments: Vec<Segment>,
    /// Their indexes, in the same order.
    pub indexes: Vec<PackIndex>,
}

impl Chain {
    /// Returns a chain of nothing.
    pub fn empty() -> Self {
        Self { segments: vec![], indexes: vec![] }
    }

    /// Opens segments that were proven, reading their indexes; `None` where a proof or an index is missing or damaged,
    /// for then the next segment must not build upon them.
    pub fn open(store: &dyn Store, site: &str, segments: &[Segment], kind: HashKind) -> Result<Option<Self>> {
        let mut indexes = Vec::with_capacity(segments.len());
        for segment in segments {
            let Some(proof) = Proof::of(store, site, segment)? else { return Ok(None) };
            if store.size(&segment.key(site)?)? != Some(segment.bytes) {
                return Ok(None);
            }
            match proof.read_index(store, site, kind) {
                Ok(index) => indexes.push(index),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(Self { segments: segments.to_vec(), indexes }))
    }

    /// Returns the chain of the oldest `length` segments.
    #[must_use]
    pub fn prefix(&self, length: usize) -> Self {
        Self { segments: self.segments[..length].to_vec(), indexes: self.indexes[..length].to_vec() }
    }

    /// Tells whether one of the segments holds the object.
    pub fn holds(&self, id: &ObjectId) -> bool {
        self.indexes.as_slice().holds(id)
    }

    /// Returns what the segments name as their tips: all they hold is reachable from these.
    pub fn tips(&self, store: &dyn Store, site: &str) -> Result<Vec<ObjectId>> {
        let mut tips = BTreeSet::new();
        for segment in &self.segments {
            let key: Key = segment.key(site)?;
            let header = bundle::read_header(&mut BufReader::new(store.open(&key)?))?;
            tips.extend(header.refs.into_iter().map(|(_, id)| id));
        }
        Ok(tips.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_large_base_is_not_written_again_for_small_pushes() {
        let mut sizes = vec![1_000_000_000u64];
        let mut written = 0;
        for _ in 0..1_000 {
            let kept = kept_length(&sizes);
            let folded: u64 = sizes[kept..].iter().sum();
            assert!(kept > 0, "the base stays");
            sizes.truncate(kept);
            sizes.push(folded + 1_000);
            written += folded + 1_000;
        }
        assert!(written < 200 * 1_000 * 1_000, "each byte is written again a few times only: {written}");
    }

    proptest! {
        #[test]
        fn a_chain_never_needs_more_than_its_bound(pushes in prop::collection::vec(1u64..1_000_000, 1..300)) {
            let mut sizes: Vec<u64> = vec![];
            for size in pushes {
                let kept = kept_length(&sizes);
                prop_assert!(kept <= sizes.len());
                let folded: u64 = sizes[kept..].iter().sum();
                sizes.truncate(kept);
                sizes.push(folded + size);
                prop_assert!(sizes.len() <= SEGMENTS_MAX);
            }
        }
    }
}
