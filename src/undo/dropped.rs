//! What the host dropped on purpose of what is here: its guard names it when it is asked what it would say of a push.

use super::verdict::document;
use crate::deployment::Host;
use crate::error::Result;
use crate::git::{Lease, ObjectId, RefName, Repository, Scratch};

/// Returns the last commits of what the host dropped on purpose that `head` has; none where the host is not asked, because it
/// tells of no site, or where it says nothing of the kind.
pub(super) fn dropped(
    repository: &Repository,
    scratch: &Scratch,
    host: &Host,
    reference: &RefName,
    head: &ObjectId,
) -> Result<Vec<ObjectId>> {
    let Some(beside) = RefName::new([reference.as_bytes(), b"/cairn.check"].concat()).filter(|_| host.speaks) else {
        return Ok(vec![]);
    };
    let expect = host.advertised.refs.get(reference).copied();
    let lease = Lease { name: reference.clone(), expect, target: *head, is_there: false };
    let said = host.remote.check(scratch.git()?, &lease, &beside, &["cairn.check".into()])?;
    let answer = document(&said).unwrap_or_default();
    let listed = |value: &serde_json::Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let refs = listed(&answer, "refs");
    let rescues = refs.iter().flat_map(|one| listed(one, "dropped"));
    let tips = rescues.flat_map(|one| listed(&one, "tips"));
    let ids = tips.filter_map(|tip| ObjectId::from_hex(tip.as_str()?.as_bytes()).ok());
    Ok(ids.filter(|id| repository.contains(id)).collect())
}
