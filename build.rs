//! Lays out the programs: what nearly every run calls lies side by side.
//!
//! Linux maps a program's pages 64 KiB at a time, and what one command calls is strewn over all of the code. So the linker is
//! told which functions come first; `packaging/order/often` names them, and `packaging/order/collect` makes that list. The
//! list only orders: a function that is not there any more is passed over, and a linker that cannot do it is left alone.
//! That names are told apart by what a generic function was made for, `.cargo/config.toml` sees to.
//!
//! It is also told to pack the addresses that a start has to set right, which are read whole otherwise (`DT_RELR`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The names of the functions, one a line, as sections are named after them; `*` stands for a hash.
const OFTEN: &str = "packaging/order/often";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={OFTEN}");
    println!("cargo:rerun-if-env-changed=CAIRN_UNORDERED");
    let unoptimized = variable("OPT_LEVEL") == "0";
    if unoptimized || variable("CARGO_CFG_TARGET_OS") != "linux" || std::env::var_os("CAIRN_UNORDERED").is_some() {
        return;
    }
    let folder = PathBuf::from(variable("OUT_DIR"));
    let script = folder.join("often.ld");
    let often = std::fs::read_to_string(OFTEN).expect("the list of functions");
    std::fs::write(&script, layout(&often)).expect("room for the layout");
    let here = variable("HOST") == variable("TARGET");
    // Whether another machine's C library can start a program with packed addresses is not known here.
    let packed = here.then(|| "-Wl,-z,pack-relative-relocs".to_owned());
    for argument in [format!("-Wl,-T,{}", script.display())].into_iter().chain(packed) {
        if links(&folder, &argument, here) {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}

/// Writes the functions as a linker script that adds to the linker's own layout (`INSERT`, of GNU ld and LLD).
fn layout(often: &str) -> String {
    let mut script = String::from("SECTIONS\n{\n  .text.often : {\n");
    for name in often.lines() {
        // What is marked as cold has a prefix of its own, and what more than one unit of code uses the compiler's number.
        let _ = writeln!(script, "    *(.text.{name} .text.{name}.llvm.* .text.unlikely.{name})");
    }
    script + "  }\n}\nINSERT BEFORE .text;\n"
}

/// Tells whether a small program can be linked so, and starts where it is made for this machine: which linker there is, and
/// what it knows, only it can tell.
fn links(folder: &Path, argument: &str, here: bool) -> bool {
    let source = folder.join("probe.rs");
    std::fs::write(&source, "fn main() {}\n").expect("room for a probe");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.args(["--edition", "2024", "--crate-type", "bin", "--target"]).arg(variable("TARGET"));
    if let Some(linker) = std::env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg([std::ffi::OsStr::new("linker="), &linker].into_iter().collect::<std::ffi::OsString>());
    }
    let probe = folder.join("probe");
    rustc.args(["-C", &format!("link-arg={argument}"), "-o"]).arg(&probe).arg(&source);
    let done = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let linked = done(&mut rustc).is_ok_and(|status| status.success());
    // A program for another machine cannot be tried here.
    linked && (!here || done(&mut Command::new(probe)).is_ok_and(|status| status.success()))
}

/// What cargo always says to a build script.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
