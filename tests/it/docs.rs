//! Every command in the documents is run, and prints what the documents say.
//!
//! In a `console` block a line `$ ...` is typed into sh; the lines after it are what it prints, standard error too. `[..]` stands
//! for any text in a line, `...` for any lines.

use crate::support::{World, command, run};
use std::path::Path;

struct Step {
    typed: String,
    expected: Vec<String>,
}

fn steps(document: &str) -> Vec<Step> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
    let mut steps: Vec<Step> = vec![];
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```console" => inside = true,
            line if line.starts_with("```") => inside = false,
            _ if !inside => {}
            line => match line.strip_prefix("$ ") {
                Some(typed) => steps.push(Step { typed: typed.into(), expected: vec![] }),
                None => steps.last_mut().unwrap().expected.push(line.trim_end().into()),
            },
        }
    }
    steps
}

fn line_fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(position) = rest.find(part) else { return false };
        rest = &rest[position + part.len()..];
    }
    rest.ends_with(last)
}

fn fits(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, after)| line_fits(first, line) && fits(rest, after))
        }
    }
}

fn play(world: &World, document: &str) {
    let steps = steps(document);
    assert!(!steps.is_empty(), "{document} holds no command");
    for step in steps {
        let ran = run(command("sh", &world.path("home"))
            .current_dir(world.path("."))
            .args(["-c", &format!("exec 2>&1; {}", step.typed)]));
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
        assert!(
            fits(&step.expected, &lines),
            "{document}: {}\nis to print\n{}\nand prints\n{}",
            step.typed,
            step.expected.join("\n"),
            ran.stdout
        );
    }
}

#[test]
fn the_readme_says_what_happens() {
    let world = World::new();
    world.bare("site.git", &[]);
    world.git(".", &["clone", "--quiet", "site.git", "clone"]).ok();
    world.commit("clone", "page", "a fine page");
    world.git("clone", &["push", "--quiet", "origin", "main"]).ok();
    world.git("site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.commit("clone", "page", "a finer page");
    play(&world, "README.md");
}

#[test]
fn the_page_of_commands_says_what_happens() {
    play(&crate::support::host(), "docs/commands.md");
}

#[test]
fn the_pages_for_operators_developers_and_pantheons_people_say_what_happens() {
    for page in ["operators", "developers", "pantheon"] {
        play(&crate::support::host(), &format!("docs/{page}.md"));
    }
}

/// A link inside the repository leads to a file, and where it names a heading to that.
#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
    for page in pages.chain(["README.md", "ARCHITECTURE.md"].map(|name| root.join(name))) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.is_file(), "{}: {link}", page.display());
            let slug = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
            let text = std::fs::read_to_string(&target).unwrap();
            let known = heading.is_empty() || text.lines().any(|line| line.starts_with('#') && slug(line) == heading);
            assert!(known, "{}: no heading for {link}", page.display());
        }
    }
}

/// Every key and push option that the configuration page names is one that the source knows, and the other way round.
#[test]
fn every_key_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/config.md")).unwrap();
    let source = std::fs::read_to_string(root.join("src/site/mod.rs")).unwrap();
    let quoted = |text: &str| format!("\"{text}\"");
    for key in [
        "id",
        "site",
        "store",
        "tagTemplate",
        "snapshot",
        "keepAutomatic",
        "keepFor",
        "keepRescues",
        "hookBudget",
        "reserve",
    ] {
        assert!(page.contains(&format!("`cairn.{key}`")), "cairn.{key} is not documented");
        assert!(source.contains(&quoted(key)), "cairn.{key} is not read");
    }
    for key in ["branch", "from", "worktree"] {
        assert!(page.contains(&format!("`cairn.<env>.{key}`")), "cairn.<env>.{key} is not documented");
        assert!(source.contains(&quoted(key)), "cairn.<env>.{key} is not read");
    }
    let policy = std::fs::read_to_string(root.join("src/guard/policy.rs")).unwrap();
    for (name, key) in [
        ("cairn.guard", "guard"),
        ("cairn.promote", "promote"),
        ("cairn.<env>.deploy", "deploy"),
        ("cairnProtect.<pattern>.rewind", "rewind"),
        ("cairnProtect.<pattern>.delete", "delete"),
        ("cairnProtect.<pattern>.by", "by"),
    ] {
        assert!(page.contains(&format!("`{name}`")), "{name} is not documented");
        assert!(policy.contains(&quoted(key)), "{name} is not read");
    }
}

#[test]
fn every_exit_code_is_documented() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md")).unwrap();
    for kind in cairn::error::Kind::ALL {
        let line = format!("| {} | {}", kind.exit_code(), kind.meaning());
        assert!(page.contains(&line), "{line} is not in docs/commands.md");
    }
}
