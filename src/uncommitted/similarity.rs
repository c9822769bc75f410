//! How much of one content is in another, counted as git counts it (diffcore-delta.c), so that a rename here is one there.

/// The score of two equal contents.
pub const SCORE_MAX: u64 = 60_000;
/// The least score of a rename: half.
pub const SCORE_MIN: u64 = SCORE_MAX / 2;
/// Longer lines are cut there.
const SPAN_MAX: u32 = 64;
/// Spans are told apart by a number below this.
const HASH_BASE: u32 = 107_927;

/// The spans of a content: each one's hash with how many bytes it makes up in all, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(Vec<(u32, u64)>);

impl Spans {
    /// Counts the spans of a content; of text, line ends are all alike. What attributes say of it goes before how it looks
    /// (gitattributes(5), `diff`).
    pub fn of(content: &[u8], shown_as_text: Option<bool>) -> Self {
        let is_text = shown_as_text.unwrap_or_else(|| !super::content::looks_binary(content));
        let mut counted = vec![];
        let (mut first, mut second, mut length) = (0_u32, 0_u32, 0_u32);
        for (position, byte) in content.iter().copied().enumerate() {
            if is_text && byte == b'\r' && content.get(position + 1) == Some(&b'\n') {
                continue;
            }
            let old = first;
            first = (first << 7) ^ (second >> 25);
            second = (second << 7) ^ (old >> 25);
            first = first.wrapping_add(u32::from(byte));
            length += 1;
            if length < SPAN_MAX && byte != b'\n' {
                continue;
            }
            counted.push((hash(first, second), u64::from(length)));
            (first, second, length) = (0, 0, 0);
        }
        if length > 0 {
            counted.push((hash(first, second), u64::from(length)));
        }
        counted.sort_unstable_by_key(|(hash, _)| *hash);
        counted.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        Self(counted)
    }

    /// Returns how many bytes of `self` are in `other` too.
    fn copied(&self, other: &Self) -> u64 {
        let (mut own, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut copied = 0;
        while let (Some(one), Some(two)) = (own.peek(), others.peek()) {
            match one.0.cmp(&two.0) {
                std::cmp::Ordering::Less => drop(own.next()),
                std::cmp::Ordering::Greater => drop(others.next()),
                std::cmp::Ordering::Equal => {
                    copied += one.1.min(two.1);
                    own.next();
                    others.next();
                }
            }
        }
        copied
    }
}

fn hash(first: u32, second: u32) -> u32 {
    first.wrapping_add(second.wrapping_mul(0x61)) % HASH_BASE
}

/// Tells whether contents of these sizes may be similar at all.
pub fn may_be(old: u64, new: u64) -> bool {
    let (larger, smaller) = (old.max(new), old.min(new));
    larger.saturating_mul(SCORE_MAX - SCORE_MIN) >= (larger - smaller).saturating_mul(SCORE_MAX) && larger > 0
}

/// Returns how similar two contents of these sizes and spans are.
pub fn score(old: (u64, &Spans), new: (u64, &Spans)) -> u64 {
    let larger = old.0.max(new.0);
    if new.0 == 0 || larger == 0 { 0 } else { old.1.copied(new.1) * SCORE_MAX / larger }
}
