//! The names of deployment tags.

use super::EnvironmentName;
use crate::error::{Error, Result};
use crate::git::RefName;
use std::fmt;

/// `cairn.tagTemplate`: names `{env}`, ends in a character that is no digit and `{n}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagTemplate(String);

impl TagTemplate {
    /// Checks a template.
    ///
    /// Returns a usage error where two environments or two numbers could come to the same name.
    pub fn new(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let shown = crate::text::shown(text.as_bytes());
            Error::usage(format!("cairn.tagTemplate = {shown}: {why}"))
                .hint("write it as {env}_{n} or deploy/{env}-{n}")
        };
        let before = text.strip_suffix("{n}").ok_or_else(|| wrong("it must end in {n}"))?;
        if before.matches("{env}").count() != 1 || before.contains("{n}") {
            return Err(wrong("it must name {env} once and {n} once"));
        }
        // `live1` and number 2, `live` and number 12: the same name.
        if before.ends_with("{env}") || before.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong("between {env} and {n} there must be something that ends in no digit"));
        }
        let template = Self(text.to_owned());
        let example = EnvironmentName::new("live")?;
        // A name that begins like an option is one that `git tag` makes no tag of.
        if text.starts_with('-') || RefName::tag(&template.short(&example, 1)).is_none() {
            return Err(wrong("git would not accept such a tag"));
        }
        Ok(template)
    }

    /// Returns the short name of a deployment's tag.
    pub fn short(&self, environment: &EnvironmentName, number: u64) -> String {
        self.0.replace("{env}", environment.as_str()).replace("{n}", &number.to_string())
    }

    /// Returns the full name of a deployment's tag.
    pub fn tag(&self, environment: &EnvironmentName, number: u64) -> RefName {
        RefName::tag(&self.short(environment, number)).expect("a template was checked to make tag names")
    }

    /// Returns the number, if `short` is the name of a deployment of `environment`: a plain one, from 1, without leading zeros.
    pub fn number(&self, environment: &EnvironmentName, short: &str) -> Option<u64> {
        let before = self.0.strip_suffix("{n}")?.replace("{env}", environment.as_str());
        let digits = short.strip_prefix(before.as_str())?;
        let plain = digits.chars().all(|c| c.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| plain)
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
