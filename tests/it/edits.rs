//! Random edits of random trees: what we list is what git lists, in a plain folder and in a clone.

use crate::support::{GIT_CAIRN, Random, World, command, counted, host};
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

/// How many trees are edited in turn: what one of them remembers must have been left alone for a moment.
const AT_ONCE: usize = 8;
/// How many different repositories there are to be found inside trees.
const INNER: usize = 6;

/// A work tree, and the git that knows it.
struct Twin<'w> {
    world: &'w World,
    git_dir: PathBuf,
    tree: PathBuf,
    /// The name of its index: a clone has its own.
    index: String,
    is_clone: bool,
    settings: &'static [&'static str],
}

impl Twin<'_> {
    fn run(&self, index: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut git = command("git", &self.world.path("home"));
        git.env("GIT_DIR", &self.git_dir).env("GIT_WORK_TREE", &self.tree).current_dir(&self.tree);
        git.env("GIT_INDEX_FILE", self.index(index));
        git.env("GIT_OBJECT_DIRECTORY", self.world.path("site.git/objects"));
        for setting in self.settings {
            git.args(["-c", setting]);
        }
        git.args(["-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false", "-c", "maintenance.auto=false"]);
        git.args(words);
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

    /// Runs our command as git would, with its settings.
    fn cairn(&self, words: &[&str]) -> crate::support::Ran {
        let mut cairn = command(GIT_CAIRN, &self.world.path("home"));
        let settings = self.settings.iter().map(|setting| format!("'{setting}'")).collect::<Vec<_>>();
        cairn.env("GIT_CONFIG_PARAMETERS", settings.join(" ")).arg("-C").arg(self.world.path("site.git"));
        crate::support::run(cairn.args(words).arg("--worktree").arg(&self.tree))
    }

    fn branch(&self) -> PathBuf {
        self.git_dir.join("refs/heads/main")
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
    let document = twin.cairn(&["uncommitted", "dev", "--json"]).exits(0).json();
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

/// What git's status says.
#[derive(Default)]
struct Status {
    /// Each path that it lists, with whether it is staged.
    listed: BTreeMap<Vec<u8>, bool>,
    /// Which of them the index has.
    kept: BTreeSet<Vec<u8>>,
    /// What it says is ignored.
    ignored: BTreeSet<Vec<u8>>,
}

fn status(twin: &Twin<'_>, index: &str) -> Status {
    let words = [
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=matching",
        "--no-renames",
        "--ignore-submodules=none",
    ];
    let Status { mut listed, mut kept, mut ignored } = Status::default();
    for record in twin.read(index, &words).split(|b| *b == 0).filter(|record| !record.is_empty()) {
        let fields = |count: usize| record.splitn(count, |b| *b == b' ').collect::<Vec<_>>();
        match record[0] {
            b'1' => {
                let fields = fields(9);
                let staged = fields[1][0] != b'.';
                kept.extend((fields[4] != b"000000").then(|| fields[8].to_vec()));
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
    Status { listed, kept, ignored }
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

/// An index that says the same and remembers no file, so that git reads them all (gitformat-index(5)).
fn forgetful(twin: &Twin<'_>) -> &'static str {
    let mut bytes = fs::read(twin.index(&twin.index)).unwrap();
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    assert!(bytes.starts_with(b"DIRC") && matches!(number(&bytes[4..8]), 2 | 3), "an index of another version");
    let mut at = 12;
    for _ in 0..number(&bytes[8..12]) {
        // All but the mode is how the file lay there.
        bytes[at..at + 24].fill(0);
        bytes[at + 28..at + 40].fill(0);
        let name = at + if bytes[at + 60] & 0x40 == 0 { 62 } else { 64 };
        let length = bytes[name..].iter().position(|byte| *byte == 0).unwrap();
        at += (name - at + length + 8) / 8 * 8;
    }
    // A checksum of zeros is none.
    let end = bytes.len() - 20;
    bytes[end..].fill(0);
    fs::write(twin.index("fresh"), bytes).unwrap();
    "fresh"
}

fn check(twin: &Twin<'_>) {
    let (told, mut ignored) = ours(twin);
    let fresh = forgetful(twin);
    let Status { listed, kept, ignored: hidden_away } = status(twin, fresh);
    // git keeps silent about an ignored folder in the place of a file that its index has.
    ignored.retain(|path| path.strip_suffix(b"/").is_none_or(|file| !kept.contains(file)));
    let told_list: BTreeMap<_, _> = told
        .iter()
        .flat_map(|(path, (_, from, staged, _))| {
            from.iter().map(|from| (from.clone(), None)).chain([(path.clone(), from.is_none().then_some(*staged))])
        })
        .collect();
    let show = |paths: Vec<&Vec<u8>>| paths.iter().map(|path| path.escape_ascii().to_string()).collect::<Vec<_>>();
    assert_eq!(show(told_list.keys().collect()), show(listed.keys().collect()), "the list");
    assert_eq!(show(ignored.iter().collect()), show(hidden_away.iter().collect()), "what is ignored");
    let git = added(twin, fresh);
    // `git add` takes attributes that were deleted from the index out of which it takes them at the same time, so that what
    // they do to other files depends on its order; what status lists does not.
    let touched = told.iter().flat_map(|(path, (_, from, ..))| [Some(path), from.as_ref()]).flatten();
    let is_unsure = touched.into_iter().any(|path| path.ends_with(b".gitattributes"));
    for (path, (kind, from, staged, hidden)) in &told {
        let name = path.escape_ascii();
        assert!(!hidden, "hidden: {name}");
        if from.is_none() {
            assert_eq!(*staged, listed[path], "staged: {name}");
        }
        match git.get(path) {
            // A submodule whose own files are edited adds as it is.
            Some((git_kind, git_from)) if !is_unsure => assert_eq!((kind, from), (git_kind, git_from), "{name}"),
            Some(_) => {}
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

/// The folders between a path and the tree it is in.
fn above<'p>(tree: &'p Path, path: &'p Path) -> impl Iterator<Item = &'p Path> {
    path.ancestors().skip(1).take_while(move |folder| *folder != tree)
}

/// Tells whether a path goes through a link, which may lead anywhere.
fn leads_out(tree: &Path, path: &Path) -> bool {
    above(tree, path).any(Path::is_symlink)
}

fn write(tree: &Path, path: &Path, content: &[u8]) {
    let path = tree.join(path);
    let inside_repository = above(tree, &path).any(|folder| folder.join(".git").exists());
    if inside_repository || leads_out(tree, &path) || fs::create_dir_all(path.parent().unwrap()).is_err() {
        return;
    }
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return;
    }
    fs::write(&path, content).unwrap();
}

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
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
            let is_free = !leads_out(tree, &to) && to.symlink_metadata().is_err();
            if is_free && fs::create_dir_all(to.parent().unwrap()).is_ok() && to.symlink_metadata().is_err() {
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
        (14, _) => {
            let folder = tree.join(path(random).with_file_name("empty"));
            if !leads_out(tree, &folder) {
                drop(fs::create_dir_all(folder));
            }
        }
        (15, _) => {
            let name = format!("nested{}", random.below(3));
            let folder = tree.join(path(random).with_file_name(name));
            let inner = format!("inner{}/.git", random.below(INNER));
            let is_free = !leads_out(tree, &folder) && fs::create_dir_all(&folder).is_ok();
            if is_free && fs::read_dir(&folder).unwrap().next().is_none() {
                copy(&world.path(&inner), &folder.join(".git"));
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

/// A tree that is being edited.
struct Edited<'w> {
    n: usize,
    random: Random,
    twin: Twin<'w>,
    commit: Vec<u8>,
}

impl<'w> Edited<'w> {
    /// Makes the `n`th, and commits what is in it.
    fn new(world: &'w World, n: usize) -> Self {
        let mut random = Random::one_of(40_000, n);
        let is_clone = random.below(2) == 1;
        let tree = world.path(&format!("tree{n}"));
        fs::create_dir(&tree).unwrap();
        let settings = *random.pick(&SETTINGS);
        let git_dir = if is_clone { tree.join(".git") } else { world.path("site.git") };
        let index = if is_clone { "index".into() } else { format!("index{}", n % AT_ONCE) };
        let twin = Twin { world, git_dir, tree: tree.clone(), index, is_clone, settings };
        if is_clone {
            copy(&world.path("empty/.git"), &tree.join(".git"));
            // What it commits lies there, as if it had been pushed.
            let objects = format!("{}\n", world.path("site.git/objects").display());
            fs::write(tree.join(".git/objects/info/alternates"), objects).unwrap();
        } else {
            let _ = fs::remove_file(twin.index(&twin.index));
        }
        for _ in 0..random.below(40) {
            edit(world, &tree, &mut random);
        }
        write(&tree, Path::new("page"), b"always\n");
        twin.read(&twin.index, &["add", "--all", "."]);
        twin.read(&twin.index, &["commit", "--quiet", "--allow-empty", "-m", "base"]);
        let commit = fs::read(twin.branch()).unwrap();
        Self { n, random, twin, commit }
    }

    /// Lets both remember how it lies there, edits it, and compares what they say.
    fn round(&mut self) {
        let twin = &self.twin;
        fs::write(twin.branch(), &self.commit).unwrap();
        ours(twin);
        for _ in 0..self.random.below(12) {
            edit(twin.world, &twin.tree, &mut self.random);
            if twin.is_clone && self.random.below(4) == 0 {
                stage(twin, &mut self.random);
            }
        }
        check(twin);
    }
}

#[test]
fn what_is_listed_is_what_git_lists() {
    let world = host();
    fs::create_dir_all(world.path("site.git/info")).unwrap();
    fs::write(world.path("site.git/info/exclude"), "*.swp\nsites/x.d\n").unwrap();
    world.git(".", &["init", "--quiet", "--template=", "empty"]).ok();
    fs::create_dir_all(world.path("empty/.git/objects/info")).unwrap();
    for n in 0..INNER {
        let name = format!("inner{n}");
        world.git(".", &["init", "--quiet", "--template=", &name]).ok();
        world.git(&name, &["commit", "--quiet", "--allow-empty", "-m", &name]).ok();
    }
    let mut numbers = counted("CAIRN_EDITS", 40).peekable();
    while numbers.peek().is_some() {
        let mut trees: Vec<_> = numbers.by_ref().take(AT_ONCE).map(|n| Edited::new(&world, n)).collect();
        for round in 0..2 {
            for at in 0..trees.len() {
                let tree = &mut trees[at];
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tree.round()));
                if let Err(cause) = caught {
                    let Edited { n, twin, .. } = &*tree;
                    eprintln!("tree {n} in round {round}, a clone: {}, {:?}", twin.is_clone, twin.settings);
                    // Its seed only is to be told.
                    let failed = trees.swap_remove(at);
                    trees.clear();
                    trees.push(failed);
                    std::panic::resume_unwind(cause);
                }
            }
        }
        for tree in trees {
            fs::remove_dir_all(&tree.twin.tree).unwrap();
        }
    }
}
