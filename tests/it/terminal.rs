//! A real terminal for a test, kept by tmux.

use crate::support::{Ran, World, missing_peer, run, until};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Runs a line of sh on a terminal 80 columns wide, unless the line says otherwise, and returns everything it wrote there;
/// `None` where there is no script(1), which is told.
pub fn written(world: &World, folder: &str, line: &str, around: &[(&str, &str)]) -> Option<Ran> {
    if run(world.in_folder(".", "sh").args(["-c", "command -v script"])).code != 0 {
        missing_peer("what a person sees", "script(1), which gives it a terminal");
        return None;
    }
    // The line's own exit code: script(1) may lose it.
    let exit = world.path("exit");
    let line = format!("stty rows 24 cols 80; {line}; echo $? >'{}'", exit.display());
    let mut script = world.in_folder(folder, "script");
    let ran = run(script.args(["-qc", &line, "/dev/null"]).env("TERM", "xterm").envs(around.iter().copied()));
    Some(Ran { code: std::fs::read_to_string(exit).unwrap().trim().parse().unwrap(), ..ran })
}

/// A command on a terminal of its own.
pub struct Terminal<'a> {
    world: &'a World,
    socket: PathBuf,
}

impl<'a> Terminal<'a> {
    /// Starts a command line in a folder, on a terminal of this width; `None` where there is no tmux, which is told.
    pub fn start(world: &'a World, folder: &str, width: u32, line: &str) -> Option<Self> {
        Self::sized(world, folder, [width, 30], line)
    }

    /// As [`Terminal::start`], on one of so many columns and rows.
    pub fn sized(world: &'a World, folder: &str, [width, height]: [u32; 2], line: &str) -> Option<Self> {
        if run(world.in_folder(".", "sh").args(["-c", "command -v tmux"])).code != 0 {
            missing_peer("what a person sees on a terminal", "tmux");
            return None;
        }
        // A server of its own: one that is ending takes nothing more.
        let socket = world.path(&format!("tmux-{}", STARTED.fetch_add(1, Ordering::Relaxed)));
        let terminal = Self { world, socket };
        let (width, height) = (width.to_string(), height.to_string());
        let size = ["new-session", "-d", "-x", &width, "-y", &height, "-c"];
        let path = world.path(folder);
        // The pane stays when the command ends, with its exit code and the terminal as it left it; Ctrl-C is for the command
        // alone.
        let [exit, state] = ["exit", "tty"].map(|name| world.path(name).display().to_string());
        let line = format!("trap : INT; {line}; code=$?; stty -a >'{state}'; echo exit $code >'{exit}'; read wait");
        let _ = std::fs::remove_file(world.path("exit"));
        let mut start = terminal.tmux();
        run(start.args(["-f", "/dev/null"]).args(size).arg(path).arg(line)).ok();
        Some(terminal)
    }

    fn tmux(&self) -> std::process::Command {
        let mut tmux = self.world.in_folder(".", "tmux");
        // The terminal itself shows what it is given; the locale is the command's.
        tmux.env("SHELL", "/bin/sh").env("LANG", "C").arg("-u").arg("-S").arg(&self.socket);
        tmux
    }

    /// Returns what stands on the terminal; a line that it had to break is one.
    pub fn seen(&self) -> String {
        run(self.tmux().args(["capture-pane", "-p", "-J"])).stdout
    }

    /// Returns the same with the colours.
    pub fn seen_in_color(&self) -> String {
        run(self.tmux().args(["capture-pane", "-p", "-J", "-e"])).stdout
    }

    /// Returns everything that was shown, with its colors, as a terminal is told them.
    pub fn painted(&self) -> String {
        run(self.tmux().args(["capture-pane", "-p", "-e", "-S", "-"])).stdout
    }

    /// Waits until this stands on the terminal.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        let mut seen = String::new();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !seen.contains(text) {
            assert!(std::time::Instant::now() < deadline, "never: {text:?} in\n{seen}");
            seen = self.seen();
        }
        self
    }

    /// Gives the terminal another size.
    pub fn resize(&self, width: u32, height: u32) -> &Self {
        let (width, height) = (width.to_string(), height.to_string());
        run(self.tmux().args(["resize-window", "-x", &width, "-y", &height])).ok();
        self
    }

    /// Presses keys, by the names tmux has for them.
    pub fn press(&self, keys: &[&str]) -> &Self {
        run(self.tmux().args(["send-keys"]).args(keys)).ok();
        self
    }

    /// Types a text as it is.
    pub fn types(&self, text: &str) -> &Self {
        run(self.tmux().args(["send-keys", "-l", text])).ok();
        self
    }

    /// Tells of the terminal, each as 0 or 1: whether its other screen is shown, and whether the cursor is.
    pub fn modes(&self) -> String {
        let format = "#{alternate_on} #{cursor_flag}";
        run(self.tmux().args(["display-message", "-p", format])).ok().out().to_owned()
    }

    /// Fails the test unless the command, which has ended, left a terminal that reads lines and shows what is typed.
    #[track_caller]
    pub fn is_sane(&self) {
        let state = std::fs::read_to_string(self.world.path("tty")).unwrap();
        let words: Vec<&str> = state.split_whitespace().map(|word| word.trim_end_matches(';')).collect();
        for word in ["icanon", "echo", "isig", "opost"] {
            assert!(words.contains(&word), "{word} is off: {state}");
        }
    }

    /// Waits for the end of the command and returns its exit code.
    #[track_caller]
    pub fn exit(&self) -> i32 {
        let path = self.world.path("exit");
        until("the command ends", || path.metadata().is_ok_and(|file| file.len() > 0));
        std::fs::read_to_string(path).unwrap().trim().trim_start_matches("exit ").parse().unwrap()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.tmux().arg("kill-server").output();
    }
}
