//! Ctrl-C: work ends at the next process it would start or read from, as an error does, so that whatever is only half made
//! goes as after any error; what takes longer than a moment ends as if killed, which every step survives.

use crate::error::{Error, Kind, Result};
use crate::os;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long work may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// What is to be done before the program ends of it.
static FAREWELL: OnceLock<fn()> = OnceLock::new();
static HEARD: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static IDLE: AtomicBool = AtomicBool::new(false);
static SHIELDED: AtomicBool = AtomicBool::new(false);
/// How often it is looked whether what must not be interrupted is done.
const LOOK: Duration = Duration::from_millis(5);

/// Begins to listen; a program that never calls this dies of the signal.
pub fn listen() {
    os::on_interrupt(HEARD.get_or_init(Arc::default), || {
        if !IDLE.load(Ordering::SeqCst) {
            std::thread::sleep(GRACE);
        }
        while is_shielded() {
            std::thread::sleep(LOOK);
        }
        if let Some(farewell) = FAREWELL.get() {
            farewell();
        }
        std::process::exit(i32::from(Kind::Interrupted.exit_code()));
    });
}

/// Has this done before the program ends of an interrupt while nothing ends by itself; only the first that is named.
pub fn before_exit(farewell: fn()) {
    let _ = FAREWELL.set(farewell);
}

/// Tells whether the person has interrupted.
pub fn heard() -> bool {
    HEARD.get().is_some_and(|heard| heard.load(Ordering::SeqCst))
}

/// Waits for a person or for time to pass: with nothing at stake, Ctrl-C ends it at once.
pub fn idle<T>(wait: impl FnOnce() -> T) -> T {
    IDLE.store(true, Ordering::SeqCst);
    let waited = wait();
    IDLE.store(false, Ordering::SeqCst);
    waited
}

/// Does what takes a moment and must not be left half done: Ctrl-C is heard when it is over.
pub fn undisturbed<T>(deed: impl FnOnce() -> T) -> T {
    SHIELDED.store(true, Ordering::SeqCst);
    let done = deed();
    SHIELDED.store(false, Ordering::SeqCst);
    done
}

/// Tells whether children, too, are to be kept from the keyboard.
pub(super) fn is_shielded() -> bool {
    SHIELDED.load(Ordering::SeqCst)
}

/// Returns an error once the person has interrupted.
pub(super) fn check() -> Result<()> {
    if heard() && !is_shielded() { Err(interrupted()) } else { Ok(()) }
}

/// Lets nobody take for an answer how a child ended that was interrupted too.
pub(super) fn check_status(status: ExitStatus) -> Result<()> {
    if os::was_interrupted(status) { Err(interrupted()) } else { check() }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted", "interrupted")
}
