//! What a push may do to a reference: a decision from values alone.

use crate::git::RefName;
use crate::site::{HIDDEN_REFS, META_REF, Site};

/// The movement of one reference that a push asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The reference that would really move, symbolic ones followed.
    pub name: RefName,
}

/// The rule by which a movement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Deployment tags are made by the host alone.
    DeploymentTag,
    /// What clients are told of the site is written by `setup` alone.
    Meta,
    /// Our own references.
    Hidden,
}

/// Returns the rule that refuses a movement, or `None` where it may be made.
pub fn judge(site: &Site, wanted: &Wanted) -> Option<Rule> {
    let name = &wanted.name;
    if name.as_bytes() == META_REF.as_bytes() {
        return Some(Rule::Meta);
    }
    if name.is_below(HIDDEN_REFS) {
        return Some(Rule::Hidden);
    }
    let short = std::str::from_utf8(name.short()).ok().filter(|_| name.is_below("refs/tags/"))?;
    // A tag below the name of a deployment's would keep git from ever making that one.
    let ends = short.match_indices('/').map(|(end, _)| end).chain([short.len()]);
    ends.into_iter().find_map(|end| site.parse_tag(&short[..end])).map(|_| Rule::DeploymentTag)
}

impl Rule {
    /// Says why, and what to do instead.
    pub fn explain(self, name: &RefName) -> [String; 2] {
        match self {
            Self::DeploymentTag => [
                format!(
                    "{} is the mark of a deployment: only this host makes such tags, and nobody moves or deletes them",
                    name.short()
                ),
                "to deploy, move the environment's branch: git cairn deploy <env>".into(),
            ],
            Self::Meta | Self::Hidden => [
                format!("{name} is written by git-cairn on this host alone"),
                "leave it out of the push; with --mirror, name what to push instead".into(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Config;

    #[test]
    fn every_rule_and_what_no_rule_touches() {
        let config = Config::of(&["cairn.id=x", "cairn.site=s", "cairn.store=/s"]);
        let site = Site::from_config(&config).unwrap();
        let verdict = |name: &str| judge(&site, &Wanted { name: RefName::new(name).unwrap() });
        assert_eq!(verdict("refs/tags/live_1"), Some(Rule::DeploymentTag));
        assert_eq!(verdict("refs/tags/test_999"), Some(Rule::DeploymentTag));
        assert_eq!(verdict("refs/tags/live_3/x"), Some(Rule::DeploymentTag));
        assert_eq!(verdict("refs/meta/cairn"), Some(Rule::Meta));
        assert_eq!(verdict("refs/cairn/pin/x"), Some(Rule::Hidden));
        let free = [
            "refs/heads/main",
            "refs/heads/live",
            "refs/heads/live_1",
            "refs/tags/v1",
            "refs/tags/live_x",
            "refs/tags/dev_1",
            "refs/meta/cairns",
        ];
        for name in free {
            assert_eq!(verdict(name), None, "{name}");
        }
    }
}
