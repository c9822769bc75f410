//! The one place where a process is started: arguments as a list, never a shell, a known environment.

mod interrupt;
mod limit;
mod trace;

pub use interrupt::{before_exit, heard as interrupted, idle, listen as listen_for_interrupts, undisturbed};

use crate::error::{Error, Result};
use crate::os;
use limit::Limit;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a git process must not inherit, so that a hook's repository does not leak into another
/// (`git rev-parse --local-env-vars`, and the quarantine of receive-pack). What `git -c` handed on stays: the person meant it.
const GIT_LOCAL: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_PUSH_OPTION_COUNT",
    "GIT_DEFAULT_HASH",
];

/// How often it is looked whether a child has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The most of a child's error output that is kept, in bytes.
const STDERR_KEPT_MAX: usize = 16 * 1024;

/// A process to be started.
#[derive(Debug)]
pub struct Command {
    inner: std::process::Command,
    program: OsString,
    /// Whether we read what it says, or the person does.
    reads_stderr: bool,
}

/// How a child ended, and what it printed.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// Its standard error, the first 16 KiB.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Returns the error output as one readable text, without the prefix git puts before it.
    pub fn complaint(&self) -> String {
        complaint(&self.stderr)
    }
}

fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.map(|line| crate::text::shown(line.trim_start_matches("fatal: ").as_bytes()));
    lines.collect::<Vec<_>>().join("; ")
}

impl Command {
    /// Makes a command whose environment is ours less what binds git to another repository.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        let mut inner = std::process::Command::new(&program);
        for name in GIT_LOCAL {
            inner.env_remove(name);
        }
        inner.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { inner, program, reads_stderr: true }
    }

    /// Makes a command that inherits the whole environment, as a hook that was there before us expects.
    pub fn inheriting(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        let mut inner = std::process::Command::new(&program);
        inner.stdin(Stdio::null());
        Self { inner, program, reads_stderr: false }
    }

    /// Makes a git command that finds the repository the person is in, by all the means git knows.
    pub fn git_here() -> Self {
        let mut command = Self::inheriting("git").env("LC_ALL", "C");
        command.inner.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.reads_stderr = true;
        command
    }

    /// Makes a git command whose messages are the ones we can read.
    pub fn git() -> Self {
        let command = Self::new("git").env("LC_ALL", "C");
        // The objects as they are: what a replacement or a graft shows instead is no part of a backup.
        command.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "/dev/null/none")
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Sets the folder it runs in.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// Sets the file that it reads where it is given no other input.
    #[must_use]
    pub fn reading(mut self, file: File) -> Self {
        self.inner.stdin(file);
        self
    }

    /// Lets the child write to our own standard error, as a person expects of a push.
    #[must_use]
    pub fn talking(mut self) -> Self {
        self.inner.stderr(Stdio::inherit());
        self.reads_stderr = false;
        self
    }

    /// Runs it to its end with `input` on its standard input.
    pub fn output_with(mut self, input: &[u8]) -> Result<Output> {
        self.inner.stdin(Stdio::piped());
        let mut child = self.spawn()?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A child that stops reading early says why by its exit status.
                let _ = stdin.map(|mut pipe| pipe.write_all(input));
            });
            collect(child, &self.program)
        })
    }

    /// Runs it to its end.
    pub fn output(mut self) -> Result<Output> {
        let child = self.spawn()?;
        collect(child, &self.program)
    }

    /// Runs it to its end and returns its standard output; any exit status but 0 is an error.
    pub fn read(self) -> Result<Vec<u8>> {
        let program = self.described();
        self.output().and_then(|output| successful(output, &program))
    }

    /// As [`Command::read`], with `input` on its standard input.
    pub fn read_with(self, input: &[u8]) -> Result<Vec<u8>> {
        let program = self.described();
        self.output_with(input).and_then(|output| successful(output, &program))
    }

    /// Starts it with `input` and hands its standard output to `consume` while it runs.
    ///
    /// The child's own exit status decides: a stream that ended early is never taken for a whole one.
    pub fn stream_with<T>(mut self, input: &[u8], consume: impl FnOnce(&mut ChildStdout) -> Result<T>) -> Result<T> {
        self.inner.stdin(Stdio::piped());
        let described = self.described();
        let mut child = self.spawn()?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let _ = stdin.map(|mut pipe| pipe.write_all(input));
            });
            hand_on(child, &described, consume)
        })
    }

    /// Starts it with a file as its standard input and hands its standard output to `consume` while it runs. At the deadline
    /// it is ended with everything it started.
    ///
    /// Returns an error as [`Command::stream_with`] does.
    pub fn stream_file<T>(
        mut self,
        input: File,
        deadline: Option<Instant>,
        consume: impl FnOnce(&mut ChildStdout) -> Result<T>,
    ) -> Result<T> {
        self.inner.stdin(input);
        let described = self.described();
        let (child, _limit) = self.spawn_within(deadline)?;
        hand_on(child, &described, consume)
    }

    /// Starts it to be spoken with over its standard input and output; nobody hears what else it says. At the deadline it is
    /// ended with everything it started.
    pub fn converse(mut self, deadline: Option<Instant>) -> Result<Conversation> {
        self.inner.stdin(Stdio::piped()).stderr(Stdio::null());
        let (mut child, limit) = self.spawn_within(deadline)?;
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("stdout is piped"));
        Ok(Conversation { input, output, child, _limit: limit })
    }

    fn spawn_within(&mut self, deadline: Option<Instant>) -> Result<(Child, Option<Limit>)> {
        if deadline.is_some() {
            os::lead_a_group(&mut self.inner);
        }
        let child = self.spawn()?;
        let limit = deadline.map(|deadline| Limit::on(&child, deadline));
        Ok((child, limit))
    }

    /// Starts it; what it prints is read later, and it waits with what is more than a pipe holds.
    pub fn start(mut self) -> Result<Started> {
        let described = self.described();
        Ok(Started { child: Some(self.spawn()?), described })
    }

    /// Starts it as a process of its own that outlives us and holds none of our file descriptors, those neither that were
    /// handed down to us: git 2.55 gives its hooks its own standard error as a further one, and whoever waits for the end
    /// of that would wait for us.
    pub fn detach(mut self) -> Result<Child> {
        self.inner.stdin(Stdio::null()).stdout(Stdio::null());
        self.spawn_apart()
    }

    /// Starts such a process, whose standard input ends when the child's is dropped or we end, and which may say on its
    /// standard output how far it is.
    pub fn detach_until_told(mut self) -> Result<Child> {
        self.inner.stdin(Stdio::piped()).stdout(Stdio::piped());
        self.spawn_apart()
    }

    fn spawn_apart(mut self) -> Result<Child> {
        os::hand_nothing_down();
        self.inner.stderr(Stdio::null());
        self.reads_stderr = true;
        self.spawn()
    }

    /// Runs it with our own output and `input` on its standard input, and returns how it ended.
    pub fn run_as_ours(mut self, input: &[u8]) -> Result<ExitStatus> {
        self.inner.stdin(Stdio::piped()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        self.reads_stderr = false;
        let described = self.described();
        let mut child = self.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A hook need not read its input.
            let _ = stdin.write_all(input);
        }
        child.wait().map_err(|error| cannot_wait(&described, &error))
    }

    /// Runs it with a little `input`, less than a pipe holds, and lets nobody hear what it prints. Returns how it ended;
    /// `None` where it did not within `limit`, and was ended with everything it had started.
    pub fn run_within(mut self, input: &[u8], limit: Duration) -> Result<Option<ExitStatus>> {
        self.inner.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        os::lead_a_group(&mut self.inner);
        self.reads_stderr = true;
        let described = self.described();
        let deadline = Instant::now() + limit;
        let mut child = self.spawn()?;
        // It need not read its input.
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input));
        loop {
            match child.try_wait().map_err(|error| cannot_wait(&described, &error))? {
                Some(status) => return Ok(Some(status)),
                None if Instant::now() >= deadline => break,
                None => std::thread::sleep(LOOK),
            }
        }
        os::kill_group(child.id());
        child.wait().map(|_| None).map_err(|error| cannot_wait(&described, &error))
    }

    fn spawn(&mut self) -> Result<Child> {
        interrupt::check()?;
        if interrupt::is_shielded() {
            // The keyboard reaches only the group of processes that stands before it.
            os::lead_a_group(&mut self.inner);
        }
        trace::starting(&mut self.inner, self.reads_stderr);
        self.inner.spawn().map_err(|error| {
            let program = Path::new(&self.program).display();
            Error::outside("cannot-start", format!("cannot start {program}: {error}"))
                .hint(format!("is {program} installed, and in PATH?"))
        })
    }

    /// The program and its verb, for messages.
    fn described(&self) -> String {
        let program = crate::text::shown(self.program.as_encoded_bytes());
        let mut words = self.inner.get_args().map(|word| crate::text::shown(word.as_encoded_bytes()));
        let verb = words.find(|word| word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.contains(['=', '.']));
        verb.map_or(program.clone(), |verb| format!("{program} {verb}"))
    }
}

/// A process that is spoken with. When this goes, its input ends, and its end is waited for.
#[derive(Debug)]
pub struct Conversation {
    input: Option<ChildStdin>,
    /// What it says.
    pub output: ChildStdout,
    child: Child,
    _limit: Option<Limit>,
}

impl Conversation {
    /// Says something.
    pub fn say(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.input.as_mut().map_or(Ok(()), |input| input.write_all(bytes))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// A process that was started and does its work while we do ours. Where nobody waits for it, it is ended.
pub struct Started {
    child: Option<Child>,
    described: String,
}

impl Started {
    /// Waits for its end and returns its standard output; any exit status but 0 is an error.
    pub fn read(self) -> Result<Vec<u8>> {
        let described = self.described.clone();
        self.output().and_then(|output| successful(output, &described))
    }

    /// Waits for its end.
    pub fn output(mut self) -> Result<Output> {
        let child = self.child.take().expect("it is waited for once");
        collect(child, self.described.as_ref())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Hands the standard output of a child to `consume`; the child's own exit status decides.
fn hand_on<T>(mut child: Child, described: &str, consume: impl FnOnce(&mut ChildStdout) -> Result<T>) -> Result<T> {
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take();
    std::thread::scope(|scope| {
        let complaints = scope.spawn(move || stderr.map(read_capped).unwrap_or_default());
        let consumed = consume(&mut stdout);
        drop(stdout);
        let status = child.wait().map_err(|error| cannot_wait(described, &error))?;
        let stderr = complaints.join().unwrap_or_default();
        interrupt::check_status(status)?;
        if !status.success() {
            // If the consumer gave up (a full disk, say) the child's broken pipe is only the echo.
            consumed?;
            return Err(died(described, status, &stderr));
        }
        consumed
    })
}

/// Reads what a child prints, in one thread, and waits for its end.
fn collect(child: Child, program: &OsStr) -> Result<Output> {
    let waited = child.wait_with_output();
    let std::process::Output { status, stdout, mut stderr } =
        waited.map_err(|error| cannot_wait(&Path::new(program).display().to_string(), &error))?;
    interrupt::check_status(status)?;
    stderr.truncate(STDERR_KEPT_MAX);
    Ok(Output { status, stdout, stderr })
}

/// Reads to the end, so that the child never blocks, and keeps the beginning.
fn read_capped(mut pipe: impl std::io::Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = pipe.read(&mut buffer) {
        let room = STDERR_KEPT_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..n.min(room)]);
    }
    kept
}

fn successful(output: Output, program: &str) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(died(program, output.status, &output.stderr))
}

fn died(program: &str, status: ExitStatus, stderr: &[u8]) -> Error {
    let reason = complaint(stderr);
    let reason = if reason.is_empty() { status.to_string() } else { reason };
    Error::outside("git", format!("{program}: {reason}"))
}

fn cannot_wait(program: &str, error: &std::io::Error) -> Error {
    Error::outside("cannot-wait", format!("cannot wait for {program}: {error}"))
}

/// Passes on to our own standard error what a child wrote to a person, as [`Command::talking`] does for what it says itself.
pub fn pass_on(text: &[u8]) {
    // A reader that has gone away is no error.
    let _ = std::io::stderr().lock().write_all(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_dies_in_the_middle_is_an_error_though_its_output_was_read() {
        let command = Command::new("sh").args(["-c", "printf half; kill -9 $$"]);
        let result = command.stream_with(b"", |out| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(out, &mut bytes).unwrap();
            Ok(bytes)
        });
        assert!(result.is_err());
    }

    #[test]
    fn what_takes_too_long_is_ended_with_what_it_started() {
        let sh = |script: &str| Command::new("sh").args(["-c", script]);
        let status = sh("read line; test \"$line\" = word").run_within(b"word\n", Duration::from_secs(60)).unwrap();
        assert!(status.unwrap().success());
        let begun = Instant::now();
        assert!(sh("sleep 60; true").run_within(b"", Duration::from_millis(50)).unwrap().is_none());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_file_is_read_and_what_takes_too_long_is_ended_with_what_it_started() {
        let sh = |script: &str| Command::new("sh").args(["-c", script]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"words").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let text = |out: &mut ChildStdout| Ok(std::io::read_to_string(out).unwrap());
        assert_eq!(sh("tr a-z A-Z").stream_file(file.try_clone().unwrap(), None, text).unwrap(), "WORDS");
        let begun = Instant::now();
        let soon = Some(begun + Duration::from_millis(50));
        assert!(sh("sleep 60; true").stream_file(file, soon, text).is_err());
        let mut spoken_with = sh("sleep 60 | cat; true").converse(soon).unwrap();
        assert_eq!(std::io::read_to_string(&mut spoken_with.output).unwrap(), "");
        drop(spoken_with);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_large_input_and_a_large_output_do_not_block_each_other() {
        let input = vec![b'x'; 1 << 20];
        let out = Command::new("cat").read_with(&input).unwrap();
        assert_eq!(out.len(), input.len());
    }
}
