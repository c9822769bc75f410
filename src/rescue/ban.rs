//! What was dropped on purpose, so that it comes back only on purpose.

use super::list::ids_below;
use super::{BANS, PENDING, RESCUES, Record};
use crate::error::Result;
use crate::git::{ObjectId, RefName, Repository};
use crate::guard::{Announcement, Banned, TIPS_MAX, Wanted, Words};
use std::collections::HashSet;

/// Of how many of the things that a push brings back the last is looked up.
const NAMED_MAX: usize = 20;

/// Lists the bans that are in force: those whose reference is known to have moved.
pub fn bans(repository: &Repository) -> Result<Vec<Banned>> {
    let found = ids_below(repository, BANS)?;
    if found.is_empty() {
        return Ok(vec![]);
    }
    let pending: HashSet<String> = ids_below(repository, PENDING)?.into_iter().map(|(id, _)| id).collect();
    let ban = |name: &str| {
        let (rescue, root) = name.split_once('/')?;
        Some(Banned {
            rescue: rescue.into(),
            root: ObjectId::from_hex(root.as_bytes()).ok()?,
            from: None,
            tips: vec![],
        })
    };
    let bans = found.iter().filter_map(|(name, _)| ban(name));
    Ok(bans.filter(|ban| !pending.contains(&ban.rescue)).collect())
}

/// Looks up what the push has of everything that it would bring back: the last commits that are its own as well as what was
/// dropped, so that whoever pushes has them.
pub fn name_tips(repository: &Repository, wanted: &mut [Wanted]) -> Result<()> {
    let mut named = 0;
    for one in wanted {
        let Some(new) = one.new else { continue };
        for ban in &mut one.brings_back {
            let Some(record) = record(repository, &ban.rescue)? else { continue };
            // Each costs a process; whoever brings back more is told the rest when these are carried over.
            if named < NAMED_MAX {
                ban.tips = repository.last_in_common(&new, &record.old)?;
                ban.tips.truncate(TIPS_MAX);
                named += 1;
            }
            ban.from = Some(record.name);
        }
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
