//! Random edits of random trees: what we list is what git lists, in a plain folder and in a clone.

use crate::support::{Random, World, command, counted, host};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const NAMES: [&[u8]; 12] = [
    b"a",
    b"b.txt",
    b"c.log",
    b"d.bin",
    b"index.php",
    b"sp ace",
    b"new\nline",
    b"\xff\xfe",
    "gr\u{fc}n".as_bytes(),
    b"a.b",
    b"a-b",
    b"keep.log",
];
const FOLDERS: [&[u8]; 6] = [b"a", b"lib", b"build", b"sites", b"x.d", b"\xf0"];
const IGNORES: [&str; 8] =
    ["*.log\n!keep.log\n", "build/\n", "/a\n", "lib/*\n", "*.txt\n", "sites/**/a\n", "a/\n!b.txt\n", "# none\n\\ \n"];
const ATTRIBUTES: [&str; 9] = [
    "* text=auto\n",
    "*.txt text\n",
    "*.txt text eol=crlf\n*.bin binary\n",
    "b.txt ident\n",
    "*.txt -text\n",
    "a text=auto eol=lf\n",
    "[attr]words text\n*.txt words\n",
    "* text=auto\n*.log -text\nindex.php ident text\n",
    "* crlf=input\n",
];
const SETTINGS: [&[&str]; 5] =
    [&[], &["core.autocrlf=true"], &["core.autocrlf=input"], &["core.fileMode=false"], &["core.ignoreCase=true"]];

/// A work tree, and the git that knows it.
struct Twin<'w> {
    world: &'w World,
    git_dir: PathBuf,
    tree: PathBuf,
    settings: &'static [&'static str],
}

impl Twin<'_> {
    fn run(&self, index: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut git = command("git", &self.world.path("home"));
        git.env("GIT_DIR", &self.git_dir).env("GIT_WORK_TREE", &self.tree).current_dir(&self.tree);
        git.env("GIT_INDEX_FILE", self.index(index));
        for setting in self.settings {
            git.args(["-c", setting]);
        }
        git.args(["-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false"]).args(words);
        git.stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = git.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn index(&self, name: &str) -> PathBuf {
        if name == "index" { self.git_dir.join("index") } else { self.world.path(name) }
    }

    fn read(&self, index: &str, words: &[&str]) -> Vec<u8> {
        self.run(index, words, b"")
    }

    fn text(&self, index: &str, words: &[&str]) -> String {
        String::from_utf8(self.read(index, words)).unwrap().trim().to_owned()
    }
}

/// What is said of a path: kind, where it came from, whether it is staged, whether it is hidden.
type Told = BTreeMap<Vec<u8>, (String, Option<Vec<u8>>, bool, bool)>;

fn bytes(value: &Value, field: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    match value[format!("{field}_bytes")].as_str() {
        Some(encoded) => Some(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()),
        None => value[field].as_str().map(|text| text.as_bytes().to_vec()),
    }
}

/// What we list, and what we say is ignored.
fn ours(twin: &Twin<'_>) -> (Told, BTreeSet<Vec<u8>>) {
    let mut git = command("git", &twin.world.path("home"));
    git.arg("-C").arg(twin.world.path("site.git"));
    for setting in twin.settings {
        git.args(["-c", setting]);
    }
    git.args(["cairn", "uncommitted", "dev", "--json", "--worktree"]).arg(&twin.tree);
    let document = crate::support::run(&mut git).exits(0).json();
    let (mut told, mut ignored) = (Told::new(), BTreeSet::new());
    for change in document["changes"].as_array().unwrap() {
        let path = bytes(change, "path").unwrap();
        if change["ignored"] == true {
            assert!(ignored.insert(path));
        } else if !path.is_empty() {
            let kind = change["kind"].as_str().unwrap().to_owned();
            let flag = |name: &str| change[name].as_bool().unwrap();
            let told = told.insert(path, (kind, bytes(change, "from"), flag("staged"), flag("hidden")));
            assert!(told.is_none());
        }
    }
    assert_eq!(document["clean"], told.is_empty());
    assert_eq!(document["ignored"], ignored.len());
    (told, ignored)
}

/// What git's status lists: each path with whether it is staged; and what it says is ignored.
fn status(twin: &Twin<'_>, index: &str) -> (BTreeMap<Vec<u8>, bool>, BTreeSet<Vec<u8>>) {
    let words = [
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=matching",
        "--no-renames",
        "--ignore-submodules=none",
    ];
    let (mut listed, mut ignored) = (BTreeMap::new(), BTreeSet::new());
    for record in twin.read(index, &words).split(|b| *b == 0).filter(|record| !record.is_empty()) {
        let fields = |count: usize| record.splitn(count, |b| *b == b' ').collect::<Vec<_>>();
        match record[0] {
            b'1' => {
                let fields = fields(9);
                let staged = fields[1][0] != b'.';
                *listed.entry(fields[8].to_vec()).or_insert(false) |= staged;
            }
            b'u' => drop(listed.insert(fields(11)[10].to_vec(), true)),
            // A repository of its own stands there with a slash at its end.
            b'?' => {
                let path = fields(2)[1];
                listed.entry(path.strip_suffix(b"/").unwrap_or(path).to_vec()).or_insert(false);
            }
            b'!' => drop(ignored.insert(fields(2)[1].to_vec())),
            other => panic!("{}", char::from(other)),
        }
    }
    (listed, ignored)
}

/// What git makes of the tree if everything is added: the kind of each path, and where it came from.
fn added(twin: &Twin<'_>, index: &str) -> BTreeMap<Vec<u8>, (String, Option<Vec<u8>>)> {
    fs::copy(twin.index(index), twin.index("added")).unwrap();
    twin.read("added", &["add", "--all", "."]);
    let out = twin.read("added", &["diff-index", "--cached", "--raw", "-z", "-M", "--no-abbrev", "HEAD"]);
    let mut fields = out.split(|b| *b == 0);
    let mut found = BTreeMap::new();
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        let parts: Vec<_> = head.split(|b| *b == b' ').collect();
        let is_repository = parts[0] == b":160000" || (parts[1] == b"160000" && parts[4] == b"A");
        let kind = match parts[4][0] {
            b'M' | b'A' if is_repository => "repository",
            b'M' if parts[2] == parts[3] => "mode",
            b'M' => "modified",
            b'A' => "added",
            b'D' => "deleted",
            b'T' => "type",
            b'R' => "renamed",
            other => panic!("{}", char::from(other)),
        };
        let first = fields.next().unwrap().to_vec();
        if kind == "renamed" && parts[1] == b"160000" {
            // Two repositories of one commit, the one gone and the other come, are to us what they are.
            found.insert(first, ("deleted".to_owned(), None));
            found.insert(fields.next().unwrap().to_vec(), ("repository".to_owned(), None));
            continue;
        }
        let from = (kind == "renamed").then(|| first.clone());
        let path = if kind == "renamed" { fields.next().unwrap().to_vec() } else { first };
        found.insert(path, (kind.to_owned(), from));
    }
    found
}

/// An index that says the same and remembers no file, so that git reads them all.
fn forgetful(twin: &Twin<'_>, from: &str) -> String {
    let _ = fs::remove_file(twin.index("fresh"));
    let entries = twin.read(from, &["ls-files", "--stage", "-z"]);
    // Of no entry git would make no index.
    twin.read("fresh", &["read-tree", "--empty"]);
    twin.run("fresh", &["update-index", "-z", "--index-info"], &entries);
    "fresh".into()
}

fn check(twin: &Twin<'_>, index: &str, flagged: &BTreeSet<Vec<u8>>) {
    let (told, mut ignored) = ours(twin);
    // git keeps silent about an ignored folder in the place of a file that it watches.
    ignored.retain(|path| {
        path.strip_suffix(b"/").is_none_or(|file| told.get(file).is_none_or(|told| told.0 != "deleted"))
    });
    let fresh = forgetful(twin, index);
    let (listed, hidden_away) = status(twin, &fresh);
    let told_list: BTreeMap<_, _> = told
        .iter()
        .flat_map(|(path, (_, from, staged, _))| {
            from.iter().map(|from| (from.clone(), None)).chain([(path.clone(), from.is_none().then_some(*staged))])
        })
        .collect();
    let show = |paths: Vec<&Vec<u8>>| paths.iter().map(|path| path.escape_ascii().to_string()).collect::<Vec<_>>();
    assert_eq!(show(told_list.keys().collect()), show(listed.keys().collect()), "the list");
    assert_eq!(show(ignored.iter().collect()), show(hidden_away.iter().collect()), "what is ignored");
    let git = added(twin, &fresh);
    // `git add` takes attributes that were deleted from the index out of which it takes them at the same time, so that what
    // they do to other files depends on its order; what status lists does not.
    let is_unsure = told.keys().any(|path| path.ends_with(b".gitattributes"));
    for (path, (kind, from, staged, hidden)) in &told {
        let name = path.escape_ascii();
        assert_eq!(*hidden, flagged.contains(path), "hidden: {name}");
        if from.is_none() {
            assert_eq!(*staged, listed[path], "staged: {name}");
        }
        match git.get(path) {
            // A submodule whose own files are edited adds as it is.
            Some((git_kind, git_from)) => assert_eq!((kind, from), (git_kind, git_from), "{name}"),
            // `git add` passes by a submodule in whose folder's place a file stands.
            None if kind == "deleted" => {
                assert!(*staged || twin.tree.join(OsStr::from_bytes(path)).symlink_metadata().is_err(), "{name}");
            }
            None => assert!(*staged || is_unsure || kind == "repository", "{name} is {kind}"),
        }
    }
    for (path, (kind, _)) in &git {
        assert!(told.contains_key(path) || is_unsure, "{} is {kind}", path.escape_ascii());
    }
}

/// Makes a random path: a name in up to three folders.
fn path(random: &mut Random) -> PathBuf {
    let mut path = PathBuf::new();
    for _ in 0..random.below(4).saturating_sub(random.below(2)) {
        path.push(OsStr::from_bytes(FOLDERS[random.below(FOLDERS.len())]));
    }
    path.join(OsStr::from_bytes(NAMES[random.below(NAMES.len())]))
}

fn content(random: &mut Random) -> Vec<u8> {
    let end: &[u8] = [&b"\n"[..], b"\r\n", b"\r"][random.below(8).saturating_sub(5)];
    let mut text = Vec::new();
    for n in 0..random.below(30) {
        text.extend_from_slice(format!("line {n} of {} $Id: odd$ words", random.below(3)).as_bytes());
        text.extend_from_slice(if random.below(40) == 0 { b"\r\n" } else { end });
    }
    match random.below(10) {
        0 => text.extend_from_slice(b"no end"),
        1 => text.extend_from_slice(&random.bytes(40)),
        2 => text.clear(),
        3 => text.push(0),
        _ => {}
    }
    text
}

/// Everything below the tree that is no folder, and with folders if wanted; never what is git's.
fn below(tree: &Path, folders: bool) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![tree.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_name() == ".git" || entry.file_type().unwrap().is_dir() && path.join(".git").exists() {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                waiting.push(path.clone());
                found.extend(folders.then_some(path));
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn write(tree: &Path, path: &Path, content: &[u8]) {
    let path = tree.join(path);
    let inside_repository = path
        .ancestors()
        .skip(1)
        .any(|folder| folder != tree && folder.starts_with(tree) && folder.join(".git").exists());
    if inside_repository || fs::create_dir_all(path.parent().unwrap()).is_err() {
        return;
    }
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return;
    }
    fs::write(&path, content).unwrap();
}

/// Does one random edit.
fn edit(world: &World, tree: &Path, random: &mut Random) {
    let there = below(tree, false);
    let any = |random: &mut Random| there.get(random.below(there.len().max(1))).cloned();
    match (random.below(17), any(random)) {
        (0..=2, _) | (_, None) => write(tree, &path(random), &content(random)),
        (3, Some(file)) => write(tree, file.strip_prefix(tree).unwrap(), &content(random)),
        (4 | 5, Some(file)) if file.is_file() && !file.is_symlink() => {
            let mut bytes = fs::read(&file).unwrap();
            if bytes.is_empty() {
                bytes.push(b'x');
            } else {
                let at = random.below(bytes.len());
                bytes[at] ^= 1;
            }
            fs::write(&file, bytes).unwrap();
        }
        (6, Some(file)) => fs::remove_file(file).unwrap(),
        (7 | 8, Some(file)) => {
            let to = tree.join(path(random));
            if fs::create_dir_all(to.parent().unwrap()).is_ok() && to.symlink_metadata().is_err() {
                fs::rename(&file, &to).unwrap();
                if random.below(2) == 0 && to.is_file() && !to.is_symlink() {
                    let mut bytes = fs::read(&to).unwrap();
                    bytes.extend_from_slice(b"one more line\n");
                    fs::write(&to, bytes).unwrap();
                }
            }
        }
        (9, Some(file)) if !file.is_symlink() => {
            let mode = [0o644, 0o755, 0o600, 0o711][random.below(4)];
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        (10, Some(file)) => {
            fs::remove_file(&file).unwrap();
            match random.below(3) {
                0 => symlink("/etc", &file).unwrap(),
                1 => symlink("some where", &file).unwrap(),
                _ => {
                    fs::create_dir(&file).unwrap();
                    fs::write(file.join("inner"), content(random)).unwrap();
                }
            }
        }
        (11, _) => {
            let folders: Vec<_> =
                below(tree, true).into_iter().filter(|path| path.is_dir() && !path.is_symlink()).collect();
            if let Some(folder) = folders.get(random.below(folders.len().max(1))) {
                fs::remove_dir_all(folder).unwrap();
                if random.below(2) == 0 {
                    fs::write(folder, content(random)).unwrap();
                }
            }
        }
        (12, _) => write(tree, &path(random).with_file_name(".gitignore"), random.pick(&IGNORES).as_bytes()),
        (13, _) => write(tree, &path(random).with_file_name(".gitattributes"), random.pick(&ATTRIBUTES).as_bytes()),
        (14, _) => drop(fs::create_dir_all(tree.join(path(random).with_file_name("empty")))),
        (15, _) => {
            let name = format!("nested{}", random.below(3));
            let folder = tree.join(path(random).with_file_name(name));
            if fs::create_dir_all(&folder).is_ok() && fs::read_dir(&folder).unwrap().next().is_none() {
                let run = |words: &[&str]| {
                    crate::support::run(command("git", &world.path("home")).arg("-C").arg(&folder).args(words)).ok();
                };
                run(&["init", "--quiet"]);
                run(&["commit", "--quiet", "--allow-empty", "-m", folder.to_str().unwrap_or("inner")]);
            }
        }
        (_, Some(file)) => {
            // Written again as it was, with a new time.
            if !file.is_symlink() {
                let bytes = fs::read(&file).unwrap();
                fs::write(&file, bytes).unwrap();
            }
        }
    }
}

/// Does one random thing to a clone's index, and returns the path git is told not to look at, if so.
fn stage(twin: &Twin<'_>, random: &mut Random) {
    let there = below(&twin.tree, false);
    let Some(file) = there.get(random.below(there.len().max(1))) else { return };
    let file = file.strip_prefix(&twin.tree).unwrap().as_os_str().as_bytes().to_vec();
    match random.below(5) {
        0 => drop(twin.read("index", &["add", "--all", "."])),
        1 | 2 => drop(twin.run(
            "index",
            &["--literal-pathspecs", "add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"],
            &file,
        )),
        3 => drop(twin.run("index", &["update-index", "-z", "--force-remove", "--stdin"], &file)),
        _ => drop(twin.run(
            "index",
            &[
                "--literal-pathspecs",
                "rm",
                "--force",
                "--quiet",
                "-r",
                "--cached",
                "--ignore-unmatch",
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
            ],
            &file,
        )),
    }
}

#[test]
fn what_is_listed_is_what_git_lists() {
    let world = host();
    fs::create_dir_all(world.path("site.git/info")).unwrap();
    fs::write(world.path("site.git/info/exclude"), "*.swp\nsites/x.d\n").unwrap();
    for n in counted("CAIRN_EDITS", 40) {
        let mut random = Random::one_of(40_000, n);
        let is_clone = random.below(2) == 1;
        let tree = world.path(&format!("tree{n}"));
        fs::create_dir(&tree).unwrap();
        let settings = *random.pick(&SETTINGS);
        let git_dir = if is_clone { tree.join(".git") } else { world.path("site.git") };
        let twin = Twin { world: &world, git_dir, tree: tree.clone(), settings };
        if is_clone {
            world.git(".", &["init", "--quiet", tree.to_str().unwrap()]).ok();
        }
        let _ = fs::remove_file(world.path("base"));
        let index = if is_clone { "index" } else { "base" };
        for _ in 0..random.below(40) {
            edit(&world, &tree, &mut random);
        }
        write(&tree, Path::new("page"), b"always\n");
        twin.read(index, &["add", "--all", "."]);
        let written = twin.text(index, &["write-tree"]);
        let commit = twin.text(index, &["commit-tree", "-m", "base", &written]);
        twin.read(index, &["update-ref", "--no-deref", "HEAD", &commit]);
        if is_clone {
            world
                .git("site.git", &["fetch", "--quiet", tree.to_str().unwrap(), &format!("+{commit}:refs/heads/seen")])
                .ok();
        } else {
            twin.read(index, &["update-ref", "refs/heads/main", &commit]);
            twin.read(index, &["symbolic-ref", "HEAD", "refs/heads/main"]);
        }
        for round in 0..2 {
            for _ in 0..random.below(12) {
                edit(&world, &tree, &mut random);
                if is_clone && random.below(4) == 0 {
                    stage(&twin, &mut random);
                }
            }
            let caught =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&twin, index, &BTreeSet::new())));
            if let Err(cause) = caught {
                eprintln!("tree {n} in round {round}, a clone: {is_clone}, {settings:?}");
                std::panic::resume_unwind(cause);
            }
        }
        fs::remove_dir_all(&tree).unwrap();
    }
}
