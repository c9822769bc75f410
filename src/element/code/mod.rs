//! The element `code`: the repository's objects in a chain of segments, each a bundle.
//!
//! The chain keeps one invariant: every object that an object in a segment refers to is in that segment or in an
//! earlier one of its chain. It is checked object by object when a segment is read back, against the indexes of the
//! segments before it, so that proving a small snapshot takes a small time however long the history behind it is.

mod base;
mod bundle;
mod chain;
mod load;
mod proof;
mod segment;

pub use bundle::write_self_contained;
pub use chain::{Chain, kept_length};
pub use load::{load_objects, load_segment};
pub use proof::{Examiner, Proof, Proven};
pub use segment::{Append, Appended, Segment, append};
