//! What would be destroyed, and what is in the way of it.

use crate::backup::{BackupId, Catalog, host_store};
use crate::clock;
use crate::element::code::{Chain, Examiner};
use crate::error::{Error, Result};
use crate::git::{ObjectId, RefName, Repository};
use crate::queue::State;
use crate::rescue::BANS;
use crate::site::Site;
use bstr::ByteSlice;

/// What was dropped and is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// What its reference held.
    pub old: ObjectId,
    /// What that was moved to; `None`: it was deleted.
    pub new: Option<ObjectId>,
    /// How many commits left it.
    pub dropped: usize,
    /// The references that are there for nothing else, and go with it: patterns of git.
    pub own: Vec<String>,
}

/// What a purge would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The objects that nothing else reaches.
    pub objects: Vec<ObjectId>,
    /// How many of the commits that were dropped are among those, and how many there are.
    pub commits: (usize, usize),
    /// References that reach others of them.
    pub reached_by: Vec<RefName>,
    /// Backups that hold some of the objects.
    pub backups: Vec<BackupId>,
}

impl Look {
    /// Tells whether something else reaches what is to be destroyed.
    pub fn is_reached(&self) -> bool {
        self.commits.0 < self.commits.1 || !self.reached_by.is_empty()
    }
}

/// Looks at what would be destroyed.
///
/// Returns an error where the repository or the store cannot be read: then nobody can say what is in the way.
pub fn look(repository: &Repository, site: &Site, state: &State, doomed: &Doomed) -> Result<Look> {
    let excluded: Vec<String> = doomed.own.iter().map(|pattern| format!("--exclude={pattern}")).collect();
    let old = doomed.old.to_string();
    let listed = repository.git().args(["rev-list", "--objects", "--no-object-names", &old, "--not"]);
    let out = listed.args(&excluded).args(["--all"]).read()?;
    let objects = out.lines().map(ObjectId::from_hex).collect::<std::result::Result<Vec<_>, _>>();
    let objects = objects.map_err(|_| Error::strange_git("git rev-list answers with no id"))?;
    let commits = if repository.peel_to_commit(&doomed.old).is_some() {
        let words = [beyond(repository, doomed), vec!["--not".into()], excluded, vec!["--all".into()]].concat();
        (count(repository, doomed, &words)?, all_dropped(repository, doomed)?)
    } else {
        (0, 0)
    };
    let reached_by = if commits.0 < commits.1 { reaching(repository, doomed, commits.1)? } else { vec![] };
    let backups = holding(repository, site, state, &objects)?;
    Ok(Look { objects, commits, reached_by, backups })
}

/// How many commits were dropped.
fn all_dropped(repository: &Repository, doomed: &Doomed) -> Result<usize> {
    let beyond = beyond(repository, doomed);
    if beyond.is_empty() { Ok(doomed.dropped) } else { count(repository, doomed, &beyond) }
}

/// What the reference kept, as far as it is here still.
fn beyond(repository: &Repository, doomed: &Doomed) -> Vec<String> {
    let new = doomed.new.filter(|new| repository.peel_to_commit(new).is_some());
    new.map(|new| format!("^{new}")).into_iter().collect()
}

fn count(repository: &Repository, doomed: &Doomed, words: &[String]) -> Result<usize> {
    let out = repository.git().args(["rev-list", "--count", &doomed.old.to_string()]).args(words).arg("--").read()?;
    let count = out.trim().to_str().ok().and_then(|text| text.parse().ok());
    count.ok_or_else(|| Error::strange_git("git rev-list answers with no number"))
}

/// A reference reaches some of the dropped commits if fewer are left when it is taken away.
fn reaching(repository: &Repository, doomed: &Doomed, all: usize) -> Result<Vec<RefName>> {
    let mut found = Vec::new();
    let mut asked: Vec<(ObjectId, bool)> = Vec::new();
    let own = |name: &RefName| {
        let is = |pattern: &String| match pattern.strip_suffix("/*") {
            Some(folder) => name.is_below(&format!("{folder}/")),
            None => name.as_bytes() == pattern.as_bytes(),
        };
        doomed.own.iter().any(is)
    };
    for (name, value) in repository.all_refs()?.refs.into_vec() {
        let Some(id) = value.id().filter(|_| !own(&name)) else { continue };
        let known = asked.iter().find(|(known, _)| *known == id).map(|(_, reaches)| *reaches);
        let reaches = match known {
            Some(reaches) => reaches,
            None if repository.peel_to_commit(&id).is_none() => false,
            None => {
                let words = [beyond(repository, doomed), vec![format!("^{id}")]].concat();
                count(repository, doomed, &words)? < all
            }
        };
        asked.push((id, reaches));
        found.extend(reaches.then_some(name));
    }
    Ok(found)
}

/// A backup whose segments cannot be asked may hold them, and is named.
fn holding(repository: &Repository, site: &Site, state: &State, objects: &[ObjectId]) -> Result<Vec<BackupId>> {
    let (store, scratch) = (host_store(site), state.scratch()?);
    let kind = repository.hash_kind();
    let examiner = Examiner { store: &store, site: &site.name, kind, scratch: &scratch, now: clock::now() };
    let catalog = Catalog::read(&store, &site.name)?;
    let mut found = Vec::new();
    for manifest in catalog.good() {
        let chain = Chain::open(&examiner, &manifest.segments)?;
        if chain.is_none_or(|chain| objects.iter().any(|id| chain.holds(id))) {
            found.push(manifest.id.clone());
        }
    }
    Ok(found)
}

/// Returns the instructions by which nothing of ours holds it any more. What bans it from coming back stays, and holds
/// nothing.
pub(super) fn farewell(repository: &Repository, doomed: &Doomed) -> Result<Vec<u8>> {
    let nothing = repository.write_object("blob", b"")?;
    let listed = repository.git().args(["for-each-ref", "--format=%(refname) %(objectname)"]);
    let out = listed.args(doomed.own.iter().map(|pattern| pattern.trim_end_matches("/*"))).read()?;
    let mut instructions = Vec::new();
    for line in out.lines() {
        let Some((name, id)) = line.rsplit_once_str(" ") else { continue };
        let one = if name.starts_with(BANS.as_bytes()) {
            [b"update ", name, format!(" {nothing} ").as_bytes(), id, b"\n"].concat()
        } else {
            [b"delete ", name, b" ", id, b"\n"].concat()
        };
        instructions.extend(one);
    }
    Ok(instructions)
}
