//! `git cairn backup get`.

use crate::backup::{CaptureForm, Catalog, Get as What, Manifest, get, get_capture};
use crate::cli::arguments::Get;
use crate::cli::done;
use crate::cli::source::Source;
use crate::cli::ui::Ui;
use crate::durable::{Modes, Staged};
use crate::error::{AtPath, Error, Result};
use crate::git::Place;
use crate::restore::{check_outside, check_outside_store};
use crate::text::shell_word;
use crate::uncommitted::patch::Paint;
use serde_json::json;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Hands out a backup's code as one bundle, or what was captured of its work tree.
pub fn run(place: &Place, what: Get, ui: &mut Ui) -> Result<ExitCode> {
    let form = form(&what)?;
    let source = Source::open(place, &what.store)?;
    let catalog = source.catalog()?;
    let manifest = source.select(&catalog, &what.backup)?;
    let scratch = source.scratch()?;
    let to = what.to.unwrap_or_else(|| PathBuf::from(form.file_name(manifest)));
    if to == Path::new("-") {
        if ui.wants_json() {
            return Err(
                Error::usage("--json and --to - both want standard output").hint("name a file with --to <file>")
            );
        }
        let stdout = std::io::stdout();
        let terminal = stdout.is_terminal();
        if terminal && !form.is_text() {
            return Err(Error::usage("a bundle is nothing for a terminal")
                .hint("name a file with --to <file>, or send it on: --to - | ..."));
        }
        let mut out = BufWriter::new(stdout.lock());
        form.write(&catalog, manifest, ui.paint(), &scratch, &mut out, &to)?;
        return done();
    }
    if to.symlink_metadata().is_ok() {
        return Err(Error::refused("file-exists", format!("{} exists; nothing was changed", to.display()))
            .hint("name another file with --to <file>"));
    }
    check_outside(&to)?;
    check_outside_store(&to, source.root())?;
    let staged = Staged::new(&std::path::absolute(&to).at("find", &to)?, Modes::OWNER)?;
    let mut out = BufWriter::new(staged);
    form.write(&catalog, manifest, Paint::Exact, &scratch, &mut out, &to)?;
    out.flush().at("write", &to)?;
    let staged = out.into_inner().map_err(|_| Error::outside("io", format!("cannot write {}", to.display())))?;
    staged.publish()?;
    if ui.wants_json() {
        ui.document(&json!({"schema": 1, "backup": manifest.id, "element": what.element, "file": to}));
    } else {
        ui.result(&to.display().to_string());
        ui.hint(&form.next(manifest, &to));
    }
    done()
}

/// What is handed out.
#[derive(Debug, Clone, Copy)]
enum Form {
    Code(What),
    Bundle(CaptureForm),
    Patch,
}

fn form(what: &Get) -> Result<Form> {
    match (what.element.as_str(), what.patch, what.thin) {
        ("uncommitted", true, _) => Ok(Form::Patch),
        ("uncommitted", _, true) => Ok(Form::Bundle(CaptureForm::Thin)),
        ("uncommitted", ..) if what.visible => {
            Err(Error::usage("--visible is for code").hint("leave it out with --element uncommitted"))
        }
        ("uncommitted", ..) => Ok(Form::Bundle(CaptureForm::Whole)),
        (_, false, false) => Ok(Form::Code(if what.visible { What::Visible } else { What::Everything })),
        _ => Err(Error::usage("--patch and --thin are for uncommitted edits").hint("add --element uncommitted")),
    }
}

impl Form {
    fn file_name(self, manifest: &Manifest) -> String {
        let (site, environment, id) = (&manifest.site.name, &manifest.environment, &manifest.id);
        let ending = match self {
            Self::Code(_) => "code.bundle",
            Self::Bundle(_) => "uncommitted.bundle",
            Self::Patch => "uncommitted.patch",
        };
        format!("{site}_{environment}_{id}_{ending}")
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Patch)
    }

    fn write(
        self,
        catalog: &Catalog<'_>,
        manifest: &Manifest,
        paint: Paint,
        scratch: &Path,
        out: &mut dyn Write,
        shown: &Path,
    ) -> Result<()> {
        match self {
            Self::Code(which) => get(catalog, manifest, which, scratch, out, shown),
            Self::Bundle(form) => get_capture(catalog, manifest, form, scratch, out, shown),
            Self::Patch => get_capture(catalog, manifest, CaptureForm::Patch(paint), scratch, out, shown),
        }
    }

    /// What a person does with the file.
    fn next(self, manifest: &Manifest, to: &Path) -> String {
        let file = shell_word(to);
        let base = manifest.uncommitted.as_ref().and_then(|found| found.base.clone());
        match self {
            Self::Code(_) => format!("to have every reference: git clone --mirror {}", to.display()),
            Self::Bundle(_) => {
                format!("to look at the edits in a clone: git fetch {file} HEAD, then git diff FETCH_HEAD~ FETCH_HEAD")
            }
            Self::Patch => match base {
                Some(base) => {
                    format!("to have the edits in a clone: git switch --detach {base}, then git apply --binary {file}")
                }
                None => format!("to have the edits in an empty repository: git apply --binary {file}"),
            },
        }
    }
}
