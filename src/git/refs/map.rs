//! References by name, close together: a repository may have many thousands.

use super::RefValue;
use crate::git::{ObjectId, RefName};

/// References in the order of their names, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs(Vec<(RefName, RefValue)>);

impl Refs {
    /// Puts them in order; `None` where a name is there twice.
    pub fn of(mut refs: Vec<(RefName, RefValue)>) -> Option<Self> {
        if !refs.is_sorted_by(|(one, _), (next, _)| one < next) {
            refs.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            if refs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return None;
            }
        }
        Some(Self(refs))
    }

    /// Gives them back.
    pub fn into_vec(self) -> Vec<(RefName, RefValue)> {
        self.0
    }

    /// Returns what a reference holds.
    pub fn get(&self, name: &RefName) -> Option<&RefValue> {
        self.0.binary_search_by(|(one, _)| one.cmp(name)).ok().map(|position| &self.0[position].1)
    }

    /// Tells whether there is one of this name.
    pub fn contains_key(&self, name: &RefName) -> bool {
        self.get(name).is_some()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&RefName, &RefValue)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Returns their names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &RefName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Returns what they hold, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &RefValue> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Sets for each symbolic one what `follow` says of the name it points to.
    pub(super) fn set_followed(&mut self, follow: impl Fn(&Self, &RefName) -> Option<ObjectId>) {
        let led = self.0.iter().enumerate().filter_map(|(position, (_, value))| match value {
            RefValue::Direct(_) => None,
            RefValue::Symbolic(target, _) => Some((position, follow(self, target))),
        });
        for (position, to) in led.collect::<Vec<_>>() {
            if let RefValue::Symbolic(_, id) = &mut self.0[position].1 {
                *id = to.map(Box::new);
            }
        }
    }
}
