//! What the plan of a revert costs beside git's merge of the same three trees; and beside it, what git alone takes to ask the
//! host for its references, which a plan with a host cannot do without.

use crate::figures::{Turn, head, line};
use crate::world::{GIT_CAIRN, World};
use std::fmt::Write as _;
use std::time::Duration;

/// What is reverted, and what of it a line of the table says.
const WHAT: [(&str, &str); 2] = [("HEAD~100", "a file left alone since"), ("HEAD~1", "a file changed since")];

/// Prints the plans of two reverts in a clone of a repository of so many objects: of a commit whose file nobody touched since,
/// and of one whose file changed elsewhere later, so that git merges its lines.
pub fn tables(objects: usize, turns: usize) {
    let world = World::of_objects(objects);
    edits(&world);
    world.git(".", &["clone", "--quiet", "plain.git", "dev"]);
    // As in a clone of yesterday: what was written in the second in which the index was is looked at again.
    std::thread::sleep(Duration::from_secs(2));
    world.git("dev", &["status", "--porcelain"]);
    println!("\nThe plan of a revert, beside `git merge-tree --write-tree` of the same three trees; the reach is 3.");
    println!(
        "The host is never asked: with --no-push nothing is, and a host that is none of ours only for its references.\n"
    );
    head();
    for (name, what) in WHAT {
        let id = |name: String| world.read("dev", &["rev-parse", &name]);
        let commit = id(name.into());
        let [base, ours, theirs] = [name, "HEAD", &format!("{name}^")].map(|name| id(format!("{name}^{{tree}}")));
        let base = format!("--merge-base={base}");
        let git = ["merge-tree", "--write-tree", &base, &ours, &theirs];
        for (how, words) in [("--no-push", &["--no-push"][..]), ("host none of ours", &[])] {
            let plan = [&["revert", commit.as_str(), "--plan", "--json"], words].concat();
            let turn = |_| Turn { git: world.git("dev", &git), ours: world.cairn("dev", &plan) };
            let measured: Vec<_> = (0..turns).map(turn).collect();
            let peaks = [world.peak("dev", "git", &git), world.peak("dev", GIT_CAIRN, &plan)];
            line(&format!("plan of a revert, {what}, {how}"), &objects.to_string(), &measured, "3", peaks);
        }
        let asks = ["ls-remote", "--quiet", "origin"];
        let turn = |_| Turn { git: world.git("dev", &git), ours: world.git("dev", &asks) };
        let measured: Vec<_> = (0..turns).map(turn).collect();
        let peaks = [world.peak("dev", "git", &git), world.peak("dev", "git", &asks)];
        line("of that, git alone asks the host (git ls-remote)", &objects.to_string(), &measured, "", peaks);
    }
}

/// Adds a file to `plain.git` and two commits that change lines of it far apart.
fn edits(world: &World) {
    let mut stream = String::new();
    for (n, changed) in [&[][..], &[3], &[3, 30]].into_iter().enumerate() {
        let line = |n: usize| if changed.contains(&n) { format!("changed {n}\n") } else { format!("line {n}\n") };
        let content: String = (0..40).map(line).collect();
        let from = if n == 0 { "from refs/heads/main^0\n" } else { "" };
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter Dev <dev@example.org> {} +0000\ndata 5\nedit\n{from}M 100644 inline file\ndata {}\n{content}\n",
            1_800_000_000 + n,
            content.len(),
        );
    }
    world.feed("plain.git", &["fast-import", "--quiet"], stream.as_bytes());
    world.git("plain.git", &["repack", "-a", "-d", "-q"]);
}
