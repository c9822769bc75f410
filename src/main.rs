//! `git-cairn`, so that `git cairn <verb>` works.

use std::process::ExitCode;

fn main() -> ExitCode {
    cairn::cli::main(std::env::args_os())
}
