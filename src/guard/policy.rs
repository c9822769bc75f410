//! The policy of a host, as its git config says it: who may rewind or delete what, and what must be said for it.

use crate::error::{Error, Result};
use crate::git::{Config, RefName, wildmatch};
use crate::site::{EnvironmentName, Site};
use crate::text::shown;
use bstr::{BString, ByteSlice};

/// What a rewind or a deletion needs, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing: it may be made, and what it drops is rescued.
    Allow,
    /// An announcement of exactly this movement.
    Announce,
    /// An announcement, and a reason.
    Reason,
    /// A permission that a person on the host gave for exactly this movement.
    Grant,
    /// It is never made by a push.
    Refuse,
}

/// `cairn.guard`: what becomes of a push that a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    Enforce,
    /// It is let through, and told what would have refused it.
    Warn,
    /// It is let through. What is the host's own stays the host's, and what is dropped is rescued.
    Off,
}

/// One `[cairnProtect "<pattern>"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Protection {
    pattern: BString,
    rewind: Option<Demand>,
    delete: Option<Demand>,
    by: Vec<String>,
}

/// Everything a host's config says of what pushes may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `cairn.guard`.
    pub mode: Mode,
    /// `cairn.promote = in-order`: an environment takes only what the one before it has had.
    pub in_order: bool,
    /// The environments with `cairn.<env>.deploy = announced`: they take only deployments that say so.
    pub announced: Vec<EnvironmentName>,
    protections: Vec<Protection>,
}

/// What applies to one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// What a rewind, or the movement of a tag, needs.
    pub rewind: Demand,
    /// What a deletion needs.
    pub delete: Demand,
    /// Who alone may rewind and delete; empty: anybody.
    pub by: Vec<String>,
    /// Where that stands, for a person.
    pub source: String,
}

impl Demand {
    /// Returns the word of the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Announce => "announce",
            Self::Reason => "reason",
            Self::Grant => "grant",
            Self::Refuse => "refuse",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [Self::Allow, Self::Announce, Self::Reason, Self::Grant, Self::Refuse];
        all.into_iter().find(|demand| demand.word() == word)
    }

    /// Tells whether a movement that meets this demand was meant: announced, reasoned or granted.
    pub fn is_announced(self) -> bool {
        matches!(self, Self::Announce | Self::Reason | Self::Grant)
    }
}

impl Mode {
    /// Returns the word of the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Off => "off",
        }
    }
}

impl Policy {
    /// Reads the policy.
    ///
    /// Returns a usage error that names the key for whatever cannot be understood: a typo must never open a branch.
    pub fn from_config(config: &Config, site: &Site) -> Result<Self> {
        let mode = match config.get("cairn", "guard").as_deref() {
            None | Some("enforce") => Mode::Enforce,
            Some("warn") => Mode::Warn,
            Some("off") => Mode::Off,
            Some(other) => return Err(neither("cairn.guard", other, "enforce, warn or off")),
        };
        let in_order = match config.get("cairn", "promote").as_deref() {
            None | Some("off") => false,
            Some("in-order") => true,
            Some(other) => return Err(neither("cairn.promote", other, "off or in-order")),
        };
        let mut announced = Vec::new();
        for environment in site.environments.iter().filter(|environment| site.deploys(environment)) {
            let name = &environment.name;
            match config.get_in("cairn", name.as_str(), "deploy").as_deref() {
                None | Some("push") => {}
                Some("announced") => announced.push(name.clone()),
                Some(other) => return Err(neither(&format!("cairn.{name}.deploy"), other, "push or announced")),
            }
        }
        Ok(Self { mode, in_order, announced, protections: protections(config)? })
    }

    /// Returns what applies to a reference: what the last section says whose pattern matches, and what it leaves open by
    /// default.
    pub fn of(&self, site: &Site, name: &RefName) -> Protected {
        let (default, mut source) = match site.of_branch(name) {
            Some(environment) => {
                (Demand::Announce, format!("the default for the branch of the environment {}", environment.name))
            }
            None => (Demand::Allow, "the default".into()),
        };
        let found = self.protections.iter().rev().find(|one| wildmatch(&one.pattern, name.as_bytes()));
        if let Some(protection) = found {
            source = format!("cairnProtect \"{}\"", shown(&protection.pattern));
        }
        Protected {
            rewind: found.and_then(|one| one.rewind).unwrap_or(default),
            delete: found.and_then(|one| one.delete).unwrap_or(default),
            by: found.map(|one| one.by.clone()).unwrap_or_default(),
            source,
        }
    }
}

/// Reads the sections in their order; one that stands twice is one, where it stands last.
fn protections(config: &Config) -> Result<Vec<Protection>> {
    let mut protections: Vec<Protection> = Vec::new();
    for (key, value) in config.section("cairnprotect") {
        let Some(pattern) = key.subsection.as_ref().filter(|pattern| !pattern.is_empty()) else {
            let message = format!("cairnProtect.{} names no reference", key.name);
            return Err(Error::usage(message).hint("write it as [cairnProtect \"refs/heads/main\"]"));
        };
        let known = protections.iter().position(|one| one.pattern == *pattern);
        let fresh = Protection { pattern: pattern.clone(), rewind: None, delete: None, by: vec![] };
        let mut protection = known.map_or(fresh, |position| protections.remove(position));
        match key.name.as_str() {
            "rewind" => protection.rewind = Some(demand(key, value)?),
            "delete" => protection.delete = Some(demand(key, value)?),
            "by" => protection.by.push(value.to_str_lossy().trim().to_owned()),
            _ => {
                return Err(Error::usage(format!("{key} is no key that the guard knows"))
                    .hint("a section cairnProtect has rewind, delete and by"));
            }
        }
        protections.push(protection);
    }
    Ok(protections)
}

fn demand(key: &crate::git::Key, value: &BString) -> Result<Demand> {
    let word = value.to_str_lossy();
    Demand::parse(&word).ok_or_else(|| neither(&key.to_string(), &word, "allow, announce, reason, grant or refuse"))
}

fn neither(key: &str, value: &str, known: &str) -> Error {
    Error::usage(format!("{key} = {} is not {known}", shown(value.as_bytes())))
        .hint(format!("set it on the host: git config {key} <one of them>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(lines: &[&str]) -> Result<(Site, Policy)> {
        let config = Config::of(&[&["cairn.id=x", "cairn.site=s", "cairn.store=/s"], lines].concat());
        let site = Site::from_config(&config)?;
        Policy::from_config(&config, &site).map(|policy| (site, policy))
    }

    fn of(lines: &[&str], name: &str) -> (Demand, Demand) {
        let (site, policy) = policy(lines).unwrap();
        let protected = policy.of(&site, &RefName::new(name).unwrap());
        (protected.rewind, protected.delete)
    }

    #[test]
    fn the_last_section_that_matches_wins_and_what_it_leaves_open_has_its_default() {
        use Demand::{Allow, Announce, Grant, Refuse};
        assert_eq!(of(&[], "refs/heads/main"), (Announce, Announce));
        assert_eq!(of(&[], "refs/heads/live"), (Announce, Announce));
        assert_eq!(of(&[], "refs/heads/topic"), (Allow, Allow));
        let two = ["cairnProtect.refs/heads/**.rewind=refuse", "cairnProtect.refs/heads/main.delete=grant"];
        assert_eq!(of(&two, "refs/heads/main"), (Announce, Grant));
        assert_eq!(of(&two, "refs/heads/a/b"), (Refuse, Allow));
        let again = [&two[..], &["cairnProtect.refs/heads/**.delete=refuse"]].concat();
        assert_eq!(of(&again, "refs/heads/main"), (Refuse, Refuse), "a section counts where it stands last");
        assert_eq!(of(&["cairnProtect.refs/heads/*.rewind=refuse"], "refs/heads/a/b"), (Allow, Allow));
        assert_eq!(of(&["cairnProtect.refs/heads/release/.rewind=refuse"], "refs/heads/release/1/2").0, Refuse);
    }

    #[test]
    fn what_cannot_be_understood_is_never_passed_over() {
        for bad in [
            "cairn.guard=enforced",
            "cairn.promote=on",
            "cairn.live.deploy=announce",
            "cairnProtect.refs/heads/main.rewind=deny",
            "cairnProtect.refs/heads/main.rewnd=refuse",
            "cairnProtect.rewind=refuse",
        ] {
            let error = policy(&[bad]).unwrap_err();
            assert!(error.to_string().to_lowercase().contains("cairn"), "{error}");
        }
    }
}
