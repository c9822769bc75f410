//! Hooks of a push that git's config names: `hook.<name>.command` and `hook.<name>.event` (git-hook(1)). git runs them since 2.54,
//! all of them before the file of the same event, which runs whatever they say.

use crate::git::Config;

/// The events of a push on the host (githooks(5)).
const OF_A_PUSH: [&str; 7] = [
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "proc-receive",
    "push-to-checkout",
];

/// A hook that config names for a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its name there.
    pub name: String,
    /// The events of a push for which it is named.
    pub events: Vec<String>,
    /// What is run; `None`: nothing is, and git that knows such hooks refuses to go on.
    pub command: Option<String>,
}

/// Finds those that are not switched off, in the order of their names' first appearance.
pub fn configured(config: &Config) -> Vec<Configured> {
    let is_off = |name: &str| config.is_true_in("hook", name, "enabled") == Some(false);
    let names = config.subsections("hook").into_iter().filter(|name| !is_off(name));
    let one = |name: String| {
        let mut events = config.all_in("hook", &name, "event");
        // An empty one takes back those before it.
        events.drain(..events.iter().rposition(String::is_empty).map_or(0, |last| last + 1));
        events.retain(|event| OF_A_PUSH.contains(&event.as_str()) && !is_off(event));
        let command = config.get_in("hook", &name, "command");
        (!events.is_empty()).then_some(Configured { name, events, command })
    };
    names.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_would_run_for_a_push() {
        let config = Config::of(&[
            "hook.lint.command=lint all",
            "hook.lint.event=pre-receive",
            "hook.lint.event=update",
            "hook.mine.event=pre-commit",
            "hook.mine.command=x",
            "hook.off.event=update",
            "hook.off.command=x",
            "hook.off.enabled=false",
            "hook.again.event=update",
            "hook.again.event=",
            "hook.again.event=post-receive",
            "hook.all.event=post-update",
            "hook.all.command=x",
            "hook.post-update.enabled=false",
            "hook.jobs=4",
        ]);
        let found = configured(&config);
        let told: Vec<_> =
            found.iter().map(|one| (one.name.as_str(), one.events.join(" "), one.command.as_deref())).collect();
        assert_eq!(
            told,
            [("lint", "pre-receive update".into(), Some("lint all")), ("again", "post-receive".into(), None)]
        );
    }
}
