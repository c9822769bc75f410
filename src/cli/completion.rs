//! What may stand at the cursor of a shell: verbs, flags and their values by the command line itself, and the names that only
//! the repository knows.
//!
//! It reads, and nothing else: no host is asked, nothing is written, and what cannot be read offers nothing.

mod names;
mod scripts;

pub use scripts::SCRIPTS;

use super::arguments::program;
use crate::git::Place;
use clap::{Arg, ArgMatches, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};
use names::Context;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What fits.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer {
    /// These words, each with what it means.
    Words(Vec<(String, String)>),
    /// A path, which a shell completes better than we do.
    Path,
}

/// Returns what may stand in place of the last of `words`, the first of which is the program, for somebody at this place.
pub fn offer(place: &Place, words: Vec<OsString>) -> Offer {
    let Some(current) = words.len().checked_sub(1).filter(|current| *current > 0) else {
        return Offer::Words(vec![]);
    };
    let flags = words[current].as_encoded_bytes().starts_with(b"-");
    let context = Arc::new(context(place, &words[..current]));
    let is_path = Arc::new(AtomicBool::new(false));
    let mut command = with_names(program(), &context, &is_path);
    let found = complete(&mut command, words, current, None).unwrap_or_default();
    if is_path.load(Ordering::Relaxed) {
        return Offer::Path;
    }
    let fitting = found.iter().filter(|one| !one.is_hide_set()).filter_map(told);
    // As git has it: flags are for who began one.
    Offer::Words(fitting.filter(|(value, _)| flags || !value.starts_with('-')).collect())
}

fn told(candidate: &CompletionCandidate) -> Option<(String, String)> {
    // In a line of the answer a space ends the word.
    let unfit = |c: char| c.is_control() || c.is_whitespace();
    let value = candidate.get_value().to_str().filter(|value| !value.contains(unfit))?;
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    Some((value.to_owned(), help.lines().next().unwrap_or_default().to_owned()))
}

/// Reads from the words before the cursor where the person is; what else is wrong with them does not matter yet.
fn context(place: &Place, before: &[OsString]) -> Context {
    let matches = program().ignore_errors(true).try_get_matches_from(before).unwrap_or_default();
    let mut context = Context { place: place.clone(), ..Context::default() };
    let mut level = Some(&matches);
    while let Some(matches) = level {
        let path = |id: &str| matches.try_get_one::<std::path::PathBuf>(id).ok().flatten().cloned();
        let text = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
        let texts = |id: &str| matches.try_get_many::<String>(id).ok().flatten()?.next().cloned();
        context.place.folder = path("folder").or(context.place.folder);
        context.place.git_dir = path("git_dir").or(context.place.git_dir);
        context.store = path("store").or(context.store);
        context.site = text("site").or(context.site);
        context.environment = text("environment").or(context.environment);
        context.explained = texts("verbs").or(context.explained);
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    let verb: Option<(&str, &ArgMatches)> = matches.subcommand();
    context.goes_back = verb.is_some_and(|(name, _)| name == "rollback");
    context
}

/// Tells the command line where its values come from, by what they are called.
fn with_names(command: Command, context: &Arc<Context>, is_path: &Arc<AtomicBool>) -> Command {
    command
        .mut_args(|arg| with_names_of(arg, context, is_path))
        .mut_subcommands(|verb| with_names(verb, context, is_path))
}

fn with_names_of(arg: Arg, context: &Arc<Context>, is_path: &Arc<AtomicBool>) -> Arg {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    if let Some(list) = names::of(arg.get_id().as_str(), &value) {
        let context = Arc::clone(context);
        return arg
            .add(ArgValueCompleter::new(move |typed: &OsStr| fitting(list(&context).unwrap_or_default(), typed)));
    }
    if matches!(arg.get_value_hint(), ValueHint::AnyPath) {
        let is_path = Arc::clone(is_path);
        return arg.add(ArgValueCompleter::new(move |_: &OsStr| {
            is_path.store(true, Ordering::Relaxed);
            vec![]
        }));
    }
    arg
}

fn fitting(names: Vec<(String, String)>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let fits = |name: &str| name.as_bytes().starts_with(typed.as_encoded_bytes());
    let fitting = names.into_iter().filter(|(name, _)| fits(name));
    fitting.map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(words: &[&str]) -> Vec<String> {
        let words = ["git-cairn"].iter().chain(words).map(OsString::from).collect();
        match offer(&Place::default(), words) {
            Offer::Words(words) => words.into_iter().map(|(word, _)| word).collect(),
            Offer::Path => vec!["a path".into()],
        }
    }

    #[test]
    fn verbs_are_offered_and_hidden_ones_never() {
        let verbs = offered(&[""]);
        assert!(verbs.contains(&"deploy".into()) && verbs.contains(&"backup".into()), "{verbs:?}");
        assert!(verbs.iter().all(|verb| !verb.starts_with('-')), "{verbs:?}");
        assert_eq!(offered(&["complet"]), [""; 0]);
        assert_eq!(offered(&["hook"]), ["hooks"]);
        assert_eq!(offered(&["backup", "ver"]), ["verify"]);
        assert_eq!(offered(&["help", "rollb"]), ["rollback"]);
        assert_eq!(offered(&["help", "backup", "ver"]), ["verify"]);
        assert_eq!(offered(&["help", "deploy", ""]), [""; 0]);
    }

    #[test]
    fn flags_and_their_values_are_offered() {
        assert_eq!(offered(&["backup", "get", "--el"]), ["--element"]);
        assert_eq!(offered(&["backup", "get", "--element", ""]), ["code", "uncommitted"]);
        assert_eq!(offered(&["backup", "get", "--element=un"]), ["--element=uncommitted"]);
        assert_eq!(offered(&["worker", "--det"]), [""; 0]);
        assert_eq!(offered(&["deploy", "--json", "--no"]), ["--note"]);
        assert_eq!(offered(&["deploy", "--note", ""]), [""; 0]);
        assert_eq!(offered(&["nonsense", "--no"]), [""; 0]);
    }

    #[test]
    fn a_path_is_left_to_the_shell() {
        assert_eq!(offered(&["restore", "--to", ""]), ["a path"]);
        assert_eq!(offered(&["-C", "sr"]), ["a path"]);
        assert_eq!(offered(&["setup", "--store=sr"]), ["a path"]);
    }

    #[test]
    fn no_word_is_no_question() {
        assert_eq!(offer(&Place::default(), vec![]), Offer::Words(vec![]));
        assert_eq!(offer(&Place::default(), vec!["git-cairn".into()]), Offer::Words(vec![]));
    }
}
