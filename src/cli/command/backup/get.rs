//! `git cairn backup get`.

use crate::backup::{Get as What, get, select};
use crate::cli::arguments::Get;
use crate::cli::done;
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::durable::{Modes, Staged};
use crate::error::{AtPath, Error, Result};
use crate::git::Place;
use serde_json::json;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Hands out a backup's code as one bundle.
pub fn run(place: &Place, what: Get, ui: &mut Ui) -> Result<ExitCode> {
    let source = Source::open(place, &what.store)?;
    let catalog = source.catalog()?;
    let manifest = select(&catalog, &what.backup)?;
    let scratch = source.scratch()?;
    let which = if what.visible { What::Visible } else { What::Everything };
    let to = what.to.unwrap_or_else(|| {
        PathBuf::from(format!("{}_{}_{}_code.bundle", manifest.site.name, manifest.environment, manifest.id))
    });
    if to == Path::new("-") {
        if ui.wants_json() {
            return Err(
                Error::usage("--json and --to - both want standard output").hint("name a file with --to <file>")
            );
        }
        let stdout = std::io::stdout();
        if stdout.is_terminal() {
            return Err(Error::usage("a bundle is nothing for a terminal")
                .hint("name a file with --to <file>, or send it on: --to - | ..."));
        }
        let mut out = BufWriter::new(stdout.lock());
        get(&catalog, manifest, which, &scratch, &mut out, &to)?;
        return done();
    }
    if to.symlink_metadata().is_ok() {
        return Err(Error::refused("file-exists", format!("{} exists; nothing was changed", to.display()))
            .hint("name another file with --to <file>"));
    }
    let staged = Staged::new(&std::path::absolute(&to).at("find", &to)?, Modes::OWNER)?;
    let mut out = BufWriter::new(staged);
    get(&catalog, manifest, which, &scratch, &mut out, &to)?;
    out.flush().at("write", &to)?;
    let staged = out.into_inner().map_err(|_| Error::outside("io", format!("cannot write {}", to.display())))?;
    staged.publish()?;
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "backup": manifest.id, "element": "code", "file": to}));
    } else {
        ui.result(&to.display().to_string());
        ui.hint(&format!("to have every reference: git clone --mirror {}", to.display()));
    }
    done()
}
