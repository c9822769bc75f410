//! Where the demo is played: a folder, a known environment, and a script of what was typed and what came of it.

use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::error::{AtPath, Error, Result};
use crate::process::{Command, Output};
use crate::text::shell_quoted;
use crate::worker::git_cairn;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// An act that was played.
pub struct Played {
    /// What it was to show.
    pub title: &'static str,
    /// What it showed.
    pub shown: String,
    /// Why it did not.
    pub problem: Option<String>,
    /// How long it took.
    pub milliseconds: u128,
}

/// The stage.
pub struct Stage<'a> {
    folder: PathBuf,
    path: OsString,
    ui: &'a mut Ui,
    played: Vec<Played>,
}

impl<'a> Stage<'a> {
    /// Sets it up in an empty folder.
    pub fn new(folder: &Path, ui: &'a mut Ui) -> Result<Self> {
        let own = git_cairn()?;
        let own = own.parent().unwrap_or(Path::new("."));
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let path = std::env::join_paths(std::iter::once(own.to_owned()).chain(std::env::split_paths(&path)));
        let path = path.map_err(|_| Error::usage("the path of this program holds a colon"))?;
        Ok(Self { folder: folder.to_owned(), path, ui, played: vec![] })
    }

    /// Plays an act; after one that failed no other is played.
    pub fn act(&mut self, title: &'static str, play: impl FnOnce(&mut Self) -> Result<String>) {
        if self.played.last().is_some_and(|act| act.problem.is_some()) {
            return;
        }
        self.tell("");
        self.tell_as(Style::Strong, &format!("{}. {title}", self.played.len() + 1));
        let started = Instant::now();
        let result = play(self);
        let milliseconds = started.elapsed().as_millis();
        let (shown, problem) = match result {
            Ok(shown) => (shown, None),
            Err(error) => (String::new(), Some(error.to_string())),
        };
        self.played.push(Played { title, shown, problem, milliseconds });
    }

    /// Returns what was played.
    pub fn into_played(self) -> Vec<Played> {
        self.played
    }

    /// Types a command, shows it and what it prints, and returns its standard output; it must succeed.
    pub fn types(&mut self, words: &[&str]) -> Result<String> {
        let shown: Vec<_> = words.iter().map(|word| shell_quoted((*word).into())).collect();
        self.tell_as(Style::Typed, &format!("$ {}", shown.join(" ")));
        let output = self.command(words[0]).args(&words[1..]).output()?;
        self.show(&output);
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::failed("demo", format!("{} ended with {}", words.join(" "), output.status)))
    }

    /// Runs a command unseen and returns its standard output.
    pub fn asks(&self, words: &[&str]) -> Result<String> {
        let bytes = self.command(words[0]).args(&words[1..]).read()?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file, and shows how one would.
    pub fn writes(&mut self, file: &str, content: &str) -> Result<()> {
        self.tell_as(Style::Typed, &format!("$ echo {} > {file}", shell_quoted(content.into())));
        let path = self.folder.join(file);
        std::fs::write(&path, format!("{content}\n")).at("write", &path)
    }

    /// Returns a path on the stage.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Shows a line.
    pub fn tell(&mut self, line: &str) {
        self.tell_as(Style::Plain, line);
    }

    /// Shows a line of something.
    pub fn tell_as(&mut self, style: Style, line: &str) {
        if self.ui.wants_json() {
            self.ui.say(line);
        } else {
            self.ui.result_line(&Line::of(style, line));
        }
    }

    fn show(&mut self, output: &Output) {
        for bytes in [&output.stderr, &output.stdout] {
            for line in String::from_utf8_lossy(bytes).lines() {
                self.tell_as(style_of(line), &format!("  {}", line.trim_end()));
            }
        }
    }

    /// Nothing of this machine's own settings has a say on the stage, and nobody needs a name.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program).in_folder(&self.folder);
        for (name, value) in [
            ("HOME", "."),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Anna"),
            ("GIT_AUTHOR_EMAIL", "anna@example.org"),
            ("GIT_COMMITTER_NAME", "Anna"),
            ("GIT_COMMITTER_EMAIL", "anna@example.org"),
        ] {
            command = command.env(name, value);
        }
        command.env("PATH", &self.path)
    }
}

/// The style of a line that a command prints: what git's own colors show in what a host says.
fn style_of(line: &str) -> Style {
    let said = line.trim_start_matches("remote: ");
    let begins = |word: &str| said.starts_with(&format!("{word}: "));
    match () {
        () if begins("success") => Style::Good,
        () if begins("hint") || begins("warning") => Style::Caution,
        () if begins("error") => Style::Bad,
        () => Style::Plain,
    }
}
