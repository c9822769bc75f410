//! Asking the host what it would say, without a push that could happen by mistake.
//!
//! The push names, beside the branch, a reference that cannot exist with it, all or nothing: so also a host whose hooks are
//! off cannot carry it out. Only a host that tells of a site is asked, for others do not know the question.

use super::journal::{Entry, Journal, State};
use super::plan::HostVerdict;
use super::prepare::Prepared;
use crate::error::Result;
use crate::git::{Lease, RefName, Repository, Scratch};
use crate::guard::Announcement;
use bstr::{BString, ByteSlice};

/// Returns what the host says of a plan; `None` where it is not asked.
pub(super) fn ask(repository: &Repository, prepared: &Prepared) -> Result<Option<HostVerdict>> {
    let Some(host) = prepared.host.as_ref().filter(|host| host.speaks) else { return Ok(None) };
    let config = repository.config();
    // What is judged is the movement; that this commit is another one than the one to be pushed plays no part.
    let made = prepared.overwrite.or(prepared.resolved).map_or_else(
        || {
            Journal::of(repository).outlast_undo();
            super::build::commits(&prepared.scratch, &config, prepared.base, &prepared.steps, false, None)
        },
        Ok,
    );
    let Ok(target) = made else { return Ok(Some(unknown())) };
    let lease = Lease { name: prepared.reference.clone(), expect: prepared.expect, target, is_there: false };
    let mut options = announcement(prepared, &lease);
    options.push("cairn.check".into());
    let Some(beside) = RefName::new([lease.name.as_bytes(), b"/cairn.check"].concat()) else {
        return Ok(Some(unknown()));
    };
    let said = host.remote.check(prepared.scratch.git()?, &lease, &beside, &options)?;
    Ok(Some(read(&said).unwrap_or_else(unknown)))
}

/// Returns the push options by which the host is told what it is to drop.
pub(super) fn announcement(prepared: &Prepared, lease: &Lease) -> Vec<BString> {
    let speaks = prepared.host.as_ref().is_some_and(|host| host.speaks);
    let announced = Announcement::of(lease).filter(|_| speaks && prepared.overwrite.is_some());
    announced.iter().map(Announcement::option).collect()
}

/// Returns the push options by which the host is told that what comes may come though it was dropped: this clone took exactly
/// this back, and now does it again.
pub(super) fn reintroduced(journal: &Journal, scratch: &Scratch, lease: &Lease, speaks: bool) -> Result<Vec<BString>> {
    let target = Some(lease.target.to_string());
    let was =
        |entry: &Entry| entry.state == State::Undone && entry.remote.as_ref().is_some_and(|moved| moved.new == target);
    let Some(expect) = lease.expect.filter(|_| speaks) else { return Ok(vec![]) };
    if !journal.entries()?.iter().any(was) {
        return Ok(vec![]);
    }
    let roots = scratch.bottoms(&expect, &lease.target)?;
    Ok(roots.iter().map(|root| format!("cairn.reintroduce={root}").into()).collect())
}

fn unknown() -> HostVerdict {
    HostVerdict { verdict: "unknown".into(), rule: None, rescue: None }
}

/// Returns the one line of JSON among what a host says.
pub(super) fn document(said: &[u8]) -> Option<serde_json::Value> {
    let line = said.lines().find_map(|line| line.split_once_str("hint: cairn {").map(|(_, rest)| rest))?;
    let end = line.rfind_byte(b'}')? + 1;
    serde_json::from_slice(&[b"{", &line[..end]].concat()).ok()
}

fn read(said: &[u8]) -> Option<HostVerdict> {
    let document = document(said)?;
    let word = document["verdict"].as_str().filter(|word| ["accepted", "refused"].contains(word))?;
    Some(HostVerdict {
        verdict: word.into(),
        rule: document["rule"].as_str().map(str::to_owned),
        rescue: document["rescue"].as_bool(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_is_known_counts() {
        let said = b"remote: error: no        \nremote: hint: cairn {\"verdict\":\"refused\",\"rule\":\"rewind\",\"rescue\":true}   \nTo x\n";
        let verdict = read(said).unwrap();
        assert_eq!(
            (verdict.verdict.as_str(), verdict.rule.as_deref(), verdict.rescue),
            ("refused", Some("rewind"), Some(true))
        );
        assert!(read(b"remote: hint: cairn {\"verdict\":\"perhaps\"}\n").is_none());
        assert!(read(b"remote: hint: something else\n! [remote rejected]\n").is_none());
    }
}
