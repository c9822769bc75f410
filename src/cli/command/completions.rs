//! `git cairn setup --completions`: what each shell completes, for who installed without a package.

use crate::cli::completion::SCRIPTS;
use crate::cli::done;
use crate::cli::ui::Ui;
use crate::error::{AtPath, Error, Result};
use crate::os;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes the scripts below a folder `share`, by default the person's own.
pub fn run(folder: Option<PathBuf>, ui: &mut Ui) -> Result<ExitCode> {
    let folder = folder.or_else(own_share).ok_or_else(|| {
        Error::usage("there is no home, below which a shell would look")
            .hint("say where: git cairn setup --completions <dir>")
    })?;
    let mut files = vec![];
    for (name, text) in SCRIPTS {
        let path = folder.join(name);
        let within = path.parent().expect("a script lies in a folder");
        std::fs::create_dir_all(within).at("create the folder", within)?;
        std::fs::write(&path, text).at("write", &path)?;
        files.push(path);
    }
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "folder": folder, "files": files}));
        return done();
    }
    for path in &files {
        ui.result(&path.display().to_string());
    }
    ui.hint("a shell that is started from now on completes: git cairn <TAB>");
    let functions = folder.join("zsh/site-functions");
    ui.hint(&format!(
        "where zsh does not look there, before compinit in ~/.zshrc: fpath=({} $fpath)",
        functions.display()
    ));
    done()
}

/// The XDG Base Directory Specification's place for a person's own data, where bash-completion and fish look.
fn own_share() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_DATA_HOME").or_else(|| Some(os::home().filter(|path| path.is_absolute())?.join(".local/share")))
}
