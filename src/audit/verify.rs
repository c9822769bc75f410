//! Whether a log is as it was written: a decision from its bytes, and from what tags and backups say of it.

use super::What;
use super::line::{Head, Line, is_cut_off, log_name};
use crate::store::NO_DIGEST;
use std::collections::HashMap;
use std::fmt;

/// What a deployment's tag or a backup says of where the log ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Which tag or backup, as a person calls it.
    pub said_by: String,
    /// What it says.
    pub head: Head,
}

/// Something of a log that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A line was changed after it was written.
    Altered(u64),
    /// A line was changed and sealed anew: the one after it is bound to another.
    Replaced(u64),
    /// A line stands where no line of its number was written.
    Inserted(u64),
    /// Lines are missing, the first and the last of them; with who knows of the last one, where only that tells.
    Missing(u64, u64, Option<String>),
    /// A line is another than the one somebody saw.
    Unlike(u64, String),
    /// Somebody knows of a log that is not this one.
    OtherLog(String, String),
}

impl Problem {
    /// Returns the number of the first line it is about; 0 where it is about the whole log.
    pub fn line(&self) -> u64 {
        match self {
            Self::Altered(line)
            | Self::Replaced(line)
            | Self::Inserted(line)
            | Self::Missing(line, ..)
            | Self::Unlike(line, _) => *line,
            Self::OtherLog(..) => 0,
        }
    }

    fn covers(&self, line: u64) -> bool {
        match self {
            Self::Missing(from, to, _) => (*from..=*to).contains(&line),
            other => other.line() == line,
        }
    }

    /// Returns the stable word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Altered(_) => "altered",
            Self::Replaced(_) => "replaced",
            Self::Inserted(_) => "inserted",
            Self::Missing(..) => "missing",
            Self::Unlike(..) => "unlike",
            Self::OtherLog(..) => "other-log",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered(line) => write!(f, "line {line} was altered"),
            Self::Replaced(line) => write!(f, "line {line} was replaced: the line after it follows another"),
            Self::Inserted(line) => write!(f, "a line {line} stands where it was not written"),
            Self::Missing(from, to, None) if from == to => write!(f, "line {from} is missing"),
            Self::Missing(from, to, None) => write!(f, "lines {from} to {to} are missing"),
            Self::Missing(from, to, Some(who)) => {
                write!(f, "everything from line {from} on is missing: {who} knows of line {to}")
            }
            Self::Unlike(line, who) => write!(f, "line {line} is another than the one that {who} knows"),
            Self::OtherLog(log, who) => write!(f, "{who} knows of a log {log}, which is not this one"),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many lines are as they were written.
    pub lines: u64,
    /// How many half-written ones a crash left.
    pub torn: u64,
    /// How many tags and backups were asked.
    pub anchors: usize,
    /// How many of them are older than this log: the repository was restored, and a new one begun by `setup`.
    pub earlier: usize,
    /// What is wrong, in the order of the lines.
    pub problems: Vec<Problem>,
}

/// Checks the bytes of a log, and that they have what others know of it.
pub fn verify(bytes: &[u8], anchors: &[Anchor]) -> Report {
    let mut walk = Walk::default();
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for line in lines.split(|byte| *byte == b'\n').filter(|_| !lines.is_empty()) {
        match Line::open(line) {
            Some(line) => walk.sealed(&line),
            None => walk.unsealed.push(is_cut_off(line)),
        }
    }
    walk.rest(bytes.ends_with(b"\n"));
    for anchor in anchors {
        walk.holds(anchor);
    }
    let Walk { mut report, .. } = walk;
    report.anchors = anchors.len() - report.earlier;
    report.problems.sort_by_key(Problem::line);
    report.problems = one_per_tail(report.problems);
    report
}

#[derive(Default)]
struct Walk {
    report: Report,
    /// Number and digest of the line before.
    last: Option<(u64, String)>,
    /// The lines since then that do not open; whether each may be what a crash left.
    unsealed: Vec<bool>,
    known: HashMap<u64, String>,
    log: String,
    /// Logs that this one follows: the repository was restored, and set up anew.
    earlier: Vec<String>,
}

impl Walk {
    fn number(&self) -> u64 {
        self.last.as_ref().map_or(0, |(number, _)| *number)
    }

    fn sealed(&mut self, line: &Line) {
        let cut_off = self.unsealed.iter().filter(|cut_off| **cut_off).count() as u64;
        let first = self.number() + 1;
        let next = first + self.unsealed.len() as u64;
        let told = cut_off == line.torn;
        let altered: Vec<u64> =
            (first..).zip(&self.unsealed).filter(|(_, cut)| !**cut || !told).map(|(n, _)| n).collect();
        self.report.torn += self.unsealed.len() as u64 - altered.len() as u64;
        self.report.problems.extend(altered.into_iter().map(Problem::Altered));
        let before = self.last.as_ref().map_or(NO_DIGEST, |(_, digest)| digest);
        if line.line < next {
            self.report.problems.push(Problem::Inserted(line.line));
            return;
        }
        if line.line > next {
            self.report.problems.push(Problem::Missing(next, line.line - 1, None));
        } else if self.unsealed.is_empty() && line.before != before {
            self.report.problems.push(Problem::Replaced(self.number()));
        }
        self.unsealed.clear();
        if self.report.lines == 0 {
            self.log = log_name(if line.line == 1 { &line.digest } else { "" });
            if let (1, What::Begin, Some(logs)) = (line.line, line.entry.what, &line.entry.subject) {
                self.earlier = logs.split(' ').map(str::to_owned).collect();
            }
        }
        self.report.lines += 1;
        self.known.insert(line.line, line.digest.clone());
        self.last = Some((line.line, line.digest.clone()));
    }

    /// What stands after the last line: only the very end may be cut off.
    fn rest(&mut self, ended: bool) {
        let first = self.number() + 1;
        let last = self.unsealed.len();
        for (n, cut_off) in self.unsealed.drain(..).enumerate() {
            if cut_off && n + 1 == last && !ended {
                self.report.torn += 1;
            } else {
                self.report.problems.push(Problem::Altered(first + n as u64));
            }
        }
    }

    fn holds(&mut self, anchor: &Anchor) {
        let Anchor { said_by, head } = anchor;
        let end = self.number();
        if self.earlier.contains(&head.log) {
            self.report.earlier += 1;
            return;
        }
        let problem = match self.known.get(&head.line) {
            // Where the first line is gone or altered, no name is left to compare.
            _ if !self.log.is_empty() && self.log != head.log => Problem::OtherLog(head.log.clone(), said_by.clone()),
            Some(digest) if *digest == head.digest => return,
            None if head.line > end => Problem::Missing(end + 1, head.line, Some(said_by.clone())),
            // Its place is known to be wrong already.
            None if self.report.problems.iter().any(|problem| problem.covers(head.line)) => return,
            // What stands there looks as if a crash had cut it off, but somebody saw it whole.
            Some(_) | None => Problem::Unlike(head.line, said_by.clone()),
        };
        self.report.problems.push(problem);
    }
}

/// Of many who know of a missing end the one who knows most is enough, and of another log one.
fn one_per_tail(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        let same = kept.iter_mut().find(|one| match (&**one, &problem) {
            (Problem::OtherLog(a, _), Problem::OtherLog(b, _)) => a == b,
            (Problem::Missing(a, _, Some(_)), Problem::Missing(b, _, Some(_)))
            | (Problem::Unlike(a, _), Problem::Unlike(b, _)) => a == b,
            (one, other) => one == other,
        });
        match (same, &problem) {
            (Some(Problem::Missing(_, most, who)), Problem::Missing(_, to, other)) if to > most => {
                (*most, *who) = (*to, other.clone());
            }
            (Some(_), _) => {}
            (None, _) => kept.push(problem),
        }
    }
    kept
}
