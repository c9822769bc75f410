//! What gitolite's rules would refuse after us: it checks each reference in its `update` hook, when the guard has judged.

use super::files::is_gitolites;
use crate::git::Repository;
use crate::guard::{Change, Denied, Wanted};
use crate::os::OsStrExt;
use crate::process::Command;
use crate::text::{shell_word, shown};
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// About how many references it is asked at most, a process each; of the others it says so itself.
const ASKED_MAX: usize = 8;
/// How long it may take to answer them all.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The most of an answer that is kept, in characters.
const SAID_MAX: usize = 300;

/// gitolite, for the push that it let in.
struct Gitolite {
    program: PathBuf,
    repository: String,
    user: String,
}

/// Asks gitolite which movements of a push that the guard accepts its rules deny: those that drop something, or with `all`
/// every one. Where gitolite has not let this push in, nothing is asked; where it does not answer, nothing is denied here.
pub(super) fn denied(repository: &Repository, wanted: &[Wanted], all: bool) -> Vec<Denied> {
    let found = Gitolite::of(|name| std::env::var(name).ok());
    let Some(gitolite) = found.filter(|_| is_gitolites(&repository.common_dir())) else { return vec![] };
    gitolite.denied(wanted, all, Instant::now() + ANSWER_MAX)
}

impl Gitolite {
    /// Reads what gitolite's shell tells its hooks (gitolite's `src/gitolite-shell`); with `GL_BYPASS_ACCESS_CHECKS` they
    /// check nothing.
    fn of(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        if get("GL_BYPASS_ACCESS_CHECKS").is_some_and(|value| value != "0") {
            return None;
        }
        let program = PathBuf::from(get("GL_BINDIR")?).join("gitolite");
        // Debian has it elsewhere in the PATH that gitolite gives its hooks.
        let program = if program.is_file() { program } else { "gitolite".into() };
        Some(Self { program, repository: get("GL_REPO")?, user: get("GL_USER")? })
    }

    fn denied(&self, wanted: &[Wanted], all: bool, deadline: Instant) -> Vec<Denied> {
        let asked = wanted.iter().filter(|one| one.change.drops() || all && one.change != Change::Nothing);
        asked.take(ASKED_MAX).filter_map(|one| self.denies(one, deadline)).collect()
    }

    /// `gitolite access` prints one line, `<right> <reference> <repository> <user> DENIED by <rule>` where its rules deny it.
    fn denies(&self, one: &Wanted, deadline: Instant) -> Option<Denied> {
        let right = match one.change {
            Change::Create => "C",
            Change::Delete => "D",
            Change::Rewind | Change::TagMove => "+",
            Change::Nothing | Change::Forward => "W",
        };
        let words = [self.repository.as_str(), &self.user, right].map(OsStr::new);
        let reference = OsStr::from_bytes(one.asked.as_bytes());
        let access = Command::new(&self.program).arg("access").args(words).arg(reference);
        let mut answer = Vec::new();
        access.converse(Some(deadline)).ok()?.output.read_to_end(&mut answer).ok()?;
        let said = answer.lines().find(|line| line.contains_str(" DENIED by "))?;
        Some(Denied {
            name: one.asked.clone(),
            said: shown(said.trim()).chars().take(SAID_MAX).collect(),
            ask: format!("{} {} {right}", shell_word(&self.repository), shell_word(&self.user)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::RefName;
    use std::os::unix::fs::PermissionsExt;

    fn wanted(name: &str, change: Change) -> Wanted {
        let name = RefName::new(name.as_bytes()).unwrap();
        Wanted {
            asked: name.clone(),
            name,
            claimed: None,
            old: None,
            new: None,
            change,
            brings_back: vec![],
            in_order: false,
        }
    }

    #[test]
    fn only_a_push_that_gitolite_let_in_and_checks_is_asked_about() {
        let all = [("GL_BINDIR", "/gl"), ("GL_REPO", "site"), ("GL_USER", "anna")];
        let of = |variables: &[(&str, &str)]| {
            let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Gitolite::of(get).is_some()
        };
        assert!(of(&all) && of(&[&all[..], &[("GL_BYPASS_ACCESS_CHECKS", "0")]].concat()));
        assert!(!of(&[&all[..], &[("GL_BYPASS_ACCESS_CHECKS", "1")]].concat()));
        for left_out in 0..all.len() {
            let rest: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != left_out).map(|(_, one)| *one).collect();
            assert!(!of(&rest) && !of(&[&rest[..], &[(all[left_out].0, "")]].concat()), "{rest:?}");
        }
    }

    #[test]
    fn what_it_denies_is_in_its_own_words_and_what_it_does_not_answer_is_not_denied() {
        let folder = tempfile::tempdir().unwrap();
        let gitolite = |body: &str| {
            let program = folder.path().join(format!("gitolite-{}", body.len()));
            // Written by a process of its own: no child of another test holds it open.
            let write = Command::new("sh").args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\"", "sh", body]);
            write.arg(&program).read().unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            Gitolite { program, repository: "site".into(), user: "anna".into() }
        };
        let soon = || Instant::now() + Duration::from_secs(60);
        let all = [
            wanted("refs/heads/main", Change::Rewind),
            wanted("refs/heads/gone", Change::Delete),
            wanted("refs/heads/more", Change::Forward),
            wanted("refs/heads/new", Change::Create),
            wanted("refs/heads/stays", Change::Nothing),
        ];
        let denying = gitolite(r#"test "$1" = access && echo "$4 $5 $2 $3 DENIED by fallthru"; exit 1"#);
        let said = |all_of_them| -> Vec<_> {
            denying.denied(&all, all_of_them, soon()).into_iter().map(|denied| denied.said).collect()
        };
        let drops =
            ["+ refs/heads/main site anna DENIED by fallthru", "D refs/heads/gone site anna DENIED by fallthru"];
        assert_eq!(said(false), drops);
        let others =
            ["W refs/heads/more site anna DENIED by fallthru", "C refs/heads/new site anna DENIED by fallthru"];
        assert_eq!(said(true), [drops, others].concat());
        let many: Vec<_> = (0..20).map(|n| wanted(&format!("refs/heads/{n}"), Change::Delete)).collect();
        assert_eq!(denying.denied(&many, false, soon()).len(), ASKED_MAX);
        for body in ["echo refs/heads/main", "exit 1", "echo 'cannot read the rules' >&2; exit 255"] {
            assert_eq!(gitolite(body).denied(&all, true, soon()), [], "{body}");
        }
        let begun = Instant::now();
        let slow = gitolite("sleep 60; echo DENIED by fallthru").denied(&all, true, begun + Duration::from_millis(100));
        assert_eq!(slow, []);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
