//! A verdict as one line of JSON, for programs: `hint: cairn {json}`.

use super::judge::{Banned, Change, Objection, Verdict, Wanted};
use super::loss::Loss;
use super::words::Announcement;
use crate::site::EnvironmentName;
use crate::text::{extra_bytes, json_line, json_text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest such line, in bytes, with all it begins with.
const LINE_MAX: usize = 4096;
/// What it begins with.
const START: &str = "hint: cairn ";
/// The longest subject or name of an author, in characters.
const WORDS_MAX: usize = 80;
/// Of how many things that were dropped on purpose, and that a push would bring back, the document tells at most.
const DROPPED_MAX: usize = 10;

/// Returns the document, as much of it as fits.
pub fn report(wanted: &[Wanted], verdict: &Verdict, losses: &[(usize, Loss)], check: bool) -> String {
    // First the commits are left out, then references; how many is always told.
    for (references, commits) in [(5, 5), (5, 2), (3, 1), (2, 0), (1, 0), (0, 0)] {
        let text = json_line(&document(wanted, verdict, losses, check, references, commits).to_string());
        if START.len() + text.len() < LINE_MAX {
            return text;
        }
    }
    String::new()
}

fn document(
    wanted: &[Wanted],
    verdict: &Verdict,
    losses: &[(usize, Loss)],
    check: bool,
    references: usize,
    commits: usize,
) -> Value {
    let objections = if verdict.accepts() { &verdict.tolerated } else { &verdict.refused };
    let mut told = BTreeSet::new();
    let mut refs = Vec::new();
    for objection in objections.iter().take(references) {
        let mut entry = reference(wanted, objection, losses, commits);
        entry["dropped"] = dropped(&wanted[objection.place].brings_back, 2 * commits, &mut told);
        refs.push(entry);
    }
    json!({
        "schema": 1,
        "verdict": if verdict.accepts() { "accepted" } else { "refused" },
        "check": check,
        "mode": verdict.mode.word(),
        "rule": verdict.refused.first().map(|objection| objection.rule.word()),
        "rescue": wanted.iter().any(|one| one.change.drops()),
        "more": objections.len() - refs.len(),
        "refs": refs,
    })
}

fn reference(wanted: &[Wanted], objection: &Objection, losses: &[(usize, Loss)], commits: usize) -> Value {
    let one = &wanted[objection.place];
    let loss = losses.iter().find(|(place, _)| *place == objection.place).map(|(_, loss)| loss);
    let first = |text: &str| text.chars().take(WORDS_MAX).collect::<String>();
    let listed = loss.map(|loss| {
        let lines = loss.commits.iter().take(commits);
        let line = lines.map(|commit| {
            json!({"id": commit.id.to_string(), "author": first(&commit.author), "subject": first(&commit.subject)})
        });
        line.collect::<Vec<_>>()
    });
    let announcement = one
        .old
        .filter(|_| one.change.drops())
        .map(|old| Announcement { name: one.name.clone(), old, new: one.new }.option());
    let environments = loss.map(|loss| loss.environments.iter().map(EnvironmentName::as_str).collect::<Vec<_>>());
    let mut entry = json!({
        "ref": json_text(one.name.as_bytes()),
        "change": one.change.word(),
        "rule": objection.rule.word(),
        "old": one.old.map(|id| id.to_string()),
        "new": one.new.map(|id| id.to_string()),
        "lost": loss.map(|loss| loss.count),
        "commits": listed,
        "environments": environments,
        "option": announcement.as_ref().map(|option| json_text(option)),
    });
    if let Some(extra) = extra_bytes(one.name.as_bytes()) {
        entry["ref_bytes"] = extra.into();
    }
    if let Some(extra) = announcement.as_ref().and_then(|option| extra_bytes(option)) {
        entry["option_bytes"] = extra.into();
    }
    entry
}

/// What was dropped on purpose and would come back: each rescue once, by the first reference that brings it.
fn dropped<'a>(banned: &'a [Banned], most: usize, told: &mut BTreeSet<&'a str>) -> Value {
    let fresh = banned.iter().filter(|one| told.insert(&one.rescue)).take(most.clamp(1, DROPPED_MAX));
    let one = |banned: &Banned| {
        let tips: Vec<_> = banned.tips.iter().map(ToString::to_string).collect();
        json!({"rescue": banned.rescue, "root": banned.root.to_string(), "tips": tips})
    };
    fresh.map(one).collect()
}

impl Change {
    /// Tells whether something leaves the reference, which is then kept as a rescue.
    pub fn drops(self) -> bool {
        matches!(self, Self::Rewind | Self::TagMove | Self::Delete)
    }

    /// Returns the stable word for scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Create => "create",
            Self::Forward => "forward",
            Self::Rewind => "rewind",
            Self::TagMove => "tag",
            Self::Delete => "delete",
        }
    }
}
