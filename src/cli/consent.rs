//! Asking whether a plan is to be carried out: one way for every command that has one.

use super::arguments::Consent;
use super::ui::Ui;
use super::{declined, unconfirmed};
use crate::deployment::{Planned, confirmed, read_plan, shown_id};
use crate::error::{AtPath, Result};

/// Returns the plan that `--apply` names.
pub fn saved<P: Planned>(consent: &Consent) -> Result<Option<P>> {
    let Some(path) = &consent.apply else { return Ok(None) };
    read_plan(&std::fs::read(path).at("read the plan", path)?).map(Some)
}

/// Gets the person's yes to a plan, by `--confirm`, by `--yes`, or on a terminal after `show` has shown it.
///
/// Returns [`crate::error::Kind::Unconfirmed`] where it is not given, and [`crate::error::Kind::Moved`] where another
/// plan was confirmed.
pub fn agree<P: Planned>(plan: &P, consent: &Consent, ui: &Ui, show: impl Fn(&P, &Ui)) -> Result<()> {
    if let Some(id) = &consent.confirm {
        return confirmed(plan, id);
    }
    show(plan, ui);
    let deed = plan.deed();
    let confirm = format!("--confirm {}", shown_id(plan));
    if !consent.yes && !ui.can_ask() {
        let flags = format!("say it with --yes, or with {confirm}");
        return Err(unconfirmed(&deed, &asked_by(flags, ui)));
    }
    let given = consent.yes || ui.ask(&format!("{}?", capital(&deed)));
    if given { Ok(()) } else { Err(declined(&deed)) }
}

/// As [`agree`], for what only this word, typed, or the plan's id says yes to: `--yes` does not.
pub fn agree_by_word<P: Planned>(
    plan: &P,
    consent: &Consent,
    word: &str,
    ui: &Ui,
    show: impl Fn(&P, &Ui),
) -> Result<()> {
    if let Some(id) = &consent.confirm {
        return confirmed(plan, id);
    }
    show(plan, ui);
    let deed = plan.deed();
    if !ui.can_ask() {
        let but = if consent.yes { "--yes does not answer this; " } else { "" };
        return Err(unconfirmed(&deed, &asked_by(format!("{but}say it with --confirm {}", shown_id(plan)), ui)));
    }
    ui.say(&format!("{}?", capital(&deed)));
    if ui.ask_for_word(word) { Ok(()) } else { Err(declined(&deed)) }
}

/// Names the flags, and where a pager is why nobody is asked, the way to be.
fn asked_by(flags: String, ui: &Ui) -> String {
    ui.way_to_be_asked().map_or(flags.clone(), |way| format!("{flags}; {way}"))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}
