//! `git cairn demo`: the whole story in a throw-away folder, with real pushes through real hooks.

mod acts;
mod stage;

use crate::cli::arguments::Demo;
use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::cli::{done, table};
use crate::error::{AtPath, Error, Result};
use crate::os;
use serde_json::json;
use stage::{Played, Stage};
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays every act, and fails if one did not do what it says.
pub fn run(what: Demo, ui: &mut Ui) -> Result<ExitCode> {
    let temporary =
        tempfile::Builder::new().prefix("git-cairn-demo-").tempdir().at("make a folder in", &std::env::temp_dir())?;
    let (folder, kept) = match what.keep {
        Some(folder) => (fresh(folder)?, true),
        None => (temporary.path().to_owned(), false),
    };
    let mut stage = Stage::new(&folder, ui)?;
    acts::play(&mut stage);
    let played = stage.into_played();
    conclude(&played, ui);
    if kept {
        ui.say(&format!("everything is in {}", folder.display()));
    }
    if played.iter().all(|act| act.problem.is_none()) && played.len() == acts::COUNT {
        return done();
    }
    Err(Error::failed("demo", "an act did not do what it says")
        .hint("keep everything to look at it: git cairn demo --keep <dir>"))
}

fn fresh(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir(&folder).at("create the folder", &folder)?;
    os::canonicalize(&folder).at("find", &folder)
}

fn conclude(played: &[Played], ui: &mut Ui) {
    if ui.wants_json() {
        let acts: Vec<_> = played.iter().map(|act| json!({"act": act.title, "shown": act.shown, "ok": act.problem.is_none(), "problem": act.problem, "milliseconds": act.milliseconds})).collect();
        ui.document(&json!({"schema": 1, "acts": acts}));
        return;
    }
    ui.result("");
    let row = |(n, act): (usize, &Played)| {
        let shown = act.problem.clone().unwrap_or_else(|| act.shown.clone());
        let mark = if act.problem.is_none() { "ok" } else { "FAILED" };
        vec![format!("{}", n + 1), act.title.to_owned(), mark.into(), format!("{} ms", act.milliseconds), shown]
    };
    let rows: Vec<_> = played.iter().enumerate().map(row).collect();
    for (line, act) in table::lines(&rows).iter().zip(played) {
        let style = if act.problem.is_none() { Style::Good } else { Style::Bad };
        ui.result_line(&Line::of(style, line));
    }
}
