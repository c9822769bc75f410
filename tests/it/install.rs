//! `cargo install`, as the README has it: it brings all the programs, and with one flag programs that need no library.

use crate::support::{World, missing_peer, run};
use std::path::Path;
use std::process::Command;

/// The triple of this machine, by which cargo keeps what it builds for the host apart from what it builds to be run.
fn triple(rustc: &str) -> Option<String> {
    let told = Command::new(rustc).arg("-vV").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

#[test]
fn cargo_install_brings_every_program_and_they_need_no_library() {
    let test = "cargo_install_brings_every_program_and_they_need_no_library";
    let Some(triple) = triple("rustc") else { return missing_peer(test, "rustc") };
    let world = World::new();
    let root = world.path("root");
    // What it has built is kept for the next run; quickly built is quick enough.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install");
    let mut install = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install.args(["install", "--quiet", "--locked", "--offline", "--debug", "--target", &triple, "--root"]).arg(&root);
    install.arg("--path").arg(env!("CARGO_MANIFEST_DIR"));
    install.env("CARGO_TARGET_DIR", &target).env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(install.env("RUSTFLAGS", "-C target-feature=+crt-static -C symbol-mangling-version=v0")).ok();

    let bin = root.join("bin");
    let mut brought: Vec<_> = std::fs::read_dir(&bin).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    brought.sort();
    assert_eq!(brought, ["cairn-post-receive", "cairn-pre-receive", "git-cairn"]);
    for program in &brought {
        // Of some static programs ldd says that they are none that is linked at run time, and ends with 1.
        let needs = run(Command::new("ldd").arg(bin.join(program)).env("LC_ALL", "C"));
        let told = format!("{}{}", needs.stdout, needs.stderr);
        let free = ["statically linked", "not a dynamic executable"].iter().any(|words| told.contains(words));
        assert!(free, "{}: {told}", program.display());
    }

    let path = std::env::join_paths(
        [bin.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let path = path.unwrap();
    let git = |folder: &str, words: &[&str]| run(world.in_folder(folder, "git").args(words).env("PATH", &path));
    world.bare("site.git", &["-b", "main"]);
    git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    git("site.git", &["cairn", "setup"]).ok();
    let hook = std::fs::read_to_string(world.path("site.git/hooks/pre-receive")).unwrap();
    assert!(hook.contains(&bin.join("cairn-pre-receive").display().to_string()), "{hook}");
    git(".", &["clone", "--quiet", "site.git", "dev"]).ok();
    world.commit("dev", "page", "1");
    git("dev", &["push", "--quiet", "origin", "main"]).ok().says("success: backup ");
    git("dev", &["cairn", "deploy", "live", "main", "--yes"]).ok().says("success: live deployed for the first time");
    // Who pushed is known without the C library's own databases of users.
    let user = run(Command::new("id").arg("-un")).ok();
    let deployed = git("dev", &["cairn", "deployments", "--json"]).ok().json();
    assert_eq!(deployed["deployments"][0]["pusher"], format!("{} (unix)", user.out()));
    git("site.git", &["cairn", "backup", "verify", "--all"]).ok();
}
