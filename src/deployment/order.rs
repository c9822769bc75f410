//! In which order a branch moved, told from what pushes noted before they moved it.
//!
//! Every push notes the movement it is about to make and what it saw the branch hold at that moment. Hooks run after
//! the movement in any order, or die. A branch moves only from the value it holds, so the notes chain up: from the last
//! settled value to each value that was seen later, through the movements that must have happened in between.

use crate::git::ObjectId;
use crate::queue::Movement;

/// Up to what the order is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// This movement happened: its own hook says so.
    Landed(i64),
    /// The branch holds this.
    Tip(Option<ObjectId>),
}

/// How many values a search may pass before it gives up, so that no history makes it slow.
const STEPS_MAX: usize = 10_000;

/// Returns the rows of the movements that happened since the branch held `last`, in order, up to the goal.
///
/// `pending` is every movement noted and not settled, oldest first; `settled` the youngest row that is. What a push saw
/// that was noted before that one is older than `last`, and tells nothing more.
pub fn happened(last: Option<ObjectId>, settled: i64, pending: &[Movement], goal: Goal) -> Vec<i64> {
    let mut walk = Walk { current: last, pending, used: vec![false; pending.len()], order: vec![] };
    for observation in pending.iter().filter(|movement| movement.id > settled) {
        walk.advance_to(observation.seen, observation.id);
        if let Goal::Landed(id) = goal
            && walk.order.contains(&id)
        {
            return walk.up_to(id);
        }
    }
    match goal {
        Goal::Tip(tip) => walk.advance_to(tip, i64::MAX),
        Goal::Landed(id) => {
            if let Some(position) = pending.iter().position(|movement| movement.id == id) {
                walk.advance_to(pending[position].old, i64::MAX);
                if !walk.used[position] {
                    walk.take(position);
                }
                return walk.up_to(id);
            }
        }
    }
    walk.order
}

/// Tells whether movements that were noted lead from `last` to `value`, or it is that already.
pub fn leads_to(last: Option<ObjectId>, pending: &[Movement], value: Option<ObjectId>) -> bool {
    let walk = Walk { current: last, pending, used: vec![false; pending.len()], order: vec![] };
    last == value || walk.search(last, value, i64::MAX, &mut vec![], &mut 0)
}

struct Walk<'a> {
    current: Option<ObjectId>,
    pending: &'a [Movement],
    used: Vec<bool>,
    order: Vec<i64>,
}

impl Walk<'_> {
    /// Takes the movements that lead from the present value to `value`; where none do, the branch was moved by other means.
    fn advance_to(&mut self, value: Option<ObjectId>, before: i64) {
        if value == self.current {
            return;
        }
        let mut path = Vec::new();
        let mut steps = 0;
        if self.search(self.current, value, before, &mut path, &mut steps) {
            for position in path {
                self.take(position);
            }
        }
        self.current = value;
    }

    fn take(&mut self, position: usize) {
        self.used[position] = true;
        self.current = self.pending[position].new;
        self.order.push(self.pending[position].id);
    }

    /// Looks for a chain of unused movements noted before `before`, preferring the youngest: an older one with the same
    /// effect that has not been settled by now has most likely failed.
    fn search(
        &self,
        from: Option<ObjectId>,
        to: Option<ObjectId>,
        before: i64,
        path: &mut Vec<usize>,
        steps: &mut usize,
    ) -> bool {
        if from == to && !path.is_empty() {
            return true;
        }
        *steps += 1;
        if *steps > STEPS_MAX {
            return false;
        }
        for (position, movement) in self.pending.iter().enumerate().rev() {
            let fits =
                movement.old == from && movement.id < before && !self.used[position] && !path.contains(&position);
            if fits {
                path.push(position);
                if movement.new == to || self.search(movement.new, to, before, path, steps) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    fn up_to(mut self, id: i64) -> Vec<i64> {
        let end = self.order.iter().position(|one| *one == id).map_or(self.order.len(), |position| position + 1);
        self.order.truncate(end);
        self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::MovementState;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn value(n: u8) -> Option<ObjectId> {
        (n > 0).then(|| ObjectId::from_bytes_or_panic(&[n; 20]))
    }

    fn movement(id: i64, old: u8, new: u8, seen: u8) -> Movement {
        Movement {
            id,
            token: String::new(),
            environment: "live".into(),
            old: value(old),
            new: value(new),
            seen: value(seen),
            pusher: String::new(),
            note: None,
            at: Timestamp::UNIX_EPOCH,
            state: MovementState::Pending,
            confirmed: false,
            tag: None,
        }
    }

    #[test]
    fn a_slow_hook_is_overtaken_and_its_movement_comes_first() {
        let pending = [movement(1, 1, 2, 1), movement(2, 2, 3, 2)];
        assert_eq!(happened(value(1), 0, &pending, Goal::Landed(2)), [1, 2]);
        assert_eq!(happened(value(1), 0, &pending, Goal::Landed(1)), [1]);
    }

    #[test]
    fn a_push_that_was_refused_later_is_no_deployment() {
        let pending = [movement(1, 1, 2, 1), movement(2, 1, 3, 1)];
        assert_eq!(happened(value(1), 0, &pending, Goal::Landed(2)), [2]);
        assert_eq!(happened(value(1), 0, &pending, Goal::Tip(value(1))), [] as [i64; 0]);
    }

    #[test]
    fn there_and_back_between_two_hooks_counts_as_it_happened() {
        let pending = [movement(1, 1, 2, 1), movement(2, 2, 1, 2), movement(3, 1, 2, 1)];
        assert_eq!(happened(value(1), 0, &pending, Goal::Landed(3)), [1, 2, 3]);
    }

    #[test]
    fn a_branch_moved_by_other_means_does_not_stop_the_count() {
        let pending = [movement(1, 7, 8, 7)];
        assert_eq!(happened(value(1), 0, &pending, Goal::Landed(1)), [1]);
    }

    #[test]
    fn creation_and_deletion_are_movements() {
        let pending = [movement(1, 0, 1, 0), movement(2, 1, 0, 1), movement(3, 0, 2, 0)];
        assert_eq!(happened(None, 0, &pending, Goal::Landed(3)), [1, 2, 3]);
    }

    /// One push of the simulation: what it wants, whether git refuses it after it was judged, and how long its hook takes.
    #[derive(Debug, Clone)]
    struct Push {
        new: u8,
        fails: bool,
        hook_after: usize,
    }

    fn pushes() -> impl Strategy<Value = Vec<Push>> {
        let push = (1u8..5, prop::bool::weighted(0.2), 0usize..6);
        prop::collection::vec(push.prop_map(|(new, fails, hook_after)| Push { new, fails, hook_after }), 1..25)
    }

    proptest! {
        /// Pushes are judged and land one after the other; their hooks come later in any order, or never. Whoever comes
        /// settles what happened before it, and the whole comes out in the order it happened.
        #[test]
        fn the_order_is_the_one_in_which_the_branch_moved(pushes in pushes()) {
            let youngest = |settled: &[i64]| settled.iter().copied().max().unwrap_or(0);
            let mut tip = 0u8;
            let mut last = None;
            let mut pending: Vec<Movement> = vec![];
            let mut truth: Vec<i64> = vec![];
            let mut settled: Vec<i64> = vec![];
            let mut waiting: Vec<(usize, i64)> = vec![];
            for (now, push) in pushes.iter().enumerate() {
                if push.new == tip { continue; }
                let id = i64::try_from(now).unwrap() + 1;
                pending.push(movement(id, tip, push.new, tip));
                if !push.fails {
                    tip = push.new;
                    truth.push(id);
                    // A hook that takes 5 never comes.
                    if push.hook_after < 5 { waiting.push((now + push.hook_after, id)); }
                }
                let due: Vec<i64> = waiting.iter().filter(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
                waiting.retain(|(at, _)| *at > now);
                for id in due.into_iter().rev() {
                    if settled.contains(&id) { continue; }
                    let order = happened(last, youngest(&settled), &pending, Goal::Landed(id));
                    last = order.last().and_then(|id| pending.iter().find(|m| m.id == *id)).map_or(last, |m| m.new);
                    pending.retain(|m| !order.contains(&m.id));
                    settled.extend(order);
                }
            }
            let order = happened(last, youngest(&settled), &pending, Goal::Tip(value(tip)));
            settled.extend(order);
            // Two movements with the same effect, one of which failed and one whose hook died, cannot be told apart;
            // in effect the order must be the same.
            let effect = |ids: &[i64]| ids.iter().map(|id| pushes[usize::try_from(*id).unwrap() - 1].new).collect::<Vec<_>>();
            prop_assert_eq!(effect(&settled), effect(&truth));
        }
    }
}
