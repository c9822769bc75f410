//! `cairn-pre-receive`: git's pre-receive hook on a repository host.

use std::process::ExitCode;

fn main() -> ExitCode {
    cairn::hook::run(cairn::hook::Event::PreReceive, std::env::args_os().skip(1), None)
}
