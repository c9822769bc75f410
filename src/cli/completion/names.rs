//! The names that only a repository or its store knows, read where the person is.

use crate::cli::arguments::{StoreArguments, program};
use crate::cli::source::Source;
use crate::clock;
use crate::deployment::TagMessage;
use crate::error::{Error, Result};
use crate::git::{Place, RefName, Repository};
use crate::rescue;
use crate::site::Site;
use crate::text::{shown, without_secrets};
use crate::undo::Journal;
use bstr::ByteSlice;
use clap::Command;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Names, each with what it means.
type Names = Vec<(String, String)>;

/// What the words before the cursor say.
#[derive(Debug, Default)]
pub struct Context {
    /// Where the person is.
    pub place: Place,
    /// The store that was named.
    pub store: Option<PathBuf>,
    /// The site in it that was named.
    pub site: Option<String>,
    /// The environment that was named.
    pub environment: Option<String>,
    /// Whether only that environment's own deployments make sense.
    pub goes_back: bool,
    /// The verb that is to be explained.
    pub explained: Option<String>,
}

/// Returns what lists the values of an argument, by its id and by what its value is called.
pub fn of(id: &str, value: &str) -> Option<fn(&Context) -> Result<Names>> {
    Some(match (id, value) {
        (_, "ENV") => environments,
        (_, "BACKUP") => backups,
        (_, "COMMIT") => deployments,
        ("branch", "NAME") => branches,
        ("remote", "NAME") => remotes,
        ("id", "ID") => rescues,
        (_, "OPERATION") => operations,
        (_, "VERB") => verbs,
        _ => return None,
    })
}

fn repository(context: &Context) -> Result<Repository> {
    Repository::discover(&context.place)
}

/// Those that the config names, and in a clone, whose host alone may know them, those whose deployments are here.
fn environments(context: &Context) -> Result<Names> {
    let repository = repository(context)?;
    let (known, _) = Site::environments_of(&repository.config())?;
    let mut names: Names = known
        .iter()
        .map(|environment| (environment.name.to_string(), format!("branch {}", environment.branch.short())))
        .collect();
    for (environment, ..) in tags(&repository)? {
        if !names.iter().any(|(name, _)| *name == environment) {
            names.push((environment, "it was deployed to".into()));
        }
    }
    Ok(names)
}

/// What the deployment tags of a repository say, newest first: the environment, the tag, and the note or who pushed.
fn tags(repository: &Repository) -> Result<Vec<(String, String, String)>> {
    let mut tags = Vec::new();
    for (name, id) in repository.refs_below("refs/tags/")? {
        let short = name.short().to_string();
        // Every template ends in the number.
        if !short.ends_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let Some(tag) = repository.tag_object(&id) else { continue };
        if let Some(message) = TagMessage::parse(&tag.message) {
            let said = message.note.unwrap_or_else(|| format!("pushed by {}", message.pusher));
            tags.push((tag.made_at, short, message.environment, said));
        }
    }
    tags.sort_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
    Ok(tags.into_iter().map(|(_, short, environment, said)| (environment, short, said)).collect())
}

fn deployments(context: &Context) -> Result<Names> {
    let only = context.environment.as_ref().filter(|_| context.goes_back);
    let tags = tags(&repository(context)?)?;
    let fitting = tags.into_iter().filter(|(environment, ..)| only.is_none_or(|only| only == environment));
    Ok(fitting.map(|(_, tag, said)| (tag, said)).collect())
}

/// Environments and deployment tags that have a backup, and every backup's id, newest first.
fn backups(context: &Context) -> Result<Names> {
    let named = StoreArguments { store: context.store.clone(), site: context.site.clone() };
    let source = Source::open(&context.place, &named)?;
    let catalog = source.catalog()?;
    let (mut environments, mut tags, mut ids) = (BTreeMap::new(), Vec::new(), Vec::new());
    for manifest in catalog.good() {
        let made = clock::local(manifest.refs_at);
        environments.entry(manifest.environment.clone()).or_insert_with(|| format!("the newest, of {made}"));
        let tag = manifest.tag.as_deref();
        if let Some(tag) = tag.filter(|tag| !tags.iter().any(|(known, _)| known == tag)) {
            tags.push((tag.to_owned(), format!("of {made}")));
        }
        ids.push((manifest.id.to_string(), format!("{made}, {}", tag.unwrap_or(&manifest.environment))));
    }
    Ok(environments.into_iter().chain(tags).chain(ids).collect())
}

fn branches(context: &Context) -> Result<Names> {
    // One that is no text cannot be typed from here.
    let named = |(name, _): &(RefName, _)| Some((name.short().to_str().ok()?.to_owned(), String::new()));
    Ok(repository(context)?.refs_below("refs/heads/")?.iter().filter_map(named).collect())
}

fn remotes(context: &Context) -> Result<Names> {
    let config = repository(context)?.config();
    let url = |name: &str| config.get_in("remote", name, "url").unwrap_or_default();
    let named = |name: String| (name.clone(), without_secrets(&url(&name)));
    Ok(config.subsections("remote").into_iter().map(named).collect())
}

fn rescues(context: &Context) -> Result<Names> {
    let one = |kept: rescue::Kept| {
        let record = kept.record;
        (record.id, format!("{}, {}", shown(record.name.as_bytes()), clock::local(record.at)))
    };
    Ok(rescue::all(&repository(context)?)?.into_iter().map(one).collect())
}

fn operations(context: &Context) -> Result<Names> {
    let entries = Journal::of(&repository(context)?).entries()?;
    Ok(entries
        .into_iter()
        .map(|entry| (entry.id, format!("{}, {}", entry.operation.word(), clock::local(entry.at))))
        .collect())
}

/// The verbs, or those below the one that was named.
fn verbs(context: &Context) -> Result<Names> {
    let program = program();
    let above = match &context.explained {
        Some(verb) => program
            .find_subcommand(verb)
            .ok_or_else(|| Error::usage(format!("there is no verb {}", shown(verb.as_bytes()))))?,
        None => &program,
    };
    let below = above.get_subcommands().filter(|verb| !verb.is_hide_set());
    let about = |verb: &Command| verb.get_about().map(ToString::to_string).unwrap_or_default();
    Ok(below.map(|verb| (verb.get_name().to_owned(), about(verb))).collect())
}
