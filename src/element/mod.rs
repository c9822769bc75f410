//! The parts a backup is made of, each archived and loaded in its own way.

pub mod code;
pub mod uncommitted;
