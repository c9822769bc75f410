//! Reading deployments back from their tags.

use super::tag::TagMessage;
use crate::error::Result;
use crate::git::{Advertised, ObjectId, RefName, Repository};
use crate::site::{Environment, Site, TagTemplate};
use jiff::Timestamp;

/// A deployment as its tag tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The environment's name.
    pub environment: String,
    /// Its number.
    pub number: u64,
    /// The short name of its tag.
    pub tag: String,
    /// The commit.
    pub commit: ObjectId,
    /// When it was pushed.
    pub created_at: Timestamp,
    /// What else the tag says; `None` for one that somebody else made.
    pub message: Option<TagMessage>,
}

/// Lists the deployments of a host's own repository, newest first.
pub fn of_repository(repository: &Repository, site: &Site) -> Result<Vec<Deployment>> {
    let mut found = Vec::new();
    for environment in site.environments.iter().filter(|environment| site.deploys(environment)) {
        for (number, id) in numbers_of(repository, site, environment)? {
            found.extend(read(
                repository,
                environment.name.as_str(),
                number,
                site.template.short(&environment.name, number),
                &id,
            ));
        }
    }
    sort(&mut found);
    Ok(found)
}

/// Lists the deployments whose tags a host advertises and whose objects are here, newest first.
pub fn of_advertised(
    repository: &Repository,
    advertised: &Advertised,
    template: &TagTemplate,
    environments: &[Environment],
) -> Vec<Deployment> {
    let mut found = Vec::new();
    for (name, id) in &advertised.refs {
        let Some(short) = name.is_below("refs/tags/").then(|| name.short().to_string()) else { continue };
        for environment in environments {
            if let Some(number) = template.number(&environment.name, &short) {
                found.extend(read(repository, environment.name.as_str(), number, short.clone(), id));
            }
        }
    }
    sort(&mut found);
    found
}

/// Returns the numbers of an environment's deployment tags with the objects they hold, lowest first.
pub fn numbers_of(repository: &Repository, site: &Site, environment: &Environment) -> Result<Vec<(u64, ObjectId)>> {
    let tags = repository.refs_below("refs/tags/")?;
    let number = |name: &RefName| site.template.number(&environment.name, &name.short().to_string());
    let mut numbers: Vec<_> = tags.iter().filter_map(|(name, id)| Some((number(name)?, *id))).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns the tags of an environment's deployments with their commits, lowest number first.
pub fn of_environment(
    repository: &Repository,
    site: &Site,
    environment: &Environment,
) -> Result<Vec<(String, ObjectId)>> {
    let numbers = numbers_of(repository, site, environment)?;
    let one = |(number, id): (u64, ObjectId)| {
        Some((site.template.short(&environment.name, number), repository.peel_to_commit(&id)?))
    };
    Ok(numbers.into_iter().filter_map(one).collect())
}

/// Returns the short name of the newest deployment of a commit to an environment.
pub fn newest_of(repository: &Repository, site: &Site, environment: &Environment, commit: &ObjectId) -> Option<String> {
    let numbers = numbers_of(repository, site, environment).ok()?;
    let (number, _) = numbers.iter().rev().find(|(_, id)| repository.leads_to(id, commit))?;
    Some(site.template.short(&environment.name, *number))
}

fn read(repository: &Repository, environment: &str, number: u64, tag: String, id: &ObjectId) -> Option<Deployment> {
    let commit = repository.peel_to_commit(id)?;
    let object = repository.tag_object(id);
    Some(Deployment {
        environment: environment.into(),
        number,
        tag,
        commit,
        created_at: object.as_ref().map_or(Timestamp::UNIX_EPOCH, |object| object.made_at),
        message: object.and_then(|object| TagMessage::parse(&object.message)),
    })
}

/// Tags know the second alone. Within it the audit, of which each tag tells how long it was, knows which came first.
fn sort(deployments: &mut [Deployment]) {
    let audited = |one: &Deployment| one.message.as_ref()?.audit.as_ref().map(|head| head.line);
    let age = |one: &Deployment| (one.created_at, audited(one), one.number, one.environment.clone());
    deployments.sort_by_cached_key(|one| std::cmp::Reverse(age(one)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_second_the_audit_tells_which_was_first() {
        let one = |tag: &str, environment: &str, line: u64| {
            let text = format!(
                "Deploy {tag}\n\nCairn-Environment: {environment}\nCairn-Audit: 0123456789abcdef:{line}:{}\n",
                "0".repeat(64)
            );
            Deployment {
                environment: environment.into(),
                number: 1,
                tag: tag.into(),
                commit: ObjectId::from_hex(&[b'1'; 40]).unwrap(),
                created_at: Timestamp::UNIX_EPOCH,
                message: TagMessage::parse(text.as_bytes()),
            }
        };
        let mut listed = [one("test_1", "test", 3), one("live_1", "live", 5)];
        assert!(listed.iter().all(|one| one.message.as_ref().is_some_and(|message| message.audit.is_some())));
        sort(&mut listed);
        assert_eq!(listed.map(|one| one.tag), ["live_1", "test_1"]);
    }
}
