//! The changes of a served work tree themselves, for `git cairn uncommitted --patch` and `--stat`.

use crate::cli::ui::Ui;
use crate::deployment::Served;
use crate::error::{AtPath, Result};
use crate::git::Repository;
use crate::site::Environment;
use crate::uncommitted::patch::{Blobs, Paint, write};
use crate::worker::{How, take_capture};
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

/// Shows every change that was seen: the tree is read into a repository of a moment below `scratch`, and that is compared.
pub fn show(
    repository: &Repository,
    environment: &Environment,
    served: &Served,
    form: Form,
    scratch: &Path,
    ui: &mut Ui,
) -> Result<()> {
    let how = How { rules: None, budget: None, ignored: false };
    let name = environment.name.as_str();
    let Some(taken) = take_capture(repository, name, served, how, scratch)? else { return Ok(()) };
    let Some(commit) = taken.commit() else { return Ok(()) };
    let (repository, base) = (taken.repository(), served.seen.base);
    if form == Form::Stat {
        for line in repository.tree_statistics(base.as_ref(), &commit)? {
            ui.result(&line);
        }
    } else {
        let paint = ui.paint();
        let stdout = io::stdout();
        let mut out =
            BufWriter::new(Bounded { out: stdout.lock(), left: (paint != Paint::Exact).then_some(LINES_MAX) });
        let mut blobs = Blobs::of(repository);
        for change in repository.tree_changes(base.as_ref(), &commit)? {
            write(&change, &mut blobs, paint, &mut out)?;
            if out.get_ref().left == Some(0) {
                break;
            }
        }
        out.flush().at("write", Path::new("the patch"))?;
        if out.get_ref().left == Some(0) {
            ui.hint(&format!("there is more: git cairn uncommitted {name} --patch > <file>"));
        }
    }
    // What is no difference of files has no place in a patch.
    for line in crate::element::uncommitted::warnings(&taken.record) {
        ui.warn(&line.replacen("captured", "shown", 1));
    }
    Ok(())
}

/// Writes no more than so many lines.
struct Bounded<W> {
    out: W,
    left: Option<usize>,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = &mut self.left else { return self.out.write(bytes) };
        let mut end = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if *left == 0 {
                break;
            }
            end += line.len();
            *left -= usize::from(line.ends_with(b"\n"));
        }
        self.out.write_all(&bytes[..end])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
