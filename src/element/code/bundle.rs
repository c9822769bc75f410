//! One bundle that holds a whole repository, whatever the chain behind it.

use crate::bundle::{Header, write_header_naming};
use crate::error::{AtPath, Result};
use crate::git::{self, ObjectId, RefList, RefName, RefValue, Repository};
use std::io::{self, Write};
use std::path::Path;

/// Writes every reference of `list` that `wanted` passes, with `head` as HEAD, and all they reach.
///
/// The objects come from `repository`, which must hold them.
pub fn write_self_contained(
    repository: &Repository,
    list: &RefList,
    head: Option<ObjectId>,
    wanted: impl Fn(&RefName) -> bool,
    out: &mut dyn Write,
    shown: &Path,
) -> Result<()> {
    let own = RefName::head();
    let head = head.map(|id| (&own, id));
    // A bundle has no symbolic references: one is written as what it leads to, as git itself does.
    let refs = list.refs.iter().filter(|(name, _)| wanted(name));
    let refs = refs.filter_map(|(name, value): (_, &RefValue)| Some((name, value.id()?)));
    let refs = head.into_iter().chain(refs);
    let mut tips: Vec<_> = refs.clone().map(|(_, id)| id).collect();
    tips.sort_unstable();
    tips.dedup();
    let header = Header::new(repository.hash_kind(), vec![], vec![]);
    write_header_naming(&header, &mut { refs }, out).at("write", shown)?;
    git::stream_pack(repository, &tips, |pack| io::copy(pack, out).map(drop).at("write", shown))?;
    out.flush().at("write", shown)
}
