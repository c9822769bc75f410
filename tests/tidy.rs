//! The rules of the house that the compiler does not know.

use std::path::{Path, PathBuf};

/// The rooms, a line each; a room may name those of the lines below its own, and itself.
const LINES: &[&[&str]] = &[
    &["cli"],
    &["health"],
    &["hook", "setup"],
    &["worker", "restore", "undo"],
    &["deployment", "purge"],
    &["backup"],
    &["rescue", "ruling"],
    &["audit"],
    &["element", "guard", "queue"],
    &["bundle", "uncommitted"],
    &["git", "store"],
    &["site"],
    &["clock", "durable", "error", "lock", "os", "process", "text", "turn"],
];
/// Uses within a line or upwards that are meant: who, whom.
const MEANT: &[(&str, &str)] = &[
    // What a site is made of are git's values: names of references, ids and config.
    ("site", "git"),
    // Setting a host up is putting its hooks in place.
    ("setup", "hook"),
    // Foundations stand on one another.
    ("clock", "error"),
    ("durable", "error"),
    ("lock", "error"),
    ("lock", "process"),
    ("turn", "error"),
    ("durable", "os"),
    ("error", "os"),
    ("lock", "os"),
    ("process", "os"),
    ("turn", "os"),
    ("turn", "lock"),
    ("process", "error"),
    ("process", "text"),
];
/// Where code may ask the system itself; everything else builds, and means the same, on every one.
const SYSTEM: &[&str] = &["src/os/"];
/// The most lines a file may have.
const LINES_MAX: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn height(room: &str) -> Option<usize> {
    LINES.iter().position(|line| line.contains(&room))
}

#[test]
fn nothing_points_up() {
    let mut wrong = vec![];
    for path in sources(&root().join("src")) {
        let own = room(&path);
        let Some(own_height) = height(&own) else {
            assert!(["lib", "main"].contains(&own.as_str()), "{} is in no room", path.display());
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        for (position, _) in text.match_indices("crate::") {
            let rest = &text[position + 7..];
            let named: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(named_height) = height(&named) else { continue };
            let meant = own == named || MEANT.contains(&(own.as_str(), named.as_str()));
            if named_height <= own_height && !meant {
                wrong.push(format!("{} names {named}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_belongs_to_one_room_stays_there() {
    let rules: &[(&str, &[&str])] = &[
        ("gix::", &["src/git/"]),
        ("gix_pack::", &["src/git/"]),
        ("clap::", &["src/cli/"]),
        ("crossterm::", &["src/cli/", "src/os/windows.rs"]),
        ("indicatif::", &["src/cli/"]),
        ("rusqlite::", &["src/queue/", "src/error.rs"]),
        ("process::Command::new", &["src/process.rs"]),
        ("std::os::", SYSTEM),
        ("rustix::", SYSTEM),
        ("close_fds::", SYSTEM),
        ("signal_hook::", SYSTEM),
        ("dunce::", SYSTEM),
        ("(unix", SYSTEM),
        ("(windows", SYSTEM),
        ("target_os", SYSTEM),
        ("target_family", SYSTEM),
        // A path that git is told.
        ("fs::canonicalize", SYSTEM),
        (".canonicalize()", SYSTEM),
        ("println!", &[]),
        ("eprint!", &[]),
        ("std::io::stdout", &["src/cli/"]),
        ("std::io::stderr", &["src/cli/", "src/hook/say.rs", "src/process.rs", "src/process/trace.rs"]),
    ];
    for path in sources(&root().join("src")) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (word, rooms) in rules {
            let allowed = rooms.iter().any(|room| name.starts_with(room)) || name.ends_with("tests.rs");
            let used = code.lines().any(|line| {
                line.contains(word) && !line.trim_start().starts_with("//") && !line.contains(&format!("crate::{word}"))
            });
            assert!(!used || allowed, "{name} names {word}");
        }
    }
}

#[test]
fn files_fit_a_head() {
    for folder in ["src", "hooks", "tests", "benches"] {
        for path in sources(&root().join(folder)) {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn every_file_of_tests_is_part_of_a_test() {
    let list = std::fs::read_to_string(root().join("tests/it.rs")).unwrap();
    for path in sources(&root().join("tests/it")) {
        let name = path.strip_prefix(root().join("tests")).unwrap().display().to_string();
        assert!(list.contains(&format!("\"{name}\"")), "{name} is in no test binary");
    }
}

/// What a kind of error names as the next command where the error itself names none suits neither what is not there nor what
/// was refused: of those it depends on what.
#[test]
fn what_is_missing_or_refused_names_the_next_command() {
    let mut silent = vec![];
    for path in sources(&root().join("src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (position, begun) in
            ["Error::not_found(", "Error::refused("].iter().flat_map(|word| code.match_indices(*word))
        {
            let mut depth = 1;
            let mut quoted = false;
            let after = code[position + begun.len()..].char_indices().find(|(at, c)| {
                let escaped = code[..position + begun.len() + at].ends_with('\\');
                quoted ^= *c == '"' && !escaped;
                depth += if quoted { 0 } else { i32::from(*c == '(') - i32::from(*c == ')') };
                depth == 0
            });
            let rest = after.map_or("", |(at, _)| &code[position + begun.len() + at + 1..]);
            if !rest.trim_start_matches(|c: char| c.is_whitespace() || c == ')').starts_with(".hint(") {
                let line = code[..position].lines().count();
                silent.push(format!("{}:{line}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let reasons = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section =
        manifest.split("dependencies]").skip(1).flat_map(|section| section.split("\n[").next().unwrap().lines());
    for line in section.filter(|line| line.contains(" = ")) {
        let name = line.split(' ').next().unwrap();
        assert!(reasons.contains(&format!("`{name}`")), "{name} has no reason in ARCHITECTURE.md");
    }
}
