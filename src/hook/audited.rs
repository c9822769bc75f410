//! The audit of a push: its verdict is written before it is accepted, and a push that cannot be audited is refused.

use super::input::Push;
use super::pusher::{own_user, who_pushes};
use super::say::Voice;
use super::{Verdict, pre_receive};
use crate::audit::{Entry, Log, Ref, Sync, Verdict as Judged, What, Who};
use crate::clock;
use crate::durable::Modes;
use crate::error::{Error, Result};
use crate::git::Repository;
use crate::purge;
use crate::queue::State;
use crate::rescue::is_by_path;
use crate::ruling::Pause;
use crate::site::Site;

/// Names the person who types a command on this host.
pub fn who_types() -> Who {
    let pusher = who_pushes(|name| std::env::var(name).ok(), own_user);
    Who { name: pusher.name, known_by: pusher.source.into(), transport: "host".into(), address: None }
}

/// Names who pushes, how that is known, and the way they came.
pub(super) fn who_is_here(get: impl Fn(&str) -> Option<String>) -> Who {
    let pusher = who_pushes(&get, own_user);
    let clean = |text: &str| crate::text::shown(text.as_bytes()).chars().take(100).collect::<String>();
    let ssh = get("SSH_CONNECTION").and_then(|text| text.split(' ').next().map(clean));
    let http = get("REMOTE_ADDR").map(|text| clean(&text));
    let is_http = http.is_some() || get("GATEWAY_INTERFACE").is_some();
    // Who is logged in over ssh and names a path pushes by that path all the same.
    let transport = if ssh.is_some() && !is_by_path() {
        "ssh"
    } else if is_http {
        "http"
    } else {
        "file"
    };
    Who { name: pusher.name, known_by: pusher.source.into(), transport: transport.into(), address: ssh.or(http) }
}

/// The verdict on a push, and what the audit says of it.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether it goes on.
    pub verdict: Verdict,
    /// What it was.
    pub what: What,
    /// How it was judged.
    pub judged: Judged,
    /// By which rule.
    pub rule: Option<&'static str>,
    /// Whether something was noted that is to last as the verdict does.
    pub noted: bool,
}

/// Judges a push, writes the verdict down, and returns the one that counts.
///
/// While the guard is paused nothing that is in its own way stops a push: neither an audit that cannot be written, nor a
/// policy that cannot be understood.
pub(super) fn judge(repository: &Repository, push: &Push, voice: &mut Voice) -> Result<Verdict> {
    let site = Site::for_hook(&repository.config());
    let state = State::of(repository, site.map_or(Modes::OWNER, |(site, _)| site.modes));
    if purge::is_going_on(&state) {
        // Whatever else is ruled: what this push relies on may be gone a moment later.
        voice.refusal("objects are being purged on this host at this moment");
        voice.hint("push again when that is done");
        let entry = of_push(push, What::Refusal).judged(Judged::Refused, Some("purge".into()));
        let _ = Log::of(&state).append(&entry, Sync::Now);
        return Ok(Verdict::Refused);
    }
    let paused = paused(&state, voice).is_some();
    let answer = match pre_receive::run(repository, push, paused, voice) {
        Ok(answer) => answer,
        Err(error) => {
            let rule = Some(error.code());
            if paused {
                voice.warning(&error.to_string());
                Answer { verdict: Verdict::Accepted, what: What::Push, judged: Judged::Paused, rule, noted: false }
            } else {
                voice.error(&error);
                Answer { verdict: Verdict::Refused, what: What::Refusal, judged: Judged::Refused, rule, noted: false }
            }
        }
    };
    let entry = of_push(push, answer.what).judged(answer.judged, answer.rule.map(str::to_owned));
    let written = written(&state, &entry, answer.noted, voice);
    Pause::keep_room(&state);
    if let Err(error) = written {
        if answer.verdict == Verdict::Accepted && !paused {
            return Err(in_the_way(error));
        }
        voice.warning(&error.to_string());
    }
    Ok(answer.verdict)
}

/// Writes the verdict down, and makes it last together with what was noted of the movements it lets happen.
fn written(state: &State, entry: &Entry, noted: bool, voice: &mut Voice) -> Result<()> {
    if !noted {
        return Log::of(state).append(entry, Sync::Now);
    }
    let mut synced = None;
    let written = Log::of(state).append_while(entry, || {
        synced.get_or_insert_with(|| state.sync());
    });
    if let Err(error) = synced.unwrap_or_else(|| state.sync()) {
        not_noted(&error, voice);
    }
    written
}

/// A note that cannot be kept stops no push: the tag is made all the same, only its place among slow hooks is less sure.
pub(super) fn not_noted(error: &Error, voice: &mut Voice) {
    voice.warning(&format!("the deployment could not be noted before it happens: {error}"));
}

/// A pause that is in force, of which each push is told.
fn paused(state: &State, voice: &mut Voice) -> Option<Pause> {
    let paused = Pause::in_force(state, clock::now()).unwrap_or_else(|error| {
        voice.warning(&format!("{error}; the guard is in force"));
        None
    });
    if let Some(pause) = &paused {
        let Pause { until, by, reason, .. } = pause;
        voice.warning(&format!("the guard is paused until {until} by {by}: {reason}"));
    }
    paused
}

fn in_the_way(error: Error) -> Error {
    error.hint("on the host: mend that, or let pushes in without it: git cairn guard pause --for 1h --reason <text>")
}

/// Adds that the hook which stood there before us refused what the guard had let through.
pub(super) fn refused_by_other(push: &Push, voice: &mut Voice) {
    let Ok(repository) = super::here() else { return };
    let config = repository.config();
    // A repository that is none of ours has no audit.
    let Some(Ok((site, _))) = config.get("cairn", "id").map(|_| Site::for_hook(&config)) else { return };
    let entry = of_push(push, What::Refusal).judged(Judged::Refused, Some("found-hook".into()));
    if let Err(error) = Log::of(&State::of(&repository, site.modes)).append(&entry, Sync::Later) {
        voice.warning(&error.to_string());
    }
}

/// Adds what really moved. It goes to the disk with whatever is synced next.
pub(super) fn moved(state: &State, push: &Push, voice: &mut Voice) {
    if let Err(error) = Log::of(state).append(&of_push(push, What::Moved), Sync::Later) {
        voice.warning(&error.to_string());
    }
}

/// Begins to sync what is in the log: a tag that names where it ends waits for that.
pub(super) fn sync_ahead(state: &State) {
    let log = Log::of(state);
    std::thread::spawn(move || log.head());
}

/// Adds that an environment was deployed.
pub(super) fn deployed(state: &State, update: Ref, tag: &str, note: Option<&str>, voice: &mut Voice) {
    let who = who_is_here(|name| std::env::var(name).ok());
    let entry = Entry::new(clock::now(), What::Deployment, who).with_refs([update].into_iter()).about(tag);
    let entry = note.map_or(entry.clone(), |note| entry.because(note));
    if let Err(error) = Log::of(state).append(&entry, Sync::Later) {
        voice.warning(&error.to_string());
    }
}

fn of_push(push: &Push, what: What) -> Entry {
    let who = who_is_here(|name| std::env::var(name).ok());
    Entry::new(clock::now(), what, who)
        .with_refs(push.updates.iter().map(|update| Ref::new(&update.name, update.old, update.new)))
        .with_input(&push.raw)
        .with_options(push.options.iter().map(|option| option.as_slice()))
}
