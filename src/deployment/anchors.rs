//! What stands outside the audit and knows of it.

use super::of_repository;
use crate::audit::Anchor;
use crate::backup::{Catalog, host_store};
use crate::error::{Error, Result};
use crate::git::Repository;
use crate::site::Site;

/// Returns what deployment tags and backups know of the log, and why no backup was asked where the store cannot be read.
pub fn anchors(repository: &Repository, site: &Site) -> Result<(Vec<Anchor>, Option<Error>)> {
    let deployments = of_repository(repository, site)?;
    let tags = deployments.into_iter().filter_map(|deployment| {
        Some(Anchor { said_by: format!("the tag {}", deployment.tag), head: deployment.message?.audit? })
    });
    let mut anchors: Vec<Anchor> = tags.collect();
    let store = host_store(site);
    match Catalog::read(&store, &site.name) {
        Ok(catalog) => anchors.extend(catalog.good().filter_map(|manifest| {
            Some(Anchor { said_by: format!("the backup {}", manifest.id), head: manifest.audit.clone()? })
        })),
        Err(error) => return Ok((anchors, Some(error))),
    }
    Ok((anchors, None))
}
