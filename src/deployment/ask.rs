//! Finding the host of a clone, and what it says of its site.

use crate::error::{Error, Result};
use crate::git::{Advertised, Advertising, ObjectId, RefName, Remote, Repository, remote_names};
use crate::site::{Environment, EnvironmentName, META_BYTES_MAX, META_REF, Meta, Site, TagTemplate};

/// A host, what it advertised, and the site it serves.
#[derive(Debug, Clone)]
pub struct Host {
    /// Where it is.
    pub remote: Remote,
    /// What it advertised when it was asked.
    pub advertised: Advertised,
    /// The environments, the first being where people develop.
    pub environments: Vec<Environment>,
    /// The template of deployment tags.
    pub template: TagTemplate,
    /// Whether the host says all this itself, and so knows our push options.
    pub speaks: bool,
    /// What the person should know about how it was found.
    pub notes: Vec<String>,
}

impl Host {
    /// Returns the environment of that name.
    ///
    /// Returns [`crate::error::Kind::NotFound`], naming those there are.
    pub fn environment(&self, name: &str) -> Result<&Environment> {
        self.environments.iter().find(|environment| environment.name.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = self.environments.iter().map(|environment| environment.name.as_str()).collect();
            Error::not_found(
                "no-environment",
                format!("the host has no environment {}", crate::text::shown(name.as_bytes())),
            )
            .hint(format!("it has {}", names.join(", ")))
        })
    }

    /// Returns what an environment's branch holds.
    pub fn tip(&self, environment: &Environment) -> Option<ObjectId> {
        self.advertised.refs.get(&environment.branch).copied()
    }

    /// Tells whether one of its references leads to a commit; what lies below its references it does not say.
    pub fn shows(&self, commit: &ObjectId) -> bool {
        self.advertised.refs.values().chain(self.advertised.peeled.values()).any(|id| id == commit)
    }

    /// Returns the environments a push to which is a deployment.
    pub fn deploying(&self) -> &[Environment] {
        self.environments.get(1..).unwrap_or_default()
    }

    /// Returns the deployment tags of an environment, highest number first, with the commits they lead to.
    pub fn deployments(&self, environment: &Environment) -> Vec<(u64, RefName, ObjectId)> {
        let number = |name: &RefName| {
            name.is_below("refs/tags/").then(|| self.template.number(&environment.name, &name.short().to_string()))?
        };
        let tags = self.advertised.refs.keys().filter_map(|name| Some((number(name)?, name.clone())));
        let mut tags: Vec<_> =
            tags.filter_map(|(n, name)| Some((n, name.clone(), self.advertised.commit_of(&name)?))).collect();
        tags.sort_by_key(|(number, ..)| std::cmp::Reverse(*number));
        tags
    }
}

/// Finds the host: the named remote, else `cairn.remote`, else the repository itself where it is set up, else the only
/// remote that tells of a site, else `origin`; and asks it.
///
/// Returns [`crate::error::Kind::NotFound`] where neither the host nor this clone tells of environments.
pub fn find_host(repository: &Repository, named: Option<&str>) -> Result<Host> {
    let host = find_any_host(repository, named)?;
    if host.environments.is_empty() {
        return Err(Error::not_found(
            "no-site",
            format!("the host shows no {META_REF}, and this clone has no cairn.dev.branch"),
        )
        .hint(
            "set the host up with git cairn setup, or name the branches here: git config cairn.dev.branch <branch>",
        ));
    }
    Ok(host)
}

/// As [`find_host`], for what can be done on a host that tells of no environment: then it has none.
pub fn find_any_host(repository: &Repository, named: Option<&str>) -> Result<Host> {
    begin_finding(repository, named)?.end(repository)
}

/// The host, or each remote that may be it, being asked for its references.
pub enum Finding {
    /// It is known which.
    Known(Remote, Advertising),
    /// Each remote by its name, and why it could not be asked.
    Any(Vec<(String, Result<(Remote, Advertising)>)>),
}

/// Begins to find the host as [`find_any_host`] does, which goes on while we do something else.
pub fn begin_finding(repository: &Repository, named: Option<&str>) -> Result<Finding> {
    let config = repository.config();
    let configured = named.map(str::to_owned).or_else(|| config.get("cairn", "remote"));
    let known = match configured {
        Some(name) => Remote::named(repository, &name)?,
        None if config.get("cairn", "id").is_some() && repository.is_bare() => Remote::myself(repository)?,
        None => {
            let remotes = remote_names(repository)?;
            if remotes.is_empty() {
                return Err(Error::not_found(
                    "no-remote",
                    "this repository has no remote, and it is not set up as a host",
                )
                .hint("add the host: git remote add origin <url>"));
            }
            // All at once: some may be far away.
            let asked = remotes.into_iter().map(|name| {
                let begun = begin(repository, &name);
                (name, begun)
            });
            return Ok(Finding::Any(asked.collect()));
        }
    };
    let advertising = known.begin_advertised(repository)?;
    Ok(Finding::Known(known, advertising))
}

impl Finding {
    /// Waits for the answers and returns the host; errors are those of [`find_any_host`].
    pub fn end(self, repository: &Repository) -> Result<Host> {
        let mut notes = Vec::new();
        let (remote, advertised) = match self {
            Self::Known(remote, advertising) => (remote, advertising.end()?),
            Self::Any(asked) => guess(asked, &mut notes)?,
        };
        let (environments, template, speaks) = site_of(repository, &remote, &advertised)?;
        Ok(Host { remote, advertised, environments, template, speaks, notes })
    }
}

/// Returns the host of a clone as far as its own config tells, which asks nobody: `cairn.remote`, else the only remote, else
/// `origin`.
pub fn likely_host(repository: &Repository) -> Option<Remote> {
    let names = remote_names(repository).ok()?;
    let only = || if let [one] = names.as_slice() { one.clone() } else { "origin".into() };
    Remote::named(repository, &repository.config().get("cairn", "remote").unwrap_or_else(only)).ok()
}

fn guess(asked: Vec<(String, Result<(Remote, Advertising)>)>, notes: &mut Vec<String>) -> Result<(Remote, Advertised)> {
    let mut speaking = Vec::new();
    let mut origin = None;
    for (name, asked) in asked {
        let asked = asked.and_then(|(remote, advertising)| Ok((remote, advertising.end()?)));
        match asked {
            Ok(found) if tells(&found.1) => speaking.push(found),
            Ok(found) if name == "origin" => origin = Some(Ok(found)),
            Err(error) if name == "origin" => origin = Some(Err(error)),
            // Another remote that cannot be reached is none of our business.
            Ok(_) | Err(_) => {}
        }
    }
    match (speaking.len(), origin) {
        (1, _) => Ok(speaking.remove(0)),
        (0, Some(origin)) => {
            notes.push(format!("no remote shows {META_REF}; taking origin"));
            origin
        }
        (0, None) => Err(Error::not_found("no-host", format!("no remote shows {META_REF}, and there is no origin"))
            .hint("name the host with --remote <name>")),
        _ => {
            let names: Vec<_> = speaking.iter().filter_map(|(remote, _)| remote.name.clone()).collect();
            Err(Error::usage(format!("more than one remote tells of a site: {}", names.join(", ")))
                .hint("name one with --remote, or once for all: git config cairn.remote <name>"))
        }
    }
}

fn begin(repository: &Repository, name: &str) -> Result<(Remote, Advertising)> {
    let remote = Remote::named(repository, name)?;
    let advertising = remote.begin_advertised(repository)?;
    Ok((remote, advertising))
}

/// Tells whether a host is one of ours: it shows what clients are told of the site.
pub fn tells(advertised: &Advertised) -> bool {
    RefName::new(META_REF).is_some_and(|name| advertised.refs.contains_key(&name))
}

fn site_of(
    repository: &Repository,
    remote: &Remote,
    advertised: &Advertised,
) -> Result<(Vec<Environment>, TagTemplate, bool)> {
    let name = RefName::new(META_REF).expect("a valid name");
    if let Some(id) = advertised.refs.get(&name) {
        remote.fetch(repository, advertised, &[name])?;
        let blob = repository.blob(id, META_BYTES_MAX);
        let blob = blob.ok_or_else(|| {
            Error::failed("meta", format!("{META_REF} of the host is no small blob"))
                .hint("on the host, to write it anew: git cairn setup")
        })?;
        let meta = Meta::from_bytes(&blob)?;
        let environments = meta.environments.iter().map(|environment| {
            let from = environment.from.as_deref().map(EnvironmentName::new).transpose()?;
            Environment::new(EnvironmentName::new(&environment.name)?, &environment.branch, from, None)
        });
        return Ok((environments.collect::<Result<_>>()?, TagTemplate::new(&meta.tag_template)?, true));
    }
    let config = repository.config();
    let (environments, template) = Site::environments_of(&config)?;
    // It never guesses.
    let told = config.get_in("cairn", "dev", "branch").is_some();
    Ok((if told { environments } else { vec![] }, template, false))
}
