//! Work on a repository's objects that leaves nothing in it: what is made lies in a folder of its own, beside the
//! repository's objects, and is gone with it unless it is kept.

use super::attribute_files::AttributeFiles;
use super::count;
use super::past::Past;
use super::trivial_merge::Merger;
use super::{Advertised, ObjectId, RawCommit, RefName, Remote, Repository};
use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::os::{self, OsStrExt, OsStringExt};
use crate::process::{Command, Started};
use bstr::{BString, ByteSlice};
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The oldest git that merges without a work tree (`git merge-tree --write-tree`).
const MERGES_SINCE: (u32, u32) = (2, 38);
/// The oldest git that takes trees and a base for it; an older one must find the base in commits.
const MERGES_TREES_SINCE: (u32, u32) = (2, 45);
/// A git that knows everything.
const NEWEST: (u32, u32) = (u32::MAX, 0);
/// What merges without a work tree.
const MERGE_TREE: [&str; 3] = ["merge-tree", "--write-tree", "-z"];
/// The oldest git that takes attributes from a tree (`--attr-source`).
const ATTRIBUTES_OF_TREE_SINCE: (u32, u32) = (2, 41);

/// Objects beside a repository's own.
pub struct Scratch {
    git_dir: PathBuf,
    /// Where the repository's own objects lie, as git takes it.
    originals: OsString,
    version: OnceCell<(u32, u32)>,
    past: Past,
    /// `None` where only git knows which there are.
    attributes: Option<AttributeFiles>,
    /// Whether git merges what files hold in its own way, as far as its config says.
    merges_plainly: bool,
}

/// A merge that git is at, or that was none of its business.
pub struct Merging {
    course: MergeCourse,
    sides: [ObjectId; 3],
    attributes: Attributes,
}

/// Who merges.
enum MergeCourse {
    /// Nobody has to: this is the tree.
    Done(ObjectId),
    /// This git.
    Git(Started),
    /// A git that has to be told otherwise what to merge.
    OldGit,
}

/// The changed lines that are counted.
pub enum Counting {
    /// They were.
    Known([usize; 2]),
    /// git is at it.
    Git(Started),
}

/// Whose `.gitattributes` count in a merge.
#[derive(Debug, Clone)]
pub enum Attributes {
    /// Those in this work tree, where git itself would merge.
    WorkTree(PathBuf),
    /// Those of this commit.
    Commit(ObjectId),
}

/// How a merge of trees ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// It gave this tree.
    Clean(ObjectId),
    /// Changes collide in these files.
    Conflicts(Vec<Collision>),
}

/// A file in which changes collide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// Its path. Where git had to give it a name beside another, what follows `~` is the id of a side.
    pub path: BString,
    /// git's word for it, such as `contents` or `modify/delete`.
    pub kind: String,
}

/// A commit as a revert needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitText {
    /// Its id.
    pub id: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Its parents.
    pub parents: Vec<ObjectId>,
    /// Who wrote it, fit to be shown.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// Its message in the encoding new messages are written in.
    pub message: BString,
}

/// What becomes of one path between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    /// The path.
    pub path: BString,
    /// Mode and object before; `None` where it was not.
    pub old: Option<(u32, ObjectId)>,
    /// Mode and object after; `None` where it is no longer.
    pub new: Option<(u32, ObjectId)>,
}

impl Scratch {
    /// Makes an empty one.
    pub fn new(repository: &Repository) -> Result<Self> {
        let objects = repository.objects_dir();
        let objects = os::canonicalize(&objects).at("find", &objects)?;
        let originals = quoted(objects.as_os_str().as_bytes());
        let (git_dir, config) = (repository.git_dir().to_owned(), repository.config());
        Ok(Self {
            git_dir,
            originals,
            version: OnceCell::new(),
            past: Past::new(repository),
            attributes: AttributeFiles::of(repository),
            merges_plainly: ["default", "renormalize"].iter().all(|name| config.get("merge", name).is_none()),
        })
    }

    /// Returns a folder that is there until it is dropped; objects lie in it beside what else is put there, whose names no object
    /// and nothing of git's among objects has. To make and remove a folder of their own takes longer than most that is asked.
    pub fn folder(&self) -> Result<&Path> {
        self.past.folder()
    }

    /// A folder in the place of a work tree, which may be there.
    fn bare(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("tree"))
    }

    /// Makes a git command that reads the repository and writes objects here.
    pub fn git(&self) -> Result<Command> {
        let git_dir = [b"--git-dir=", self.git_dir.as_os_str().as_bytes()].concat();
        let command = Command::git().env("GIT_OBJECT_DIRECTORY", self.folder()?).env("GIT_OPTIONAL_LOCKS", "0");
        Ok(command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.originals).arg(OsStr::from_bytes(&git_dir)))
    }

    /// Returns git's version.
    pub fn git_version(&self) -> Result<(u32, u32)> {
        if let Some(version) = self.version.get() {
            return Ok(*version);
        }
        let out = Command::git().arg("version").read()?;
        let text = out.to_str_lossy();
        let mut numbers = text.split_whitespace().nth(2).unwrap_or_default().split('.').map(|part| part.parse().ok());
        let version = numbers.next().flatten().zip(numbers.next().flatten());
        let version = version.ok_or_else(|| Error::strange_git(format!("git says of its version: {}", text.trim())))?;
        Ok(*self.version.get_or_init(|| version))
    }

    /// Brings what these references of the host lead to, where the repository lacks it; no reference moves by it, and
    /// nothing is written to the repository.
    pub fn fetch(
        &self,
        repository: &Repository,
        remote: &Remote,
        advertised: &Advertised,
        names: &[RefName],
    ) -> Result<()> {
        let missing = |name: &&RefName| advertised.refs.get(name).is_some_and(|id| !repository.contains(id));
        let missing: Vec<_> = names.iter().filter(missing).collect();
        if missing.is_empty() { Ok(()) } else { remote.fetch_by(self.git()?, &missing) }
    }

    /// Returns what the commits say, in the order given.
    pub fn commit_texts(&self, ids: &[ObjectId], encoding: &str) -> Result<Vec<CommitText>> {
        let past = &self.past;
        let read = |id: &ObjectId| CommitText::of(id, past.commit(id)?, encoding);
        let texts: Vec<Option<CommitText>> = ids.iter().map(read).collect();
        let left: Vec<ObjectId> =
            ids.iter().zip(&texts).filter(|(_, text)| text.is_none()).map(|(id, _)| *id).collect();
        let mut by_git = self.commit_texts_by_git(&left, encoding)?.into_iter();
        Ok(texts.into_iter().filter_map(|text| text.or_else(|| by_git.next())).collect())
    }

    /// What git says of commits written in another encoding.
    fn commit_texts_by_git(&self, ids: &[ObjectId], encoding: &str) -> Result<Vec<CommitText>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let encoding = format!("--encoding={encoding}");
        let format = "--format=tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%B";
        let words = ["log", "--no-walk=unsorted", "--no-show-signature", "-z", &encoding, format, "--stdin"];
        let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let out = self.git()?.args(words).read_with(input.as_bytes())?;
        let fields: Vec<&[u8]> = out.split(|byte| *byte == 0).collect();
        let known: Vec<_> = fields.chunks_exact(6).filter_map(commit_text).collect();
        let find = |id: &ObjectId| known.iter().find(|text| text.id == *id).cloned();
        ids.iter().map(|id| find(id).ok_or_else(|| unread(&format!("git log leaves out {id}")))).collect()
    }

    /// Merges `theirs` into `ours`, all of them trees or commits, on the base given.
    ///
    /// Returns an error for a git that cannot merge without a work tree, or that needs an object it does not get.
    pub fn merge(
        &self,
        base: &ObjectId,
        ours: &ObjectId,
        theirs: &ObjectId,
        attributes: &Attributes,
        words: &[String],
    ) -> Result<Merge> {
        self.end_merge(self.begin_merge(base, ours, theirs, attributes, words)?)
    }

    /// Begins a merge, which git does while we do something else.
    pub fn begin_merge(
        &self,
        base: &ObjectId,
        ours: &ObjectId,
        theirs: &ObjectId,
        attributes: &Attributes,
        words: &[String],
    ) -> Result<Merging> {
        let (sides, attributes) = ([*base, *ours, *theirs], attributes.clone());
        // What the words ask for is git's to know.
        let plainly = words.is_empty().then_some(&attributes);
        if let Some(tree) = self.merge_without_git(base, ours, theirs, plainly) {
            return Ok(Merging { course: MergeCourse::Done(tree), sides, attributes });
        }
        // Whether it is new enough is seen when it does not know the words; asking first is a process more.
        if self.version.get().is_some_and(|version| *version < MERGES_TREES_SINCE) {
            return Ok(Merging { course: MergeCourse::OldGit, sides, attributes });
        }
        let command = self.merging(&attributes, NEWEST)?.args(MERGE_TREE).args(words);
        let command = command.arg(format!("--merge-base={base}")).args([ours.to_string(), theirs.to_string()]);
        Ok(Merging { course: MergeCourse::Git(command.start()?), sides, attributes })
    }

    /// Merges as [`Scratch::merge`] where no side removed what could have gone elsewhere for the other, and no file was changed
    /// on both sides, or, if these attributes let git merge them in its own way, only in places well apart; `None` where git
    /// has to be asked.
    pub fn merge_without_git(
        &self,
        base: &ObjectId,
        ours: &ObjectId,
        theirs: &ObjectId,
        attributes: Option<&Attributes>,
    ) -> Option<ObjectId> {
        let tree = |id: &ObjectId| self.past.commit(id).map_or(*id, |commit| commit.tree);
        let contents = self.attributes.as_ref().filter(|_| self.merges_plainly).zip(attributes);
        Merger { past: &self.past, contents }.merge(&tree(base), &tree(ours), &tree(theirs))
    }

    /// Returns how a merge that was begun ended; errors are those of [`Scratch::merge`].
    pub fn end_merge(&self, merging: Merging) -> Result<Merge> {
        let started = match merging.course {
            MergeCourse::Done(tree) => return Ok(Merge::Clean(tree)),
            MergeCourse::Git(started) => started,
            MergeCourse::OldGit => return self.merge_commits(merging.sides, &merging.attributes),
        };
        let done = merged(&started.output()?);
        if done.is_err() && self.git_version()? < MERGES_TREES_SINCE {
            return self.merge_commits(merging.sides, &merging.attributes);
        }
        done
    }

    /// Merges with a git that takes neither trees nor a base, and so finds the base in commits that are made for it.
    fn merge_commits(&self, [base, ours, theirs]: [ObjectId; 3], attributes: &Attributes) -> Result<Merge> {
        let version = self.git_version()?;
        if version < MERGES_SINCE {
            return Err(Error::outside("old-git", "this git cannot merge without a work tree")
                .hint("install git 2.38 or newer here"));
        }
        let base = self.bare_commit(&base, None)?;
        let sides = [self.bare_commit(&ours, Some(&base))?, self.bare_commit(&theirs, Some(&base))?];
        let command = self.merging(attributes, version)?.args(MERGE_TREE);
        let mut done = merged(&command.args(sides.iter().map(ToString::to_string)).output()?)?;
        if let Merge::Conflicts(collisions) = &mut done {
            for collision in collisions {
                for (made, meant) in sides.iter().zip([ours, theirs]) {
                    collision.path = collision.path.replace(format!("~{made}"), format!("~{meant}")).into();
                }
            }
        }
        Ok(done)
    }

    fn merging(&self, attributes: &Attributes, version: (u32, u32)) -> Result<Command> {
        if matches!(attributes, Attributes::Commit(_)) {
            std::fs::create_dir_all(self.bare()?).at("create the folder", &self.bare()?)?;
        }
        let (tree, source) = match attributes {
            Attributes::WorkTree(path) => (path.clone(), None),
            Attributes::Commit(commit) => (self.bare()?, Some(commit)),
        };
        let mut command = self.git()?.arg(OsStr::from_bytes(&[b"--work-tree=", tree.as_os_str().as_bytes()].concat()));
        match source {
            Some(commit) if version >= ATTRIBUTES_OF_TREE_SINCE => {
                command = command.arg(format!("--attr-source={commit}"));
            }
            Some(commit) => self.lay_out_attributes(commit)?,
            None => {}
        }
        Ok(command.in_folder(&tree))
    }

    /// Puts the `.gitattributes` of a commit where a git that knows no better looks for them.
    fn lay_out_attributes(&self, commit: &ObjectId) -> Result<()> {
        // Those of another commit lie there from the merge before.
        std::fs::remove_dir_all(self.bare()?).at("clear", &self.bare()?)?;
        std::fs::create_dir_all(self.bare()?).at("create the folder", &self.bare()?)?;
        let out = self.git()?.args(["ls-tree", "-r", "-z", "--full-tree", &commit.to_string()]).read()?;
        for line in out.split(|byte| *byte == 0) {
            let Some((head, path)) = line.split_once_str("\t") else { continue };
            let id = head.rsplit_once_str(" ").and_then(|(_, id)| ObjectId::from_hex(id).ok());
            let (true, Some(id)) = (path.rsplit_str("/").next() == Some(b".gitattributes"), id) else { continue };
            let target = self.bare()?.join(OsStr::from_bytes(path));
            let content = self.git()?.args(["cat-file", "blob", &id.to_string()]).read()?;
            std::fs::create_dir_all(target.parent().unwrap_or(&target)).at("create the folder of", &target)?;
            std::fs::write(&target, content).at("write", &target)?;
        }
        Ok(())
    }

    /// Makes a commit that only stands for its tree.
    pub(super) fn bare_commit(&self, of: &ObjectId, parent: Option<&ObjectId>) -> Result<ObjectId> {
        let mut command = self.git()?;
        for role in ["AUTHOR", "COMMITTER"] {
            for (what, value) in [("NAME", "cairn"), ("EMAIL", "cairn@localhost"), ("DATE", "@1 +0000")] {
                command = command.env(&format!("GIT_{role}_{what}"), value);
            }
        }
        let command = command.args(["commit-tree", "--no-gpg-sign", &format!("{of}^{{tree}}"), "-m", "cairn"]);
        let parent = parent.map(ToString::to_string);
        id_in(&command.args(parent.iter().flat_map(|parent| ["-p", parent])).read()?)
    }

    /// Makes a commit as the person whose repository it is, signed where their config says so.
    ///
    /// Returns an error where git knows no identity, or cannot sign.
    pub fn commit(&self, tree: &ObjectId, parents: &[ObjectId], message: &[u8], sign: bool) -> Result<ObjectId> {
        let sign = if sign { "--gpg-sign" } else { "--no-gpg-sign" };
        let parents = parents.iter().flat_map(|parent| ["-p".to_owned(), parent.to_string()]);
        let command = self.git()?.args(["commit-tree", sign, &tree.to_string()]).args(parents);
        id_in(&command.read_with(message)?)
    }

    /// Returns the commits reachable from one of `from` and from none of `not`, newest first.
    pub fn between(&self, not: &[ObjectId], from: &[ObjectId]) -> Result<Vec<ObjectId>> {
        if from.iter().all(|id| not.contains(id)) {
            return Ok(vec![]);
        }
        self.past.apart(from, not)
    }

    /// Returns the first commits of `from` that `not` has not: those whose parents it all has.
    pub fn bottoms(&self, not: &ObjectId, from: &ObjectId) -> Result<Vec<ObjectId>> {
        let past = &self.past;
        let within: HashSet<ObjectId> = past.apart(&[*from], &[*not])?.into_iter().collect();
        let mut bottoms = vec![];
        for id in &within {
            if !past.parents(id)?.iter().any(|parent| within.contains(parent)) {
                bottoms.push(*id);
            }
        }
        bottoms.sort_unstable();
        Ok(bottoms)
    }

    /// Returns those of `tips` that are, or descend from, one of `commits`.
    pub fn having(&self, commits: &[ObjectId], tips: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let mut having: Vec<ObjectId> = tips.iter().filter(|tip| commits.contains(tip)).copied().collect();
        for commit in commits {
            let open: Vec<ObjectId> = tips.iter().filter(|tip| !having.contains(tip)).copied().collect();
            if open.is_empty() {
                break;
            }
            having.extend(self.past.descending(commit, &open)?);
        }
        Ok(having)
    }

    /// Returns the parents of a commit; none where a shallow repository ends.
    pub(super) fn parents(&self, commit: &ObjectId) -> Result<Vec<ObjectId>> {
        self.past.parents(commit)
    }

    /// Returns the tree of a commit.
    pub fn tree_of(&self, commit: &ObjectId) -> Result<ObjectId> {
        match self.past.commit(commit) {
            Some(commit) => Ok(commit.tree),
            None => id_in(&self.git()?.args(["rev-parse", "--verify", &format!("{commit}^{{tree}}")]).read()?),
        }
    }

    /// Returns what changes between two trees, renames as one that goes and one that comes, and the lines that come and go.
    pub fn changes(&self, old: &ObjectId, new: &ObjectId) -> Result<(Vec<TreeChange>, [usize; 2])> {
        let changes = self.changed(old, new)?;
        let lines = self.begin_count([old, new], &changes)?.end()?;
        Ok((changes, lines))
    }

    /// Returns what changes between two trees, in the order of `git diff-tree -r`.
    pub fn changed(&self, old: &ObjectId, new: &ObjectId) -> Result<Vec<TreeChange>> {
        if let Some(changes) = self.past.changes(old, new) {
            return Ok(changes);
        }
        // What is missing git may fetch (gitglossary(7), partial clone).
        let words = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"];
        let out = self.git()?.args(words).args([old.to_string(), new.to_string()]).read()?;
        let mut records = out.split(|byte| *byte == 0);
        let mut changes = vec![];
        while let Some(raw) = records.next().and_then(|record| record.strip_prefix(b":")) {
            let change = raw_change(raw, records.next().unwrap_or_default());
            changes.push(change.ok_or_else(|| unread("git diff-tree answers in no way we know"))?);
        }
        Ok(changes)
    }

    /// Makes of changes to another tree what they are upon this one: what its files hold is what each changes from. What is
    /// not known to be otherwise stays as it is.
    pub fn place_upon(&self, tree: &ObjectId, changes: &mut [TreeChange]) {
        let paths: Vec<BString> = changes.iter().map(|change| change.path.clone()).collect();
        let Some(held) = self.past.held(tree, &paths) else { return };
        for (change, old) in changes.iter_mut().zip(held) {
            change.old = old;
        }
    }

    /// Begins to count the lines that come and go between two trees, between which this changes.
    pub fn begin_count(&self, [old, new]: [&ObjectId; 2], changes: &[TreeChange]) -> Result<Counting> {
        let known = self.attributes.as_ref().and_then(|attributes| count::lines(attributes, &self.past, changes));
        if let Some(lines) = known {
            return Ok(Counting::Known(lines));
        }
        let words = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff"];
        // It would read the whole index, for attributes of files that are not there.
        let git = self.git()?.env("GIT_INDEX_FILE", self.folder()?.join("no-index"));
        git.args(words).args([old.to_string(), new.to_string()]).start().map(Counting::Git)
    }

    /// Returns the tree that another becomes by these changes.
    pub fn tree_after(&self, tree: &ObjectId, changes: &[TreeChange]) -> Result<ObjectId> {
        let index = self.folder()?.join("after");
        let git = || Ok::<_, Error>(self.git()?.env("GIT_INDEX_FILE", &index));
        git()?.args(["read-tree", &tree.to_string()]).read()?;
        git()?.args(["update-index", "--add", "-z", "--index-info"]).read_with(&to_index(changes))?;
        id_in(&git()?.args(["write-tree", "--missing-ok"]).read()?)
    }

    /// Returns where attributes stand; `None` where only git knows.
    pub(super) fn attribute_files(&self) -> Option<&AttributeFiles> {
        self.attributes.as_ref()
    }

    /// Lets a git command see what lies here, too.
    pub fn shown_to(&self, command: Command) -> Result<Command> {
        Ok(command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(self.folder()?.as_os_str().as_bytes())))
    }

    /// Packs what is reachable from `new` and not from `not`.
    pub fn pack(&self, new: &[ObjectId], not: &[ObjectId]) -> Result<Vec<u8>> {
        let input = revisions(new, not);
        self.git()?.args(["pack-objects", "--revs", "--stdout", "-q"]).read_with(input.as_bytes())
    }

    /// Gives the repository what is reachable from `new` and not from `not`, durably; no reference leads to it yet.
    pub fn keep(&self, repository: &Repository, new: &[ObjectId], not: &[ObjectId]) -> Result<()> {
        let pack = self.pack(new, not)?;
        repository.durable_git().args(["unpack-objects", "-q"]).read_with(&pack).map(drop)
    }

    /// Writes what is reachable from `new` and not from `not` to a file, as a pack, durably.
    pub fn pack_to(&self, file: &Path, modes: Modes, new: &[ObjectId], not: &[ObjectId]) -> Result<()> {
        durable::write_over(file, &self.pack(new, not)?, modes)
    }

    /// Makes the objects of a pack part of what is seen here.
    pub fn take_in(&self, pack: &Path) -> Result<()> {
        let bytes = std::fs::read(pack).at("read", pack)?;
        self.git()?.args(["unpack-objects", "-q"]).read_with(&bytes).map(drop)
    }

    /// Returns the content of a blob.
    pub fn blob(&self, id: &ObjectId) -> Result<Vec<u8>> {
        self.git()?.args(["cat-file", "blob", &id.to_string()]).read()
    }
}

impl Counting {
    /// Returns how many lines come, and how many go.
    pub fn end(self) -> Result<[usize; 2]> {
        let started = match self {
            Self::Known(lines) => return Ok(lines),
            Self::Git(started) => started,
        };
        let mut lines = [0, 0];
        for record in started.read()?.split(|byte| *byte == 0) {
            for (sum, field) in lines.iter_mut().zip(record.split(|byte| *byte == b'\t')) {
                // A binary file has none.
                *sum += field.to_str().ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
            }
        }
        Ok(lines)
    }
}

impl CommitText {
    /// Takes it from a commit; `None` where its words are in another encoding than the one that is wanted.
    fn of(id: &ObjectId, commit: RawCommit, wanted: &str) -> Option<Self> {
        let plain = |name: &[u8]| name.to_str_lossy().to_lowercase().replace("utf-8", "utf8");
        let written = commit.encoding.as_ref().map_or(&b"UTF-8"[..], |encoding| encoding.as_slice());
        if plain(written) != plain(wanted.as_bytes()) {
            return None;
        }
        let [name, email, _] = commit.author;
        // git holds a message for a text that ends with the first zero byte.
        let end = commit.message.find_byte(0).unwrap_or(commit.message.len());
        Some(Self {
            id: *id,
            tree: commit.tree,
            parents: commit.parents,
            author: crate::text::json_text(&name),
            email: crate::text::json_text(&email),
            message: commit.message[..end].into(),
        })
    }
}

/// What `git update-index -z --index-info` reads to set entries to what these paths become.
pub(super) fn to_index<'a>(changes: impl IntoIterator<Item = &'a TreeChange>) -> Vec<u8> {
    // A file goes before a folder of its name comes, and the other way round.
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by_key(|change| change.new.is_some());
    let mut lines = vec![];
    for TreeChange { path, old, new } in changes {
        let head = match (new, old) {
            (Some((mode, id)), _) => format!("{mode:o} {id}\t"),
            (None, Some((_, id))) => format!("0 {}\t", super::null_id(id.kind())),
            (None, None) => continue,
        };
        lines.extend([head.as_bytes(), path, b"\0"].concat());
    }
    lines
}

fn revisions(from: &[ObjectId], not: &[ObjectId]) -> String {
    let from = from.iter().map(|id| format!("{id}\n"));
    from.chain(not.iter().map(|id| format!("^{id}\n"))).collect()
}

/// A path quoted as git unquotes it in a list of folders of objects (git(1), `GIT_ALTERNATE_OBJECT_DIRECTORIES`).
fn quoted(path: &[u8]) -> OsString {
    let mut out = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
    OsString::from_vec(out)
}

fn unread(why: &str) -> Error {
    Error::strange_git(why)
}

fn id_in(out: &[u8]) -> Result<ObjectId> {
    ObjectId::from_hex(out.trim()).map_err(|_| unread("git answers with no id"))
}

fn commit_text(fields: &[&[u8]]) -> Option<CommitText> {
    let parents = fields[2].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    Some(CommitText {
        id: ObjectId::from_hex(fields[0].trim()).ok()?,
        tree: ObjectId::from_hex(fields[1]).ok()?,
        parents: parents.map(|word| ObjectId::from_hex(word).ok()).collect::<Option<_>>()?,
        author: crate::text::json_text(fields[3]),
        email: crate::text::json_text(fields[4]),
        message: fields[5].into(),
    })
}

fn raw_change(raw: &[u8], path: &[u8]) -> Option<TreeChange> {
    let words: Vec<&[u8]> = raw.split(|byte| *byte == b' ').collect();
    let side = |mode: &[u8], id: &[u8]| {
        let mode = u32::from_str_radix(mode.to_str().ok()?, 8).ok()?;
        Some((mode != 0).then_some((mode, ObjectId::from_hex(id).ok()?)))
    };
    let [old_mode, new_mode, old, new, _] = words.as_slice() else { return None };
    Some(TreeChange { path: path.into(), old: side(old_mode, old)?, new: side(new_mode, new)? })
}

/// Reads `git merge-tree --write-tree -z`: the tree, the stages of what collides, and git's words about it.
fn merged(output: &crate::process::Output) -> Result<Merge> {
    let mut records = output.stdout.split(|byte| *byte == 0);
    let tree = records.next().and_then(|tree| ObjectId::from_hex(tree.trim()).ok());
    match (output.status.code(), tree) {
        (Some(0), Some(tree)) => return Ok(Merge::Clean(tree)),
        (Some(1), Some(_)) => {}
        _ => {
            let why = format!("git merge-tree: {}", output.complaint());
            return Err(Error::outside("git", why).hint("does this clone have every object? see: git fsck"));
        }
    }
    let mut collisions: Vec<Collision> = vec![];
    for stage in records.by_ref().take_while(|record| !record.is_empty()) {
        let path = stage.split_once_str("\t").map_or(stage, |(_, path)| path).as_bstr();
        if !collisions.iter().any(|known| known.path == path) {
            collisions.push(Collision { path: path.to_owned(), kind: "unmerged".into() });
        }
    }
    while let Some(count) = records.next().and_then(|count| count.to_str().ok()?.parse::<usize>().ok()) {
        let paths: Vec<&[u8]> = records.by_ref().take(count).collect();
        let kind = records.next().unwrap_or_default().to_str_lossy().into_owned();
        let _words = records.next();
        let Some(kind) = kind.strip_prefix("CONFLICT (").and_then(|kind| kind.strip_suffix(')')) else { continue };
        for collision in collisions.iter_mut().filter(|one| paths.contains(&one.path.as_slice())) {
            kind.clone_into(&mut collision.kind);
        }
    }
    Ok(Merge::Conflicts(collisions))
}
