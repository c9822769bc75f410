//! The picture in the README is what stands on a real terminal after a real run.
//!
//! `CAIRN_PICTURE=1 cargo test --test it -- picture` takes it again.

use crate::support::{World, host, run, until};
use crate::terminal::Terminal;
use std::path::Path;

const PICTURE: &str = "docs/terminal.svg";

/// A host on which Live stands on its first deployment, and a clone whose main has a commit that breaks it.
fn stage() -> World {
    let world = host();
    world.git("dev", &["remote", "set-url", "origin", "../site.git"]).ok();
    let push = ["push", "--quiet", "origin", "main:test", "main:live"];
    run(world.in_folder("dev", "git").env("GL_USER", "anna").args(push)).ok();
    std::fs::write(world.path("dev/page"), "error 500").unwrap();
    world.git("dev", &["commit", "--quiet", "-a", "-m", "Improve everything"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "main", "main:test"]).ok();
    world
}

/// Plays the scene and returns what stands on the terminal, colors too; `None` where no terminal can be had.
fn played(world: &World) -> Option<String> {
    // The host believes its own people; a front end would say the same.
    let terminal = Terminal::start(world, "dev", 100, "GL_USER=anna TERM=xterm PS1='$ ' sh")?;
    let ready = || until("the prompt", || terminal.seen().trim_end().lines().last() == Some("$"));
    ready();
    terminal.types("git push --quiet origin main:live").press(&["Enter"]).shows("to go back");
    ready();
    terminal.types("git cairn rollback live").press(&["Enter"]).shows("[y/N]");
    terminal.types("y").press(&["Enter"]).shows("if the rollback was a mistake");
    ready();
    terminal.types("git cairn deployments live").press(&["Enter"]).shows("live_1  ");
    ready();
    Some(terminal.painted())
}

/// The picture with a mark in the place of what is another in every run: ids, days and times.
fn steady(picture: &str) -> String {
    let varies = |word: &str| {
        let hex = word.len() >= 7 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-' || c == 'T');
        let number = word.contains(|c: char| c.is_ascii_digit());
        number && (hex || word.contains(':'))
    };
    let within = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    let mut steady = String::new();
    let mut rest = picture;
    while !rest.is_empty() {
        let end = rest.find(|c| !within(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        steady += if varies(word) { "#" } else { word };
        let gap = after.find(within).unwrap_or(after.len());
        steady += &after[..gap];
        rest = &after[gap..];
    }
    steady
}

#[test]
fn the_picture_is_what_a_run_shows() {
    let world = stage();
    let Some(seen) = played(&world) else { return };
    let picture = anstyle_svg::Term::new().min_width_px(0).render_svg(seen.trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if std::env::var_os("CAIRN_PICTURE").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let advice = "take it again: CAIRN_PICTURE=1 cargo test --test it -- picture";
    assert!(steady(&kept) == steady(&picture), "{PICTURE} is not what a run shows; {advice}\n{seen}");
}
