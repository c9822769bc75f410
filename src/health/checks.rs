//! What was seen of a host, judged: a line each, with the command that mends it. Nothing is looked at here.

use super::facts::{Backed, Facts, JobFacts, Room, ServedFolder, StoreFacts};
use super::trial::{Means, Tried};
use crate::clock;
use crate::error::JOBS_DAMAGED;
use crate::git::GitVersion;
use crate::guard::Mode;
use crate::hook::{Configured, Layout};
use crate::site::HIDDEN_REFS;
use crate::text::{count, shell_word, shown, size};
use std::path::Path;

/// From how many objects on a commit-graph and a bitmap are missed.
const MANY_OBJECTS: u64 = 10_000;
/// How far two clocks may differ, in seconds.
const CLOCK_DIFFERS_MAX: i64 = 60;

/// How many references that changed without a push, and people, are named.
const NAMED_MAX: usize = 5;

/// Where less than so many bytes are free, a file that cannot be written has no room.
const UNWRITABLE_BELOW: u64 = 64 << 10;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and something is worth a look.
    Warning,
    /// A push is not guarded, marked or backed up.
    Error,
}

impl Level {
    /// Returns the word that documents carry.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: a stable word for scripts.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

/// Judges everything that was seen of a host.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut all = vec![set_up(facts)];
    all.extend(hooks(facts));
    all.extend(facts.tried.iter().flat_map(trial));
    all.push(programs(facts));
    all.extend(config(facts));
    all.extend(guard(facts));
    all.extend(files(facts));
    all.extend(objects(facts));
    all.extend(store(facts));
    all.push(clock_check(facts));
    all.extend(jobs(facts));
    all.extend(backups(facts));
    all.push(changed(facts));
    all.push(head(facts));
    all.extend(facts.served.iter().map(served));
    all.extend(facts.lost_hooks.iter().map(|path| lost_hook(path)));
    all
}

fn ok(name: &'static str, text: impl Into<String>) -> Check {
    Check { name, level: Level::Ok, text: text.into(), fix: None }
}

fn warning(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name, level: Level::Warning, text: text.into(), fix: Some(fix.into()) }
}

fn error(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name, level: Level::Error, text: text.into(), fix: Some(fix.into()) }
}

/// Of what a restore brought back setup mends more than each line below would.
fn set_up(facts: &Facts) -> Check {
    let Some(restored) = &facts.restored else { return ok("setup", "this repository was set up here") };
    let what = match &restored.held_by {
        Some(id) => format!("this repository is what backup {id} holds, as a restore leaves it"),
        None => "this repository is what a restore leaves".into(),
    };
    error("setup", format!("{what}; it is not set up, so pushes are not judged, marked or backed up"), &restored.fix)
}

/// The command that puts what is missing in place: setup, where nothing of it was done here.
fn or_setup<'a>(facts: &'a Facts, fix: &'a str) -> &'a str {
    facts.restored.as_ref().map_or(fix, |restored| &restored.fix)
}

fn hooks(facts: &Facts) -> Vec<Check> {
    let install = or_setup(facts, "git cairn hooks install");
    let one = |hook: &super::facts::Hook| {
        let (seen, name) = (&hook.inspected, hook.inspected.event.name());
        match (&seen.problem, &hook.fails) {
            (Some(problem), _) => error(name, format!("{}: {problem}", shell_word(&seen.path)), install),
            (None, Some(fails)) => error(name, fails, install),
            (None, None) => ok(name, format!("{} runs", shell_word(&seen.path))),
        }
    };
    let mut found: Vec<_> = facts.hooks.iter().map(one).collect();
    let folder = shell_word(&facts.hooks_folder);
    found.push(match facts.layout {
        Layout::Own => ok("hooks-path", format!("git looks for hooks in {folder}, which is this repository's alone")),
        Layout::Beside { .. } if facts.looks_in != facts.hooks_folder => error(
            "hooks-path",
            format!("git looks for hooks in {}, and ours stand in {folder}", shell_word(&facts.looks_in)),
            install,
        ),
        Layout::Beside { .. } => {
            ok("hooks-path", format!("core.hooksPath names {folder}, from where what stood before runs too"))
        }
        Layout::Forge(_) => ok("hooks-path", format!("the front end of this repository runs {folder}")),
    });
    found.push(by_path(facts));
    found.push(config_hooks(facts));
    found
}

/// Whether every push meets the same hooks, whatever git serves it.
fn config_hooks(facts: &Facts) -> Check {
    let name = "config-hooks";
    let listed: Vec<_> = facts.configured.iter().take(NAMED_MAX).map(named).collect();
    let (listed, runs) = (listed.join(", "), facts.git.as_ref().is_some_and(GitVersion::has_config_hooks));
    let git = facts.git.as_ref().map_or("git".into(), |git| format!("git {git}"));
    let off = |hooks: &mut dyn Iterator<Item = &Configured>| {
        let one = |hook: &Configured| format!("git config {} false", shell_word(format!("hook.{}.enabled", hook.name)));
        hooks.map(one).collect::<Vec<_>>().join(" && ")
    };
    let without = |hook: &&Configured| hook.command.is_none();
    match facts.configured.iter().find(without) {
        _ if facts.configured.is_empty() => {
            ok(name, "config names no hook of a push: every git runs the same, from files")
        }
        Some(empty) if runs => error(
            name,
            format!("config names no command for the hook {}, so {git} refuses every push", named(empty)),
            off(&mut facts.configured.iter().filter(without)),
        ),
        _ if runs => ok(name, format!("{git} runs what config names as well, before our files: {listed}")),
        _ => warning(
            name,
            format!(
                "config names hooks that {git} does not run, and git 2.54 or later does: {listed}; every git runs a file in {}",
                shell_word(&facts.hooks_folder)
            ),
            off(&mut facts.configured.iter()),
        ),
    }
}

fn named(hook: &Configured) -> String {
    format!("{} ({})", shown(hook.name.as_bytes()), hook.events.join(", "))
}

fn by_path(facts: &Facts) -> Check {
    if facts.names_hooks_path {
        return ok(
            "by-path",
            "core.hooksPath of the repository counts before that of whoever pushes by a path of this machine",
        );
    }
    if facts.by_path.is_empty() {
        return ok("by-path", "nobody but the owner pushed by a path of this machine, by which their own git runs");
    }
    let names: Vec<_> = facts.by_path.iter().take(NAMED_MAX).map(|name| shown(name.as_bytes())).collect();
    let text = format!(
        "{} pushed by a path of this machine: with a core.hooksPath of their own no hook of ours runs",
        names.join(", ")
    );
    warning("by-path", text, format!("git config core.hooksPath {}", shell_word(&facts.hooks_folder)))
}

/// What the pushes into a copy came to.
fn trial(tried: &Result<Vec<Tried>, String>) -> Vec<Check> {
    match tried {
        Ok(tried) => tried.iter().map(push).collect(),
        Err(why) => {
            let again = "git cairn hooks install && git cairn doctor --trial-push";
            vec![error("trial-push", format!("no push could be tried: {why}"), again)]
        }
    }
}

fn push(tried: &Tried) -> Check {
    let Tried { means, branch, accepted, said } = tried;
    let says = |word: &str| said.iter().find(|line| line.starts_with(word)).cloned();
    let name = match means {
        Means::Push => "trial-push",
        Means::Deployment => "trial-deployment",
        Means::Rewind => "trial-rewind",
    };
    // Only our own verdict comes with a document.
    let judged = says("hint: cairn {").is_some();
    let telling = ["error: ", "success: ", "warning: ", "fatal: ", "hint: "].iter().find_map(|word| says(word));
    let telling = telling.unwrap_or_else(|| "nothing was said".into());
    let well = match means {
        Means::Push => *accepted && says("hint: this is a trial").is_some(),
        Means::Deployment => {
            if *accepted {
                says("success: ").is_some()
            } else {
                judged
            }
        }
        Means::Rewind => judged || *accepted && said.iter().any(|line| line.contains("is kept until")),
    };
    let (what, answer) = (
        match means {
            Means::Push => "a push",
            Means::Deployment => "a deployment",
            Means::Rewind => "a push that drops commits",
        },
        if *accepted { "accepted" } else { "refused" },
    );
    let text = format!("{what} to {branch} is {answer}: {telling}");
    if well {
        return ok(name, text);
    }
    let hint =
        said.iter().filter(|line| !line.starts_with("hint: cairn {")).find_map(|line| line.strip_prefix("hint: "));
    error(name, text, hint.unwrap_or("git cairn hooks install").to_owned())
}

fn programs(facts: &Facts) -> Check {
    match facts.open_programs.first() {
        None => ok("programs", "nobody but their owner can change the programs that hooks run"),
        Some(open) => error(
            "programs",
            format!("everybody can change {}, which hooks run", shell_word(open)),
            format!("chmod o-w {}", shell_word(open)),
        ),
    }
}

fn config(facts: &Facts) -> Vec<Check> {
    let config = &facts.config;
    let hidden = HIDDEN_REFS.trim_end_matches('/');
    let is_on = |section, name| config.is_true(section, name) == Some(true);
    let hides =
        ["transfer", "receive"].iter().any(|section| config.all(section, "hideRefs").iter().any(|name| name == hidden));
    let mut found = vec![
        if is_on("receive", "advertisePushOptions") {
            ok("push-options", "clients may send push options: notes and announcements arrive")
        } else {
            error(
                "push-options",
                "clients cannot send push options, so neither notes nor announcements arrive",
                or_setup(facts, "git config receive.advertisePushOptions true"),
            )
        },
        if hides {
            ok("hide-refs", format!("{hidden} is neither shown to clients nor written by them"))
        } else {
            error(
                "hide-refs",
                format!("{hidden} is not hidden from clients"),
                format!("git config --add transfer.hideRefs {hidden}"),
            )
        },
    ];
    for (key, what) in [
        ("denyNonFastForwards", "every rollback to an older commit"),
        ("denyDeletes", "to delete branches, announced or not"),
    ] {
        let name = if key == "denyDeletes" { "deny-deletes" } else { "deny-non-fast-forwards" };
        found.push(if is_on("receive", key) {
            warning(name, format!("receive.{key} is on: git refuses {what}"), format!("git config receive.{key} false"))
        } else {
            ok(name, format!("git does not refuse {what}: the guard judges"))
        });
    }
    let expire = config.get("gc", "pruneExpire").unwrap_or_default();
    found.push(if matches!(expire.as_str(), "now" | "all" | "0") {
        warning(
            "gc",
            format!(
                "gc.pruneExpire = {expire}: git removes what is not reachable at once, while a push may still bring it"
            ),
            "git config gc.pruneExpire 2.weeks.ago",
        )
    } else {
        ok(
            "gc",
            format!("git keeps what is not reachable for {}", if expire.is_empty() { "two weeks" } else { &expire }),
        )
    });
    found
}

fn guard(facts: &Facts) -> Vec<Check> {
    let mode = match &facts.guard {
        Ok(Mode::Enforce) => ok("guard", "the guard is in force"),
        Ok(Mode::Warn) => warning("guard", "the guard only warns", "git config cairn.guard enforce"),
        Ok(Mode::Off) => warning("guard", "the guard is off", "git config cairn.guard enforce"),
        Err(why) => Check {
            name: "guard",
            level: Level::Error,
            text: format!("the policy cannot be understood, so every push is refused: {why}"),
            fix: Some("git config --edit".into()),
        },
    };
    let again = "git cairn guard pause --for 0s --reason \"it is over\"";
    let paused = match &facts.paused {
        Ok(None) => ok("guard-pause", "the guard is not paused"),
        Ok(Some(pause)) => warning(
            "guard-pause",
            format!("the guard is paused by {} until {}: {}", pause.by, pause.until, pause.reason),
            again,
        ),
        Err(why) => warning("guard-pause", why, again),
    };
    let audit = match &facts.audit {
        Ok((lines, None)) => ok(
            "audit",
            format!("{}, as written, and more can be", count(usize::try_from(*lines).unwrap_or(usize::MAX), "line")),
        ),
        // What is left of it is for whoever looks into that; a new log goes on.
        Ok((_, Some(problem))) => error(
            "audit",
            format!("the audit was altered: {problem}"),
            format!("git cairn audit verify || mv {0} {0}.altered && git cairn setup", shell_word(&facts.audit_file)),
        ),
        Err(why) => error(
            "audit",
            format!("{why}; pushes are refused"),
            format!("mv {0} {0}.unwritable && git cairn setup", shell_word(&facts.audit_file)),
        ),
    };
    vec![mode, paused, audit]
}

fn files(facts: &Facts) -> Vec<Check> {
    let (owner, strange) = &facts.strange_owner;
    let belongs = match strange.first() {
        None => ok("ownership", "everything belongs to the owner of the repository"),
        Some(first) => warning(
            "ownership",
            format!("{} belongs to somebody else than the repository, whose owner cannot change it", shell_word(first)),
            format!("chown -R {owner} {}", strange.iter().map(shell_word).collect::<Vec<_>>().join(" ")),
        ),
    };
    let modes = match facts.wide.first() {
        None => ok("modes", "what is ours is open to those core.sharedRepository names, and to nobody else"),
        Some((first, mode)) => warning(
            "modes",
            format!("{} is open to more people than core.sharedRepository says", shell_word(first)),
            format!("chmod {mode:o} {}", shell_word(first)),
        ),
    };
    vec![belongs, modes]
}

fn objects(facts: &Facts) -> Vec<Check> {
    let many = facts.objects >= MANY_OBJECTS;
    let told = |is: bool| if is { "is there" } else { "is not missed: the repository is small" };
    let graph = if facts.commit_graph || !many {
        ok("commit-graph", format!("a commit-graph {}", told(facts.commit_graph)))
    } else {
        warning(
            "commit-graph",
            "there is no commit-graph: the guard counts commits slowly",
            "git commit-graph write --reachable",
        )
    };
    let bitmap = if facts.bitmap || !many {
        ok("bitmap", format!("a bitmap {}", told(facts.bitmap)))
    } else {
        warning(
            "bitmap",
            "no pack has a bitmap: large backups and clones are slow",
            "git repack -a -d --write-bitmap-index",
        )
    };
    vec![graph, bitmap]
}

/// Makes a store be there: another one, or the same once it is.
const STORE_FIX: &str = "git cairn setup --store <a directory that is there, or this one when it is mounted>";

fn store(facts: &Facts) -> Vec<Check> {
    let own = room(&facts.own_room.0, facts.own_room.1, facts, |_| None);
    let StoreFacts { place, unwritable, room: free, expired, same_disk, .. } = match &facts.store {
        Err(missing) => return vec![error("store", missing, STORE_FIX), own],
        Ok(store) => store,
    };
    let kept = room(place, *free, facts, |place| {
        Some(if *expired > 0 {
            "git cairn backup expire".into()
        } else {
            format!("git cairn setup --store <a directory with more room than {}>", shell_word(place))
        })
    });
    let mut found = vec![match (unwritable, &kept.fix) {
        (None, _) => ok("store", format!("{} can be written, durably", shell_word(place))),
        // A full disk has a line of its own.
        (Some(why), Some(fix)) if free.free_bytes < UNWRITABLE_BELOW => error("store", why, fix),
        (Some(why), _) => error("store", why, format!("chmod u+rwx {}", shell_word(place))),
    }];
    found.push(kept);
    if !same_disk {
        found.push(own);
    }
    found.push(if *same_disk {
        warning(
            "disk",
            format!("{} lies on the file system of the repository, and may be lost with it", shell_word(place)),
            "git cairn setup --store <a directory on another disk>",
        )
    } else {
        ok("disk", format!("{} lies on another file system than the repository", shell_word(place)))
    });
    found
}

/// Whether a backup starts with what is free where `place` lies; `cure` names what makes room there.
fn room(place: &Path, room: Room, facts: &Facts, cure: impl Fn(&Path) -> Option<String>) -> Check {
    let Room { free_bytes, total_bytes } = room;
    let reserve = facts.site.reserve_bytes;
    let place_word = shell_word(place);
    if free_bytes >= reserve {
        return ok("room", format!("{} are free at {place_word}, {} are reserved", size(free_bytes), size(reserve)));
    }
    let text = format!(
        "{} are free at {place_word}, and cairn.reserve keeps {}: no backup is made",
        size(free_bytes),
        size(reserve)
    );
    let lower = (free_bytes >> 20) / 2;
    // No room that could be made is enough for more than there is.
    let made = if reserve < total_bytes { cure(place) } else { None };
    error(
        "room",
        text,
        match made {
            Some(fix) => fix,
            None if lower > 0 => format!("git config cairn.reserve {lower}MiB # or make room there"),
            None => format!("df -h {place_word} # and make room there"),
        },
    )
}

fn clock_check(facts: &Facts) -> Check {
    let fix = "timedatectl set-ntp true";
    let newest =
        facts.backups.iter().flatten().filter_map(|backed| backed.newest.as_ref()).map(|newest| newest.at).max();
    let ahead = facts.store.as_ref().map_or(0, |store| store.clock_ahead);
    if let Some(at) = newest.filter(|at| at.as_second() > facts.now.as_second() + CLOCK_DIFFERS_MAX) {
        return warning("clock", format!("the newest backup is of {at}, which is yet to come"), fix);
    }
    if ahead.abs() > CLOCK_DIFFERS_MAX {
        return warning("clock", format!("the clock of the store differs from ours by {ahead} seconds"), fix);
    }
    ok("clock", "the clock agrees with the store's and with the newest backup")
}

fn jobs(facts: &Facts) -> Vec<Check> {
    let place = match facts.jobs_on {
        None => ok("jobs-disk", "the jobs lie on a disk of this host"),
        Some(kind) => error(
            "jobs-disk",
            format!("the repository lies on {kind}: SQLite's locks do not hold there, and jobs may be lost"),
            "move the repository to a disk of this host, then: git cairn hooks install",
        ),
    };
    // Without the store it would fail again.
    let once = match &facts.store {
        Ok(_) => "git cairn worker --once".into(),
        Err(_) => format!("{STORE_FIX} && git cairn worker --once"),
    };
    let queue = match &facts.jobs {
        // What waited in it is in the backups that are made then.
        Err((JOBS_DAMAGED, why)) => error(
            "jobs",
            why,
            format!(
                "(cd {} && for file in jobs.db*; do mv \"$file\" \"damaged-$file\"; done) && git cairn setup && git cairn backup create --all",
                shell_word(&facts.state)
            ),
        ),
        Err((_, why)) => error("jobs", why, once),
        Ok(JobFacts { failed: 0, waiting: 0, running, .. }) => ok("jobs", format!("none waits, {running} running")),
        Ok(JobFacts { failed: 0, waiting, oldest, .. }) => {
            let since = oldest.as_ref().map(|(at, _)| clock::age(*at, facts.now)).unwrap_or_default();
            warning("jobs", format!("{waiting} waiting, the oldest since {since}"), once)
        }
        Ok(JobFacts { failed, oldest, .. }) => {
            let why = oldest.as_ref().and_then(|(_, why)| why.clone()).unwrap_or_default();
            error("jobs", format!("{failed} failed: {why}"), once)
        }
    };
    vec![place, queue]
}

fn backups(facts: &Facts) -> Vec<Check> {
    if facts.store.is_err() {
        let text = "which backups there are cannot be told without the store";
        return vec![warning("backup", text, format!("{STORE_FIX} && git cairn backup create --all"))];
    }
    let backed = match &facts.backups {
        Ok(backed) => backed,
        Err(why) => return vec![error("backup", why, "git cairn backup verify --all")],
    };
    let unreadable = facts.unreadable.iter().map(|id| {
        error(
            "backup",
            format!("the manifest of {id}, newer than each that can be read, is damaged"),
            "git cairn backup create",
        )
    });
    backed.iter().filter(|backed| backed.exists).map(|backed| backup(backed, facts)).chain(unreadable).collect()
}

fn backup(backed: &Backed, facts: &Facts) -> Check {
    let Backed { environment, newest, .. } = backed;
    let Some(newest) = newest else {
        let text = format!("{environment} has no backup");
        return warning("backup", text, format!("git cairn backup create {environment}"));
    };
    let told = format!("the newest of {environment}, {}, was made {}", newest.id, clock::age(newest.at, facts.now));
    match (newest.damaged, newest.proven) {
        (true, _) => {
            error("backup", format!("{told} and is damaged"), format!("git cairn backup create {environment}"))
        }
        (false, true) => ok("backup", format!("{told}, read back and verified")),
        (false, false) => warning(
            "backup",
            format!("{told}; its objects are not verified yet"),
            format!("git cairn backup verify {}", newest.id),
        ),
    }
}

fn changed(facts: &Facts) -> Check {
    let none = |backed: &Vec<Backed>| backed.iter().all(|backed| backed.newest.is_none());
    if facts.unstored.is_some() && facts.backups.as_ref().is_ok_and(none) {
        return warning("changed", "there is no backup yet", "git cairn worker --once");
    }
    if let Some(names) = &facts.unstored {
        let named: Vec<String> = names.iter().take(NAMED_MAX).cloned().collect();
        let more = names.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) };
        return warning(
            "changed",
            format!("references or HEAD changed without a push since the newest backup{named}"),
            match &facts.restored {
                // Who takes the config over begins with that; the next backup then is one of a host.
                Some(restored) => format!("{} && git cairn worker --once", restored.fix),
                None => "git cairn worker --once".into(),
            },
        );
    }
    if let Some(id) = facts.restored.as_ref().and_then(|restored| restored.held_by.as_ref()) {
        return ok("changed", format!("references and HEAD are those of backup {id}"));
    }
    ok("changed", "references and HEAD are those of the newest backup, or of one that waits")
}

/// A hook that checks out what it serves turns HEAD, and with it what a clone begins with and what a restore brings back.
fn head(facts: &Facts) -> Check {
    let (name, dev) = ("head", facts.site.first());
    let Some(on) = &facts.head else {
        let text = "HEAD is on no branch, so a clone begins on none";
        return warning(name, text, format!("git symbolic-ref HEAD {}", shell_word(dev.branch.to_string())));
    };
    match facts.site.of_branch(on).filter(|one| one.name != dev.name) {
        None => ok(name, format!("HEAD is on {}", on.short())),
        Some(other) => warning(
            name,
            format!(
                "HEAD is on {}, the branch of {}, so a clone begins there, and not where people develop; git checkout <branch> in a hook turns it",
                on.short(),
                other.name
            ),
            format!("git symbolic-ref HEAD {}", shell_word(dev.branch.to_string())),
        ),
    }
}

/// Whether each served folder that config names is there, and is not another's.
fn served(one: &ServedFolder) -> Check {
    let (name, place, environment) = ("worktree", shell_word(&one.folder), &one.environment);
    let fix = format!("git config cairn.{environment}.worktree <the folder that is served as {environment}>");
    match &one.also {
        _ if !one.is_there => {
            let text =
                format!("{place}, served as {environment}, is not there: edits in it are neither shown nor captured");
            error(name, text, fix)
        }
        Some(other) => {
            let text =
                format!("{place} is named for {environment} and for {other}, and can be what one of them serves");
            error(name, text, fix)
        }
        None => ok(name, format!("{place}, served as {environment}, is there")),
    }
}

/// A hook that stood there before a restore: often it is the one that serves what was deployed.
fn lost_hook(path: &Path) -> Check {
    let place = shell_word(path);
    let text = format!(
        "a hook stood at {place} before this repository was restored, and no backup holds it: what it did is not done"
    );
    warning("restored-hooks", text, format!("install -m 755 -D <your copy of it> {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Config;
    use crate::health::facts::Newest;
    use crate::site::Site;
    use jiff::Timestamp;
    use std::path::PathBuf;

    const WIDE: Room = Room { free_bytes: 4 << 30, total_bytes: 8 << 30 };

    /// A host on which all is well.
    fn well() -> Facts {
        let config = Config::of(&["cairn.id=1", "cairn.site=site", "cairn.store=/store"]);
        let newest = Newest { id: "1".into(), at: Timestamp::UNIX_EPOCH, proven: true, damaged: false };
        Facts {
            site: Site::from_config(&config).unwrap(),
            now: Timestamp::UNIX_EPOCH,
            config,
            git: None,
            layout: Layout::Own,
            hooks_folder: "/site.git/hooks".into(),
            looks_in: "/site.git/hooks".into(),
            hooks: vec![],
            restored: None,
            configured: vec![],
            open_programs: vec![],
            strange_owner: (0, vec![]),
            wide: vec![],
            objects: 0,
            commit_graph: true,
            bitmap: true,
            store: Ok(StoreFacts {
                place: "/store".into(),
                unwritable: None,
                room: WIDE,
                expired: 0,
                same_disk: false,
                clock_ahead: 0,
            }),
            own_room: ("/site.git".into(), WIDE),
            jobs_on: None,
            state: "/site.git/cairn".into(),
            jobs: Ok(JobFacts::default()),
            backups: Ok(vec![Backed { environment: "dev".into(), exists: true, newest: Some(newest) }]),
            unreadable: vec![],
            unstored: None,
            head: None,
            served: vec![],
            lost_hooks: vec![],
            names_hooks_path: false,
            by_path: vec![],
            guard: Ok(Mode::Enforce),
            paused: Ok(None),
            tried: None,
            audit_file: PathBuf::from("/site.git/cairn/audit.jsonl"),
            audit: Ok((1, None)),
        }
    }

    fn found(facts: &Facts, name: &str) -> Check {
        checks(facts).into_iter().find(|check| check.name == name).unwrap()
    }

    fn changed_store(change: impl FnOnce(&mut StoreFacts)) -> Facts {
        let mut facts = well();
        change(facts.store.as_mut().unwrap());
        facts
    }

    #[test]
    fn what_no_test_can_do_to_its_machine() {
        for name in ["clock", "jobs-disk", "room", "store"] {
            assert_eq!(found(&well(), name).level, Level::Ok, "{name}");
        }
        for ahead in [61, -61] {
            let clock = found(&changed_store(|store| store.clock_ahead = ahead), "clock");
            assert_eq!((clock.level, clock.fix.as_deref()), (Level::Warning, Some("timedatectl set-ntp true")));
        }
        let mut early = well();
        early.now = Timestamp::from_second(-61).unwrap();
        assert_eq!(found(&early, "clock").level, Level::Warning);
        let nfs = Facts { jobs_on: Some("NFS"), ..well() };
        assert_eq!(found(&nfs, "jobs-disk").level, Level::Error);
        assert!(found(&nfs, "jobs-disk").text.contains("NFS"));
        let shut = found(&changed_store(|store| store.unwritable = Some("no".into())), "store");
        assert_eq!((shut.level, shut.fix.as_deref()), (Level::Error, Some("chmod u+rwx /store")));
    }

    fn not_ok(facts: &Facts, name: &str) -> Check {
        checks(facts).into_iter().find(|check| check.name == name && check.level != Level::Ok).unwrap()
    }

    #[test]
    fn room_is_made_where_it_can_be() {
        let full = |total_bytes, expired| {
            changed_store(|store| {
                store.room = Room { free_bytes: 1 << 30, total_bytes };
                store.expired = expired;
            })
        };
        let fix = |facts: &Facts| not_ok(facts, "room").fix.unwrap();
        assert_eq!(fix(&full(8 << 30, 1)), "git cairn backup expire");
        assert_eq!(fix(&full(8 << 30, 0)), "git cairn setup --store <a directory with more room than /store>");
        assert_eq!(fix(&full(2 << 30, 1)), "git config cairn.reserve 512MiB # or make room there");
        let own = |free_bytes| Facts { own_room: ("/site.git".into(), Room { free_bytes, ..WIDE }), ..well() };
        assert_eq!(fix(&own(1 << 30)), "git config cairn.reserve 512MiB # or make room there");
        assert_eq!(fix(&own(0)), "df -h /site.git # and make room there");
    }

    #[test]
    fn a_store_without_room_is_not_one_that_may_not_be_written() {
        let full = changed_store(|store| {
            store.room.free_bytes = 0;
            store.unwritable = Some("no space".into());
        });
        assert_eq!(not_ok(&full, "store").fix, not_ok(&full, "room").fix);
    }

    #[test]
    fn without_its_store_every_line_begins_with_that() {
        let jobs = JobFacts { failed: 1, ..JobFacts::default() };
        let gone = Facts { store: Err("it is not there".into()), jobs: Ok(jobs), ..well() };
        for (name, then) in
            [("store", ""), ("jobs", " && git cairn worker --once"), ("backup", " && git cairn backup create --all")]
        {
            assert_eq!(not_ok(&gone, name).fix.unwrap(), format!("{STORE_FIX}{then}"));
        }
    }
}
