//! Keeping what a push is about to drop, before it is accepted.

use super::{BANS, PENDING, RESCUES, Record, push};
use crate::clock;
use crate::durable::{self, random_name};
use crate::error::{Error, Result};
use crate::git::{ObjectId, Repository};
use crate::guard::{Change, Wanted, staying};
use crate::site::Site;
use jiff::Timestamp;

/// Up to how many rescues are counted, and synced, one by one.
const ONE_BY_ONE_MAX: usize = 20;

/// Who drops it, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why<'a> {
    /// Who pushes, and how that is known.
    pub by: String,
    /// What they say.
    pub reason: Option<String>,
    /// The places of the movements that were announced where that was demanded: what those drop is not to come back.
    pub meant: &'a [usize],
}

/// Keeps what the movements drop, durably, and returns the records. Whether the references move is not known yet.
///
/// Only what the references hold now is kept: it lies in the repository itself, not in the quarantine of the push, and
/// so does the record.
pub fn keep(repository: &Repository, site: &Site, wanted: &[Wanted], why: &Why<'_>) -> Result<Vec<Record>> {
    let dropping: Vec<(usize, ObjectId)> = wanted
        .iter()
        .enumerate()
        .filter(|(_, one)| one.change.drops())
        .filter_map(|(n, one)| Some((n, one.old?)))
        .collect();
    if dropping.is_empty() {
        return Ok(vec![]);
    }
    let counts = counts(repository, wanted, &dropping)?;
    let (now, push) = (Timestamp::now(), push::own_push());
    // Counted on from a random number: those of one push differ whatever their number, those of two almost surely.
    let (name, word) = (clock::name(now), usize::from_str_radix(&random_name()[..4], 16).unwrap_or(0));
    let mut records = Vec::new();
    for ((place, old), dropped) in dropping.into_iter().zip(counts) {
        let one = &wanted[place];
        let roots = if is_banned(site, one, why.meant.contains(&place)) {
            repository.graph(&[old], &staying(repository, wanted)?)?.roots()
        } else {
            vec![]
        };
        records.push(Record {
            id: format!("{name}{:04x}", records.len() + word),
            name: one.name.clone(),
            old,
            new: one.new,
            dropped,
            by: why.by.clone(),
            reason: why.reason.clone(),
            at: clock::whole_seconds(now),
            push: push.clone(),
            roots,
        });
    }
    write(repository, site, &records)?;
    Ok(records)
}

/// An environment that only takes deployments goes back and forth as it must.
fn is_banned(site: &Site, one: &Wanted, meant: bool) -> bool {
    let deploys = site.of_branch(&one.name).is_some_and(|environment| site.deploys(environment));
    meant && !deploys && one.name.is_below("refs/heads/")
}

fn counts(repository: &Repository, wanted: &[Wanted], dropping: &[(usize, ObjectId)]) -> Result<Vec<usize>> {
    if dropping.len() > ONE_BY_ONE_MAX {
        let old: Vec<ObjectId> = dropping.iter().map(|(_, old)| *old).collect();
        let tips: Vec<ObjectId> = old.iter().map(|old| repository.peel_to_commit(old).unwrap_or(*old)).collect();
        return Ok(repository.graph(&old, &staying(repository, wanted)?)?.counts(&tips));
    }
    let one = |(place, old): &(usize, ObjectId)| {
        let kept = match wanted[*place].change {
            Change::Delete => staying(repository, wanted)?,
            _ => wanted[*place].new.into_iter().collect(),
        };
        Ok(repository.graph(&[*old], &kept)?.len())
    };
    dropping.iter().map(one).collect()
}

fn write(repository: &Repository, site: &Site, records: &[Record]) -> Result<()> {
    let object = |record: &Record| {
        let kind = repository.kind_of(&record.old).ok_or_else(|| {
            Error::failed("object-missing", format!("what {} holds cannot be read: {}", record.name, record.old))
                .hint("see what the repository lacks: git fsck --full")
        })?;
        Ok(record.to_object(kind, &site.name))
    };
    let objects = records.iter().map(object).collect::<Result<Vec<_>>>()?;
    let few = records.len() <= ONE_BY_ONE_MAX;
    let tags = if few {
        objects.iter().map(|object| repository.write_object("tag", object)).collect::<Result<Vec<_>>>()?
    } else {
        repository.write_objects_quickly("tag", &objects)?
    };
    let mut instructions = String::new();
    for (Record { id, roots, .. }, tag) in records.iter().zip(tags) {
        instructions.push_str(&format!("create {RESCUES}{id} {tag}\ncreate {PENDING}{id} {tag}\n"));
        instructions.extend(roots.iter().map(|root| format!("create {BANS}{id}/{root} {tag}\n")));
    }
    if few {
        return repository.update_refs("cairn: rescue", instructions.as_bytes());
    }
    repository.update_refs_quickly(instructions.as_bytes())?;
    durable::sync_file_systems(&[repository.git_dir(), &repository.objects_dir()])
}
