//! What a revert or a reset comes to upon a commit, as far as it can be seen from here: begun upon the commit that is expected
//! to be built upon, while the host is still being asked, and again upon another where it turns out to be another.

use super::in_way::in_way;
use super::local::Local;
use super::plan::{Mode, Worktree};
use super::predict::{self, Prediction, Reverts, Step, parents_kept};
use super::prepare::Wish;
use super::words::{Meant, meant};
use super::{Verb, id_of, message, warn};
use crate::error::{Error, Result};
use crate::git::{Attributes, CommitText, Config, Counting, ObjectId, Repository, Scratch, TreeChange};

/// What is seen so far.
pub(super) struct Foreseen {
    /// The commit that is built upon.
    base: ObjectId,
    /// Its tree.
    pub base_tree: ObjectId,
    /// What the local branch holds.
    head: Option<ObjectId>,
    /// What the words mean.
    pub meant: Meant,
    /// The commits that are meant.
    pub texts: Vec<CommitText>,
    /// What comes of them.
    course: Course,
    /// Of a revert, those of the commits that are not in the history of what is built upon.
    pub strangers: Vec<ObjectId>,
    /// What is expected to change, where one commit is what it is about.
    expected: Option<Expected>,
    /// What of the person's work would be in the way of that; `None` where the local branch is not what is built upon.
    pub in_way: Option<Result<Worktree>>,
}

/// How far it is.
enum Course {
    /// The reverts have begun.
    Begun(Reverts),
    /// This is what they come to.
    Predicted(Prediction),
    /// It has come to this.
    Ended(Outcome),
}

/// What it comes to.
pub(super) struct Outcome {
    /// The commits, or where changes collide.
    pub prediction: Prediction,
    /// What changes of what is built upon.
    pub changes: Vec<TreeChange>,
    /// The lines that come and go.
    pub lines: [usize; 2],
    /// Whether the files that change are those that were expected.
    pub came_true: bool,
}

impl Foreseen {
    /// Looks at what is meant and begins it upon `base`: git merges and counts, where it has to, while we look at everything
    /// else.
    pub fn upon(
        repository: &Repository,
        scratch: &Scratch,
        wish: &Wish,
        local: &Local,
        base: ObjectId,
    ) -> Result<Self> {
        let meant = meant(repository, scratch, &wish.words)?;
        let config = repository.config();
        let encoding = config.get("i18n", "commitEncoding").unwrap_or_else(|| "UTF-8".into());
        let texts = scratch.commit_texts(&meant.commits, &encoding)?;
        let base_tree = scratch.tree_of(&base)?;
        let checkout = local.checkout.as_ref().filter(|_| local.head == Some(base));
        let (course, expected) = if wish.verb != Verb::Revert {
            let [target] = texts.as_slice() else { return Err(Error::usage("name one commit to go back to")) };
            let overwrites = wish.mode == Some(Mode::OverwriteHistory);
            let prediction = going_back(target, base_tree, overwrites);
            (Course::Predicted(prediction), Some(Expected::of(scratch, &base_tree, &target.tree, &base_tree)?))
        } else if let Some(made) = &wish.resolved {
            let tree = scratch.tree_of(&id_of(made)?)?;
            (Course::Predicted(Prediction { tree: Some(tree), ..Prediction::default() }), None)
        } else {
            // Where git itself would merge, attributes are read from the files; elsewhere from what is built upon.
            let attributes =
                checkout.map_or(Attributes::Commit(base), |checkout| Attributes::WorkTree(checkout.work_tree.clone()));
            let texts = texts.clone();
            let (begun, expected) =
                begin_reverts(repository, scratch, &config, wish.mainline, attributes, texts, base_tree)?;
            (Course::Begun(begun.ok_or_else(|| Error::usage("name a commit"))?), expected)
        };
        let strangers = match wish.verb {
            Verb::Revert => warn::strangers(scratch, &base, &meant.commits)?,
            _ => vec![],
        };
        let in_way =
            checkout.zip(expected.as_ref()).map(|(checkout, expected)| in_way(scratch, checkout, &expected.changes));
        Ok(Self { base, head: local.head, base_tree, meant, texts, course, strangers, expected, in_way })
    }

    /// Returns the same, seen to its end.
    pub fn ended(mut self, scratch: &Scratch) -> Result<Self> {
        self.course = Course::Ended(self.end(scratch)?);
        Ok(self)
    }

    /// Returns what it comes to; there is nothing more to know then.
    pub fn end(&mut self, scratch: &Scratch) -> Result<Outcome> {
        let prediction = match std::mem::replace(&mut self.course, Course::Predicted(Prediction::default())) {
            Course::Begun(begun) => predict::end(scratch, begun)?,
            Course::Predicted(prediction) => prediction,
            Course::Ended(outcome) => return Ok(outcome),
        };
        let (changes, lines, came_true) = match prediction.tree {
            Some(tree) if tree != self.base_tree => became(scratch, self.expected.take(), &self.base_tree, &tree)?,
            _ => (vec![], [0, 0], false),
        };
        Ok(Outcome { prediction, changes, lines, came_true })
    }

    /// Tells whether this is what is built upon, and what is here.
    pub fn holds_for(&self, local: &Local, base: &ObjectId) -> bool {
        self.base == *base && self.head == local.head
    }
}

/// Begins the reverts; where there is one only, also what it is expected to change: what its commit changed, taken back.
fn begin_reverts(
    repository: &Repository,
    scratch: &Scratch,
    config: &Config,
    mainline: Option<u32>,
    attributes: Attributes,
    texts: Vec<CommitText>,
    onto: ObjectId,
) -> Result<(Option<Reverts>, Option<Expected>)> {
    for commit in &texts {
        if repository.is_cut_at(&commit.id) {
            return Err(Error::refused(
                "shallow",
                format!("the parent of {} is not in this shallow clone, so what it changed cannot be seen", commit.id),
            )
            .hint("fetch the rest first: git fetch --unshallow"));
        }
    }
    let name = |id: &ObjectId| format!("{} {}", &id.to_string()[..10], repository.subject(id));
    let parents = parents_kept(&texts, mainline, name)?;
    let commits: Vec<_> = texts.into_iter().zip(parents).collect();
    let only = match commits.as_slice() {
        [(commit, parent)] => Some((commit.tree, *parent)),
        _ => None,
    };
    let begun = predict::begin(scratch, config, commits, onto, attributes)?;
    let Some((tree, parent)) = only else { return Ok((begun, None)) };
    let back = parent.map_or_else(|| Ok(ObjectId::empty_tree(tree.kind())), |parent| scratch.tree_of(&parent))?;
    Ok((begun, Some(Expected::of(scratch, &tree, &back, &onto)?)))
}

/// What is expected to change upon a tree, whose lines are counted meanwhile. It mostly comes true; where it does not, it costs
/// no more than the time it took.
struct Expected {
    changes: Vec<TreeChange>,
    counting: Counting,
}

impl Expected {
    /// Expects that what leads from one tree to another is done upon a third.
    fn of(scratch: &Scratch, from: &ObjectId, to: &ObjectId, upon: &ObjectId) -> Result<Self> {
        let mut changes = scratch.changed(from, to)?;
        let counting = scratch.begin_count([from, to], &changes)?;
        if from != upon {
            scratch.place_upon(upon, &mut changes);
        }
        Ok(Self { changes, counting })
    }

    /// Tells whether these changes move the files that were expected, whatever they hold then.
    fn moves_the_same(&self, changes: &[TreeChange]) -> bool {
        let comes = |change: &TreeChange| change.new.map(|(mode, _)| mode == 0o160_000);
        let same = |(one, other): (&TreeChange, &TreeChange)| {
            one.path == other.path && one.old == other.old && comes(one) == comes(other)
        };
        self.changes.len() == changes.len() && self.changes.iter().zip(changes).all(same)
    }
}

/// What a reset comes to.
fn going_back(target: &CommitText, base_tree: ObjectId, overwrites: bool) -> Prediction {
    let step = Step { tree: target.tree, message: message::of_reset(target) };
    let steps = if overwrites || target.tree == base_tree { vec![] } else { vec![step] };
    Prediction { steps, skipped: vec![], tree: Some(target.tree), conflicts: vec![] }
}

/// Returns what changes from one tree to the other, the lines that come and go, and whether the files are those expected.
fn became(
    scratch: &Scratch,
    expected: Option<Expected>,
    from: &ObjectId,
    to: &ObjectId,
) -> Result<(Vec<TreeChange>, [usize; 2], bool)> {
    let changes = scratch.changed(from, to)?;
    let came_true = expected.as_ref().is_some_and(|expected| expected.moves_the_same(&changes));
    if let Some(expected) = expected.filter(|expected| expected.changes == changes) {
        return Ok((changes, expected.counting.end()?, came_true));
    }
    let lines = scratch.begin_count([from, to], &changes)?.end()?;
    Ok((changes, lines, came_true))
}
