//! `git cairn deployments`.

use crate::backup::{Catalog, host_store};
use crate::cli::arguments::Deployments;
use crate::cli::ui::Ui;
use crate::cli::{done, json as documents};
use crate::clock;
use crate::deployment::{Deployment, find_host, of_advertised, of_repository};
use crate::error::Result;
use crate::git::{Place, Repository};
use crate::site::Site;
use serde_json::json;
use std::collections::HashMap;
use std::process::ExitCode;

/// Lists deployments, newest first: of this host, or of the host of this clone.
pub fn run(place: &Place, what: Deployments, ui: &mut Ui) -> Result<ExitCode> {
    let repository = Repository::discover(place)?;
    let (mut deployments, backups) = if repository.config().get("cairn", "id").is_some() && what.remote.is_none() {
        let site = Site::from_config(&repository.config())?;
        if let Some(name) = &what.environment {
            site.environment(name)?;
        }
        let backups = if ui.wants_json() { backups_by_tag(&site) } else { HashMap::new() };
        (of_repository(&repository, &site)?, backups)
    } else {
        (of_host(&repository, &what, ui)?, HashMap::new())
    };
    deployments.retain(|deployment| what.environment.as_ref().is_none_or(|name| *name == deployment.environment));
    if ui.wants_json() {
        let one = |deployment: &Deployment| {
            documents::deployment(
                deployment,
                &repository.subject(&deployment.commit),
                backups.get(&deployment.tag).map(String::as_str),
            )
        };
        let list: Vec<_> = deployments.iter().map(one).collect();
        ui.document(&json!({"schema": 1, "deployments": list}));
        return done();
    }
    if deployments.is_empty() {
        ui.say("no deployment yet");
        return done();
    }
    let rows: Vec<_> = deployments.iter().map(|deployment| row(&repository, deployment)).collect();
    ui.result_table(&rows, false);
    done()
}

fn row(repository: &Repository, deployment: &Deployment) -> Vec<String> {
    let message = deployment.message.as_ref();
    let what = match message {
        Some(message) if message.rollback => "rollback",
        Some(_) => "",
        None => "by hand",
    };
    let note = message.and_then(|message| message.note.as_deref()).map(|note| note.lines().next().unwrap_or_default());
    let subject = crate::text::shown(repository.subject(&deployment.commit).as_bytes());
    let said = note.map_or(subject, |note| format!("{note} \u{b7} {}", repository.subject(&deployment.commit)));
    vec![
        deployment.tag.clone(),
        clock::local(deployment.created_at),
        deployment.commit.to_hex_with_len(10).to_string(),
        message.map(|message| message.pusher.clone()).unwrap_or_default(),
        what.into(),
        said,
    ]
}

/// The first backup that stands on each tag is the one the deployment made; a store that cannot be read names none.
fn backups_by_tag(site: &Site) -> HashMap<String, String> {
    let store = host_store(site);
    let Ok(catalog) = Catalog::read(&store, &site.name) else { return HashMap::new() };
    catalog.good().filter_map(|manifest| Some((manifest.tag.clone()?, manifest.id.to_string()))).collect()
}

fn of_host(repository: &Repository, what: &Deployments, ui: &Ui) -> Result<Vec<Deployment>> {
    let host = find_host(repository, what.remote.as_deref())?;
    for note in &host.notes {
        ui.hint(note);
    }
    if let Some(name) = &what.environment {
        host.environment(name)?;
    }
    let tags: Vec<_> =
        host.deploying().iter().flat_map(|environment| host.deployments(environment)).map(|(_, tag, _)| tag).collect();
    host.remote.fetch(repository, &host.advertised, &tags)?;
    Ok(of_advertised(repository, &host.advertised, &host.template, host.deploying()))
}
