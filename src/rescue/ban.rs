//! What was dropped on purpose, so that it comes back only on purpose.

use super::list::ids_below;
use super::{BANS, PENDING, RESCUES, Record};
use crate::error::Result;
use crate::git::{ObjectId, RefName, Repository};
use crate::guard::{Announcement, Banned, Wanted, Words};
use std::collections::HashSet;

/// Lists the bans that are in force: those whose reference is known to have moved.
pub fn bans(repository: &Repository) -> Result<Vec<Banned>> {
    let found = ids_below(repository, BANS)?;
    if found.is_empty() {
        return Ok(vec![]);
    }
    let pending: HashSet<String> = ids_below(repository, PENDING)?.into_iter().map(|(id, _)| id).collect();
    let ban = |name: &str| {
        let (rescue, root) = name.split_once('/')?;
        Some(Banned { rescue: rescue.into(), root: ObjectId::from_hex(root.as_bytes()).ok()?, tip: None })
    };
    let bans = found.iter().filter_map(|(name, _)| ban(name));
    Ok(bans.filter(|ban| !pending.contains(&ban.rescue)).collect())
}

/// Looks up the last of what was dropped, for all that a push would bring back.
pub fn name_tips(repository: &Repository, wanted: &mut [Wanted]) -> Result<()> {
    for ban in wanted.iter_mut().flat_map(|one| &mut one.brings_back) {
        ban.tip = record(repository, &ban.rescue)?.map(|record| record.old);
    }
    Ok(())
}

/// Returns the rescues that a push undoes: it announces exactly the way back to what the reference held.
pub fn undone(repository: &Repository, words: &Words, banned: &[Banned]) -> Result<Vec<String>> {
    let mut undone = Vec::new();
    if words.announcements.is_empty() {
        return Ok(undone);
    }
    for ban in banned {
        let Some(record) = record(repository, &ban.rescue)? else { continue };
        let back = |one: &Announcement| one.name == record.name && one.new == Some(record.old);
        if !undone.contains(&ban.rescue) && words.announcements.iter().any(back) {
            undone.push(ban.rescue.clone());
        }
    }
    Ok(undone)
}

/// Lifts the bans that a push named which has landed, or that it undid.
pub fn lift(repository: &Repository, words: &Words) -> Result<()> {
    if words.reintroduced.is_empty() && words.announcements.is_empty() {
        return Ok(());
    }
    let banned = bans(repository)?;
    let undone = undone(repository, words, &banned)?;
    let lifted = |ban: &&Banned| {
        let root = ban.root.to_string();
        undone.contains(&ban.rescue) || words.reintroduced.iter().any(|word| *word == ban.rescue || *word == root)
    };
    let delete = |ban: &Banned| format!("delete {BANS}{}/{}\n", ban.rescue, ban.root);
    let instructions: String = banned.iter().filter(lifted).map(delete).collect();
    if instructions.is_empty() {
        Ok(())
    } else {
        repository.update_refs("cairn: reintroduced", instructions.as_bytes())
    }
}

fn record(repository: &Repository, id: &str) -> Result<Option<Record>> {
    let Some(name) = RefName::new(format!("{RESCUES}{id}")) else { return Ok(None) };
    let tag = repository.ref_id(&name)?;
    Ok(tag.and_then(|tag| Record::parse(id, &repository.tag_object(&tag)?)))
}
