//! `git cairn setup --man`: the manual, for who installed without a package.

use crate::cli::arguments::program;
use crate::cli::ui::Ui;
use crate::cli::{done, manual};
use crate::error::{AtPath, Error, Result};
use crate::text::count;
use crate::worker::git_cairn;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the pages below a folder of manuals, by default the one where man looks for those of a program in this one's place.
pub fn run(folder: Option<PathBuf>, ui: &mut Ui) -> Result<ExitCode> {
    let named = folder.is_some();
    let folder = match folder {
        Some(folder) => folder,
        None => beside(&git_cairn()?)?,
    };
    let section = folder.join("man1");
    std::fs::create_dir_all(&section).at("create the folder", &section)?;
    let pages = manual::pages(program()).at("make the pages of", &section)?;
    for page in &pages {
        let path = section.join(&page.file);
        std::fs::write(&path, &page.text).at("write", &path)?;
    }
    if ui.wants_json() {
        let files: Vec<_> = pages.iter().map(|page| &page.file).collect();
        ui.document(&json!({"schema": 1, "folder": section, "pages": files}));
        return done();
    }
    ui.result(&format!("{} in {}", count(pages.len(), "page"), section.display()));
    if named {
        ui.hint(&format!("where man does not look there by itself: export MANPATH={}:", folder.display()));
    }
    ui.hint("to read them: git cairn --help, man git-cairn-deploy");
    done()
}

/// man(1) looks in `share/man` beside each `bin` of the PATH.
fn beside(program: &Path) -> Result<PathBuf> {
    match program.parent() {
        Some(folder) if folder.ends_with("bin") => Ok(folder.with_file_name("share").join("man")),
        _ => Err(Error::usage(format!("{} is in no folder bin, beside which man would look", program.display()))
            .hint("say where: git cairn setup --man <dir>")),
    }
}
