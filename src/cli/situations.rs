//! What happened, and what to type: the table that `git cairn` opens with.

use clap::Command;

/// The widest line of a help text, in columns.
const WIDTH: usize = 80;

/// What happened, and the command; one line each, the most pressing first.
const SITUATIONS: &[(&str, &str)] = &[
    ("Live is broken", "git cairn rollback live"),
    ("A commit was bad", "git cairn revert <commit>"),
    ("The branch should be as it was at a commit", "git cairn reset <commit>"),
    ("Somebody reset main under me", "git cairn catch-up"),
    ("A branch or tag was overwritten or deleted", "git cairn rescue list"),
    ("The repository is gone", "git cairn restore"),
    ("I just did something wrong", "git cairn undo"),
    ("What would a backup miss?", "git cairn uncommitted"),
    ("A deployment is due", "git cairn deploy test"),
    ("What was deployed, and when?", "git cairn deployments"),
    ("Is there a backup, and is it whole?", "git cairn backup verify"),
    ("A new host", "git cairn setup"),
];

/// Returns the situations that a command of `program` is the answer to, and the command.
pub fn answered(program: &Command) -> impl Iterator<Item = (&'static str, &'static str)> {
    SITUATIONS.iter().copied().filter(|(_, typed)| knows(program, typed))
}

/// Returns the situations that this verb is the answer to, and the command.
pub fn answered_by(verb: &Command) -> impl Iterator<Item = (&'static str, &'static str)> {
    let spoken = verb.get_bin_name().unwrap_or_default();
    let is_its =
        move |typed: &str| typed.strip_prefix(spoken).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    SITUATIONS.iter().copied().filter(move |(_, typed)| is_its(typed))
}

/// Tells whether every verb in a line such as `git cairn backup list <env>` exists.
fn knows(program: &Command, typed: &str) -> bool {
    let mut command = program;
    for word in typed.split(' ').skip(2) {
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => return !command.has_subcommands(),
        }
    }
    true
}

/// The table as lines.
pub fn table(program: &Command) -> String {
    let rows: Vec<_> = answered(program).collect();
    let width = rows.iter().map(|(situation, _)| situation.len()).max().unwrap_or(0);
    let line = |(situation, typed): &(&str, &str)| format!("{situation:<width$}  {typed}");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The verbs in lines, each of which is explained by its own help.
pub fn verbs(program: &Command) -> String {
    let mut lines = vec![String::new()];
    for verb in program.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let line = lines.last_mut().expect("there is one");
        if line.len() + 2 + verb.get_name().len() > WIDTH {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("there is one");
        line.push_str("  ");
        line.push_str(verb.get_name());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::program;

    #[test]
    fn a_verb_that_does_not_exist_is_not_named() {
        let program = program();
        assert!(knows(&program, "git cairn rollback live"));
        assert!(knows(&program, "git cairn backup verify"));
        assert!(!knows(&program, "git cairn backup burn"));
        assert!(!knows(&program, "git cairn burn"));
    }

    #[test]
    fn every_verb_is_listed_and_every_line_fits() {
        let program = program();
        let verbs = verbs(&program);
        for verb in program.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            assert!(verbs.split_whitespace().any(|word| word == verb.get_name()), "{}", verb.get_name());
        }
        let text = format!("{}\n{verbs}", table(&program));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
