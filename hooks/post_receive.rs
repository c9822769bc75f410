//! `cairn-post-receive`: git's post-receive hook on a repository host.

use std::process::ExitCode;

fn main() -> ExitCode {
    cairn::hook::run(cairn::hook::Event::PostReceive, std::env::args_os().skip(1), None)
}
