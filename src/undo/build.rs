//! Making the commits of a plan, as `git revert` makes them: signed where the config says so, through the person's own
//! `prepare-commit-msg`.

use super::files::text_of;
use super::predict::Step;
use crate::error::{AtPath, Error, Result};
use crate::git::{Checkout, Config, ObjectId, Scratch};
use bstr::BString;

/// Makes the commits, one upon the other, and returns the last; `hooks` is where the person's hooks run.
///
/// Returns an error where there is no identity, where signing fails, or where a hook refuses; nothing has changed then.
pub(super) fn commits(
    scratch: &Scratch,
    config: &Config,
    base: ObjectId,
    steps: &[Step],
    final_ones: bool,
    hooks: Option<&Checkout>,
) -> Result<ObjectId> {
    let sign = final_ones && config.is_true("commit", "gpgSign") == Some(true);
    let mut tip = base;
    for step in steps {
        let mut message = step.message.clone();
        if final_ones {
            message = cleaned(scratch, config, prepared(scratch, hooks, message)?)?;
        }
        let made = scratch.commit(&step.tree, &[tip], &message, sign);
        tip = made.map_err(|error| {
            Error::refused("cannot-commit", format!("{error}; nothing was changed"))
                .hint("git needs your name and, where commit.gpgSign is on, your key")
        })?;
    }
    Ok(tip)
}

fn prepared(scratch: &Scratch, hooks: Option<&Checkout>, message: BString) -> Result<BString> {
    let Some(checkout) = hooks else { return Ok(message) };
    let file = scratch.folder()?.join("COMMIT_EDITMSG");
    std::fs::write(&file, &message).at("write", &file)?;
    let words = ["hook", "run", "--ignore-missing", "prepare-commit-msg", "--", &text_of(&file), "message"];
    let output = checkout.git().env("GIT_EDITOR", ":").args(words).output()?;
    if !output.status.success() {
        let message = format!("your prepare-commit-msg hook refused; nothing was changed ({})", output.complaint());
        return Err(Error::refused("hook", message).hint(
            "mend what it asks for, and run the same command again: git rev-parse --git-path hooks/prepare-commit-msg",
        ));
    }
    Ok(std::fs::read(&file).at("read", &file)?.into())
}

/// `commit.cleanup`, as a revert without an editor heeds it.
fn cleaned(scratch: &Scratch, config: &Config, message: BString) -> Result<BString> {
    let words: &[&str] = match config.get("commit", "cleanup").as_deref() {
        Some("whitespace" | "scissors") => &["stripspace"],
        Some("strip") => &["stripspace", "--strip-comments"],
        _ => return Ok(message),
    };
    Ok(scratch.git()?.args(words).read_with(&message)?.into())
}
