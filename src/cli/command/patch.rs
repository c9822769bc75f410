//! The changes of a served work tree themselves, for `git cairn uncommitted --patch` and `--stat`.

use crate::cli::ui::Ui;
use crate::deployment::Served;
use crate::element::uncommitted::{Take, Uncommitted, warnings, write_patch};
use crate::error::{AtPath, Result};
use crate::git::Repository;
use crate::site::Environment;
use crate::uncommitted::Owners;
use crate::uncommitted::patch::Paint;
use crate::worker::{How, take_capture};
use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The most lines that are written to a terminal.
const LINES_MAX: usize = 2_000;

/// How changes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a patch.
    Patch,
    /// As the number of changed lines of each file.
    Stat,
}

/// Shows every change that was seen; what is needed only meanwhile lies below `scratch`.
pub fn show(
    repository: &Repository,
    environment: &Environment,
    served: &Served,
    form: Form,
    scratch: &Path,
    ui: &mut Ui,
) -> Result<()> {
    let record = match form {
        Form::Patch => patch(repository, environment, served, scratch, ui)?,
        Form::Stat => statistics(repository, environment, served, scratch, ui)?,
    };
    // What is no difference of files has no place in a patch.
    for line in warnings(&record) {
        ui.warn(&line.replacen("captured", "shown", 1));
    }
    Ok(())
}

fn patch(
    repository: &Repository,
    environment: &Environment,
    served: &Served,
    scratch: &Path,
    ui: &mut Ui,
) -> Result<Uncommitted> {
    let name = environment.name.as_str();
    let folder = tempfile::tempdir_in(scratch).at("make a folder in", scratch)?;
    let owners = Owners::read();
    let what = Take {
        host: repository,
        environment: name,
        rules: None,
        deadline: None,
        ignored: false,
        scratch: folder.path(),
        user: &|number| owners.name(number),
    };
    let paint = ui.paint();
    let stdout = io::stdout();
    let left = Cell::new((paint != Paint::Exact).then_some(LINES_MAX));
    let mut out = BufWriter::new(Bounded { out: stdout.lock(), left: &left });
    let is_full = || left.get() == Some(0);
    let record = write_patch(&what, &served.tree, &served.seen, paint, &mut out, &is_full)?;
    out.flush().at("write", Path::new("the patch"))?;
    drop(out);
    if is_full() {
        ui.hint(&format!("there is more: git cairn uncommitted {name} --patch > <file>"));
    }
    Ok(record)
}

/// The tree is read into a repository of a moment, and git counts.
fn statistics(
    repository: &Repository,
    environment: &Environment,
    served: &Served,
    scratch: &Path,
    ui: &mut Ui,
) -> Result<Uncommitted> {
    let how = How { rules: None, deadline: None, ignored: false };
    let taken = take_capture(repository, environment.name.as_str(), served, how, scratch)?;
    let Some((taken, commit)) = taken.and_then(|taken| taken.commit().map(|commit| (taken, commit))) else {
        return Ok(Uncommitted::default());
    };
    for line in taken.repository().tree_statistics(served.seen.base.as_ref(), &commit)? {
        ui.result(&line);
    }
    Ok(taken.record)
}

/// Writes no more than so many lines.
struct Bounded<'a, W> {
    out: W,
    left: &'a Cell<Option<usize>>,
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(mut left) = self.left.get() else { return self.out.write(bytes) };
        let mut end = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if left == 0 {
                break;
            }
            end += line.len();
            left -= usize::from(line.ends_with(b"\n"));
        }
        self.left.set(Some(left));
        self.out.write_all(&bytes[..end])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
