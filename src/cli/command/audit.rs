//! `git cairn audit`.

use crate::audit::{Line, Log, Problem, Report, Verdict, What, verify};
use crate::cli::arguments::{Audit, AuditVerb};
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::clock;
use crate::deployment::anchors;
use crate::error::{Error, Result};
use crate::git::{Place, Repository};
use crate::queue::State;
use crate::site::Site;
use crate::text::count;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// How many references of a line are shown.
const REFS_SHOWN: usize = 3;

/// Opens the repository of this host, and what it keeps of its own.
pub(super) fn host(place: &Place) -> Result<(Repository, State)> {
    let repository = Repository::discover(place)?;
    let (site, _) = Site::for_hook(&repository.config())?;
    let state = State::of(&repository, site.modes);
    Ok((repository, state))
}

/// Shows what happened, newest first, or looks whether the log is as it was written.
pub fn run(place: &Place, what: &Audit, ui: &mut Ui) -> Result<ExitCode> {
    let (repository, state) = host(place)?;
    let log = Log::of(&state);
    if let Some(AuditVerb::Verify) = what.verb {
        return report(&repository, &log, ui);
    }
    let mut lines = log.lines()?;
    lines.reverse();
    if what.would_refuse {
        lines.retain(|line| matches!(line.entry.verdict, Some(Verdict::WouldRefuse | Verdict::Paused)));
    }
    let rules = what.would_refuse.then(|| by_rule(&lines));
    if ui.wants_json() {
        let mut document = json!({"schema": 1, "lines": lines});
        if let Some(rules) = &rules {
            document["rules"] = json!(rules);
        }
        ui.document(&document);
        return done();
    }
    if lines.is_empty() {
        ui.say(if what.would_refuse { "nothing would have been refused" } else { "nothing has happened yet" });
    }
    ui.result_table(&lines.iter().map(row).collect::<Vec<_>>(), false);
    for (rule, pushes) in rules.iter().flatten() {
        ui.say(&format!("{rule} would have refused {}", pushed(*pushes)));
    }
    done()
}

fn pushed(n: usize) -> String {
    if n == 1 { "1 push".into() } else { format!("{n} pushes") }
}

fn by_rule(lines: &[Line]) -> BTreeMap<String, usize> {
    let mut rules = BTreeMap::new();
    for line in lines {
        *rules.entry(line.entry.rule.clone().unwrap_or_else(|| "a rule".into())).or_default() += 1;
    }
    rules
}

fn row(line: &Line) -> Vec<String> {
    let entry = &line.entry;
    let said = [&entry.subject, &entry.rule, &entry.reason];
    let mut said: Vec<String> = said.into_iter().flatten().filter(|text| !text.is_empty()).cloned().collect();
    let refs = entry.refs.iter().take(REFS_SHOWN).map(|one| {
        let short =
            |id: &Option<String>| id.as_ref().map_or("none".into(), |id| id.chars().take(10).collect::<String>());
        format!("{} {} -> {}", one.name, short(&one.old), short(&one.new))
    });
    said.extend(refs);
    if entry.refs_count > REFS_SHOWN {
        said.push(format!("{} in all", count(entry.refs_count, "reference")));
    }
    let verdict = entry.verdict.and_then(|verdict| serde_json::to_value(verdict).ok());
    let what = serde_json::to_value(entry.what).ok();
    let word = |value: Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    // What a push came to says it all; the word for what it is would only repeat that.
    let what = match entry.what {
        What::Refusal => "push".into(),
        _ => word(what),
    };
    vec![
        line.line.to_string(),
        clock::local(entry.at),
        format!("{} ({})", entry.who.name, entry.who.known_by),
        what,
        word(verdict),
        said.join("; "),
    ]
}

fn report(repository: &Repository, log: &Log, ui: &mut Ui) -> Result<ExitCode> {
    let (anchors, unread) = anchors(repository, &Site::from_config(&repository.config())?)?;
    if let Some(error) = unread {
        ui.warn(&format!("no backup is asked: {error}"));
    }
    let report = verify(&log.read()?, &anchors);
    let error = (!report.problems.is_empty()).then(|| damage(&report, log.path().exists()));
    if ui.wants_json() {
        let problem =
            |problem: &Problem| json!({"code": problem.code(), "line": problem.line(), "text": problem.to_string()});
        let problems: Vec<_> = report.problems.iter().map(problem).collect();
        let Report { lines, torn, anchors, earlier, .. } = report;
        let document = json!({
            "schema": 1, "lines": lines, "torn": torn, "asked": anchors, "earlier": earlier, "problems": problems,
        });
        ui.document(&document);
    } else {
        for problem in &report.problems {
            ui.result(&problem.to_string());
        }
        if report.torn > 0 {
            ui.say(&format!("{} cut off, as a crash leaves it", count_of(report.torn, "line")));
        }
        if report.earlier > 0 {
            ui.say(&format!("{} of tags and backups are of a log before this one", report.earlier));
        }
        if report.problems.is_empty() {
            let asked = count(report.anchors, "deployment tag or backup").replace("tag or backups", "tags and backups");
            ui.result(&format!("{} as written; {asked} asked", count_of(report.lines, "line")));
        }
    }
    error.map_or_else(done, Err)
}

fn count_of(n: u64, word: &str) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), word)
}

fn damage(report: &Report, there: bool) -> Error {
    let hint = if there {
        "compare the file with a copy of the disk; the lines that still stand are true"
    } else {
        "where this repository was restored the log stayed behind with the lost one; git cairn setup begins another"
    };
    Error::damaged("audit", format!("the audit is not as it was written: {}", count(report.problems.len(), "problem")))
        .hint(hint)
}
