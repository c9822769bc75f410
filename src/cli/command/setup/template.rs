//! `git cairn setup --template`.

use super::mark;
use crate::cli::arguments::Setup;
use crate::cli::command::hooks::step_told;
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::error::{AtPath, Result};
use crate::git::{Place, settings};
use crate::setup::{Options, Template};
use crate::text::shell_word;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Makes a folder a template of repositories that their first push sets up, or says what that would do.
pub(super) fn run(folder: &Path, what: &Setup, options: &Options, ui: &mut Ui) -> Result<ExitCode> {
    let folder = std::path::absolute(folder).at("find", folder)?;
    let template = Template::look(&folder, &options.git_cairn)?;
    if !what.dry_run {
        template.apply()?;
    }
    let mut told: Vec<String> = template.hooks.steps.iter().filter_map(step_told).collect();
    told.extend(
        template.settings.iter().map(|setting| format!("config {} = {}", setting.key, setting.value.to_string_lossy())),
    );
    let shown = shell_word(&folder);
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "template": folder, "dry_run": what.dry_run, "changes": told}));
        return done();
    }
    for line in &told {
        ui.result(&format!("{}{line}", mark(what.dry_run)));
    }
    if told.is_empty() {
        ui.result("nothing to change");
    }
    match settings(&Place::default(), &["init.templatedir"]).get("init", "templateDir") {
        Some(used) if Path::new(&used) == folder => {}
        Some(used) => ui
            .hint(&format!("git makes repositories from {used} here; to have both: git cairn setup --template {used}")),
        None => ui.hint(&format!(
            "to make repositories from it, as the user who makes them: git config --global init.templateDir {shown}"
        )),
    }
    done()
}
