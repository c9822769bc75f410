//! All references of a repository at one instant, as one value.

mod map;

pub use map::Refs;

use super::{ObjectId, RefName, Repository};
use crate::error::{Error, Result};
use bstr::{BString, ByteSlice};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// References whose tips are kept only while a snapshot waits; they are no part of any backup.
pub const PINS: &str = "refs/cairn/pin/";

/// How often the list is read again while references move under us.
const READS_MAX: usize = 50;

/// How often a reading that failed is repeated: a reference that is deleted between the look at its folder and at its file
/// cannot be read, and is gone the next time. Packing deletes hundreds, one after the other.
const FAILURES_MAX: u32 = 25;

/// How much longer is waited after each failure: half a second in all.
const PAUSE: Duration = Duration::from_millis(2);

/// For how many objects at least there is room while they are gathered.
const TIPS_MIN: usize = 64;

/// About as long, in bytes, is a line of packed-refs and one of the instructions: fewer references are there than that says.
const INSTRUCTION_BYTES: usize = 64;

/// What a reference holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefValue {
    /// An object.
    Direct(ObjectId),
    /// Another reference, and what it leads to; `None` where it dangles. Few are symbolic, and the others are to be small.
    Symbolic(RefName, Option<Box<ObjectId>>),
}

impl RefValue {
    /// Returns the object this leads to.
    pub fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Direct(id) => Some(*id),
            Self::Symbolic(_, id) => id.as_deref().copied(),
        }
    }
}

/// What HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a reference, and the object that leads to.
    On(RefName, ObjectId),
    /// On a reference that does not exist yet.
    Unborn(RefName),
    /// On an object.
    Detached(ObjectId),
}

impl Head {
    /// Returns the object HEAD leads to.
    pub fn id(&self) -> Option<ObjectId> {
        match self {
            Self::On(_, id) | Self::Detached(id) => Some(*id),
            Self::Unborn(_) => None,
        }
    }

    /// Returns the reference HEAD is on.
    pub fn on(&self) -> Option<&RefName> {
        match self {
            Self::On(name, _) | Self::Unborn(name) => Some(name),
            Self::Detached(_) => None,
        }
    }
}

/// Every reference below `refs/`, but for [`PINS`], and HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefList {
    /// The references by name.
    pub refs: Refs,
    /// HEAD.
    pub head: Head,
    /// Where the HEAD of each linked work tree is that is on no branch. No reference leads there, and none is made of it.
    pub worktrees: BTreeMap<BString, ObjectId>,
}

impl RefList {
    /// Returns what the reference leads to, `None` where it is missing or dangles.
    pub fn id_of(&self, name: &RefName) -> Option<ObjectId> {
        self.refs.get(name).and_then(RefValue::id)
    }

    /// Returns every object that something points to directly, each once, in a stable order.
    pub fn tips(&self) -> Vec<ObjectId> {
        let direct = self.refs.values().filter_map(|value| match value {
            RefValue::Direct(id) => Some(*id),
            RefValue::Symbolic(..) => None,
        });
        let mut tips = Vec::new();
        for tip in direct.chain(self.head.id()).chain(self.worktrees.values().copied()) {
            if tips.len() == tips.capacity() {
                // Many references often name few objects.
                sort_once(&mut tips);
                tips.reserve(tips.len().max(TIPS_MIN));
            }
            tips.push(tip);
        }
        sort_once(&mut tips);
        tips
    }

    /// Returns the direct references as instructions for `git update-ref --stdin`, one `create` a line.
    ///
    /// A name holds no space and no line feed and begins with `refs/`, so none needs quoting.
    pub fn to_instructions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_instructions(&mut out).expect("memory can be written");
        out
    }

    /// Writes the same.
    pub fn write_instructions(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, value) in self.refs.iter() {
            if let RefValue::Direct(id) = value {
                out.write_all(b"create ")?;
                out.write_all(name.as_bytes())?;
                writeln!(out, " {id}")?;
            }
        }
        Ok(())
    }

    /// Returns the same list with every symbolic reference, and HEAD, followed anew.
    #[must_use]
    pub fn followed(self) -> Self {
        let head = match self.head {
            Head::Detached(id) => RefValue::Direct(id),
            Head::On(target, _) | Head::Unborn(target) => RefValue::Symbolic(target, None),
        };
        Self { worktrees: self.worktrees, ..resolve(self.refs, head) }
    }

    /// Reads what [`RefList::to_instructions`] wrote; `None` where a line is none of ours.
    pub fn parse_instructions(bytes: &[u8]) -> Option<Refs> {
        let mut refs = Vec::with_capacity(bytes.len() / INSTRUCTION_BYTES);
        for line in bytes.lines() {
            let (name, id) = line.strip_prefix(b"create ")?.rsplit_once_str(" ")?;
            let name = RefName::new(name).filter(|name| name.is_below("refs/"))?;
            refs.push((name, RefValue::Direct(ObjectId::from_hex(id).ok()?)));
        }
        if bytes.is_empty() || bytes.ends_with(b"\n") { Refs::of(refs) } else { None }
    }
}

impl Repository {
    /// Reads all references and HEAD as they stood at one instant.
    ///
    /// The list is read until two readings agree: no reference that moves in between is lost, and none is
    /// seen half moved. Returns an error when they never agree, or when one cannot be read.
    pub fn all_refs(&self) -> Result<RefList> {
        let common = self.common_dir();
        if common != self.git_dir() {
            // Started in a linked work tree, whose HEAD is not the repository's.
            return Self::open(&common)?.all_refs();
        }
        // Of a reading only its hash is kept: a list of many references is large.
        let mut before = patiently(|| self.hash_refs())?;
        for _ in 1..READS_MAX {
            let (list, hash) = patiently(|| self.read_refs())?;
            if hash == before {
                return Ok(list);
            }
            before = hash;
        }
        Err(Error::failed("refs-restless", "the references keep moving while they are read")
            .hint("try again when fewer pushes arrive at once"))
    }

    /// As [`Repository::all_refs`], of a repository that nobody else knows of: one reading is enough.
    pub fn own_refs(&self) -> Result<RefList> {
        Ok(self.read_refs()?.0)
    }

    /// Returns the direct references below a folder (`refs/tags/`) with the objects they hold.
    pub fn refs_below(&self, folder: &str) -> Result<Vec<(RefName, ObjectId)>> {
        if !self.uses_reftable() {
            return patiently(|| self.files_below(folder));
        }
        let out = self.git().args(["for-each-ref", "--format=%(objectname) %(refname)", folder]).read()?;
        let mut refs = Vec::new();
        for line in out.lines() {
            if let Some((id, name)) = line.split_once_str(" ") {
                refs.push((ref_name(name)?, parse_id(id)?));
            }
        }
        Ok(refs)
    }

    /// Returns for each name the reference that a push to it really moves, symbolic ones followed, and what that one holds.
    pub fn standing<'a>(&self, names: impl Iterator<Item = &'a RefName>) -> Result<Vec<(RefName, Option<ObjectId>)>> {
        if !self.uses_reftable() {
            return names.map(|name| Ok((self.follow(name), self.ref_id(name)?))).collect();
        }
        // One process for all of them.
        let (list, _) = self.read_refs()?;
        let follow = |name: &RefName| {
            let mut name = name.clone();
            for _ in 0..SYMREF_DEPTH_MAX {
                match list.refs.get(&name) {
                    Some(RefValue::Symbolic(target, _)) => name = target.clone(),
                    Some(RefValue::Direct(_)) | None => break,
                }
            }
            name
        };
        Ok(names.map(|name| (follow(name), list.id_of(name))).collect())
    }

    fn files_below(&self, folder: &str) -> Result<Vec<(RefName, ObjectId)>> {
        let unreadable = |error: &dyn std::fmt::Display| cannot_read(error);
        let prefix =
            <&gix::path::RelativePath>::try_from(folder.as_bytes().as_bstr()).map_err(|error| unreadable(&error))?;
        let iter = self.gix().refs.iter().map_err(|error| unreadable(&error))?;
        let mut refs = Vec::new();
        for reference in iter.prefixed(prefix).map_err(|error| unreadable(&error))? {
            let reference = reference.map_err(|error| unreadable(&error))?;
            let name = ref_name(reference.name.as_bstr().as_bytes())?;
            let id = match reference.target {
                gix::refs::Target::Object(id) => Some(id),
                gix::refs::Target::Symbolic(_) => self.ref_id(&name)?,
            };
            refs.extend(id.map(|id| (name, id)));
        }
        Ok(refs)
    }

    /// Reads them once; returns a hash of what was read, too.
    fn read_refs(&self) -> Result<(RefList, [u8; 32])> {
        let packed = self.common_dir().join("packed-refs");
        let bytes = std::fs::metadata(packed).map_or(0, |metadata| metadata.len());
        let mut refs = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0) / INSTRUCTION_BYTES);
        let (mut hasher, mut head) = (Sha256::new(), None);
        self.each_ref(&mut |name, held| {
            add(&mut hasher, name, &held);
            let value = match held {
                Held::Object(id) => RefValue::Direct(id),
                Held::Ref(target) => RefValue::Symbolic(ref_name(target)?, None),
            };
            if name == b"HEAD" {
                head = Some(value);
            } else {
                refs.push((ref_name(name)?, value));
            }
            Ok(())
        })?;
        let head = head.ok_or_else(no_head)?;
        let refs = Refs::of(refs).ok_or_else(|| cannot_read(&"one is listed twice"))?;
        let worktrees = self.detached_worktrees()?;
        add_worktrees(&mut hasher, &worktrees);
        Ok((RefList { worktrees, ..resolve(refs, head) }, hasher.finalize().into()))
    }

    /// Returns the hash alone.
    fn hash_refs(&self) -> Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        self.each_ref(&mut |name, held| {
            add(&mut hasher, name, &held);
            Ok(())
        })?;
        add_worktrees(&mut hasher, &self.detached_worktrees()?);
        Ok(hasher.finalize().into())
    }

    /// Shows what each reference holds, but for [`PINS`], and HEAD.
    fn each_ref(&self, see: See<'_>) -> Result<()> {
        if self.uses_reftable() { self.each_ref_by_git(see) } else { self.each_ref_by_gix(see) }
    }

    fn each_ref_by_gix(&self, see: See<'_>) -> Result<()> {
        let unreadable = |error: &dyn std::fmt::Display| cannot_read(error);
        // One of its own: what it holds of packed-refs, which may be large, goes with it; and one that stays looks only at the
        // time of that file, which two writes in one tick of the clock share.
        let store = gix::refs::file::Store::at(self.common_dir(), self.hash_kind());
        let iter = store.iter().map_err(|error| unreadable(&error))?;
        for reference in iter.all().map_err(|error| unreadable(&error))? {
            let reference = reference.map_err(|error| unreadable(&error))?;
            let name = reference.name.as_bstr();
            if name.starts_with(b"refs/") && !name.starts_with(PINS.as_bytes()) {
                see(name, held(&reference.target))?;
            }
        }
        let head = store.try_find("HEAD").map_err(|error| unreadable(&error))?.ok_or_else(no_head)?;
        see(b"HEAD", held(&head.target))
    }

    /// For repositories whose references lie in a reftable, which gix cannot read.
    fn each_ref_by_git(&self, see: See<'_>) -> Result<()> {
        let format = "--format=%(objectname) %(symref) %(refname)";
        let output = self.git().args(["for-each-ref", format]).output()?;
        if !output.status.success() {
            return Err(Error::unreadable_repository(format!("git for-each-ref: {}", output.complaint())));
        }
        for line in output.stdout.lines() {
            let mut words = line.splitn(3, |byte| *byte == b' ');
            let (Some(id), Some(symref), Some(name)) = (words.next(), words.next(), words.next()) else {
                return Err(Error::strange_git("git for-each-ref answers in no way we know"));
            };
            if !name.starts_with(PINS.as_bytes()) {
                see(name, if symref.is_empty() { Held::Object(parse_id(id)?) } else { Held::Ref(symref) })?;
            }
        }
        // git does not list a symbolic reference that dangles; it only warns of it.
        for line in output.stderr.lines() {
            if let Some(name) = line.strip_prefix(b"warning: ignoring dangling symref ") {
                see(name, Held::Ref(self.symbolic_target(&ref_name(name)?)?.as_bytes()))?;
            }
        }
        if let Ok(target) = self.symbolic_target(&RefName::head()) {
            return see(b"HEAD", Held::Ref(target.as_bytes()));
        }
        let id = parse_id(self.git().args(["rev-parse", "--verify", "HEAD"]).read()?.trim())?;
        see(b"HEAD", Held::Object(id))
    }

    fn symbolic_target(&self, name: &RefName) -> Result<RefName> {
        let target = self.git().args(["symbolic-ref", "--quiet"]).arg(name.as_os_str()).read()?;
        ref_name(target.trim())
    }
}

fn sort_once(ids: &mut Vec<ObjectId>) {
    ids.sort_unstable();
    ids.dedup();
}

fn patiently<T>(read: impl Fn() -> Result<T>) -> Result<T> {
    for failures in 1..FAILURES_MAX {
        match read() {
            Ok(found) => return Ok(found),
            Err(_) => std::thread::sleep(PAUSE * failures),
        }
    }
    read()
}

/// What a reference holds, before it is followed.
enum Held<'a> {
    Object(ObjectId),
    Ref(&'a [u8]),
}

type See<'a> = &'a mut dyn FnMut(&[u8], Held<'_>) -> Result<()>;

fn held(target: &gix::refs::Target) -> Held<'_> {
    match target {
        gix::refs::Target::Object(id) => Held::Object(*id),
        gix::refs::Target::Symbolic(name) => Held::Ref(name.as_bstr()),
    }
}

fn add(hasher: &mut Sha256, name: &[u8], held: &Held<'_>) {
    let (kind, target): (&[u8], &[u8]) = match held {
        Held::Object(id) => (b" ", id.as_slice()),
        Held::Ref(target) => (b" ref: ", target),
    };
    // No name holds a space or a line feed.
    for part in [name, kind, target, b"\n"] {
        hasher.update(part);
    }
}

fn add_worktrees(hasher: &mut Sha256, worktrees: &BTreeMap<BString, ObjectId>) {
    for (name, id) in worktrees {
        // A name may hold anything but a slash.
        for part in [name.as_slice(), b"/", id.as_slice(), b"\n"] {
            hasher.update(part);
        }
    }
}

fn no_head() -> Error {
    Error::failed("no-head", "the repository has no HEAD")
        .hint("name the branch it stands on: git symbolic-ref HEAD refs/heads/<branch>")
}

/// git follows symbolic references five deep (`SYMREF_MAXDEPTH` in refs-internal.h).
pub(super) const SYMREF_DEPTH_MAX: usize = 5;

/// Follows every symbolic reference, and HEAD.
fn resolve(mut refs: Refs, head: RefValue) -> RefList {
    let follow = |refs: &Refs, target: &RefName| {
        let mut target = target;
        for _ in 0..SYMREF_DEPTH_MAX {
            match refs.get(target)? {
                RefValue::Direct(id) => return Some(*id),
                RefValue::Symbolic(next, _) => target = next,
            }
        }
        None
    };
    refs.set_followed(follow);
    let head = match head {
        RefValue::Direct(id) => Head::Detached(id),
        RefValue::Symbolic(target, _) => match follow(&refs, &target) {
            Some(id) => Head::On(target, id),
            None => Head::Unborn(target),
        },
    };
    RefList { refs, head, worktrees: BTreeMap::new() }
}

fn cannot_read(error: &dyn std::fmt::Display) -> Error {
    Error::failed("refs-unreadable", format!("a reference cannot be read: {error}"))
        .hint("`git fsck --no-dangling` names it; mend or delete it")
}

fn ref_name(bytes: &[u8]) -> Result<RefName> {
    RefName::new(bytes).ok_or_else(|| {
        let name = crate::text::shown(bytes);
        Error::failed("ref-name", format!("{name} is no name a reference may have"))
            .hint(format!("delete it: git update-ref --no-deref -d '{name}'"))
    })
}

fn parse_id(bytes: &[u8]) -> Result<ObjectId> {
    ObjectId::from_hex(bytes)
        .map_err(|_| Error::unreadable_repository(format!("not an object id: {}", crate::text::shown(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read_back_and_strangers_refused() {
        let id = ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap();
        let name = |text: &[u8]| RefName::new(text).unwrap();
        let refs = [b"refs/heads/main".as_slice(), b"refs/heads/\"quoted\"", b"refs/heads/\xff"];
        let refs = Refs::of(refs.map(|text| (name(text), RefValue::Direct(id))).to_vec()).unwrap();
        let list = RefList { refs: refs.clone(), head: Head::Detached(id), worktrees: BTreeMap::new() };
        let bytes = list.to_instructions();
        assert_eq!(RefList::parse_instructions(&bytes).unwrap(), refs);
        assert_eq!(RefList::parse_instructions(b"").unwrap().len(), 0);
        let twice = [bytes.clone(), bytes.clone()].concat();
        assert!(RefList::parse_instructions(&twice).is_none());
        assert!(RefList::parse_instructions(&bytes[..bytes.len() - 1]).is_none());
        assert!(RefList::parse_instructions(format!("create refs/../x {id}\n").as_bytes()).is_none());
        assert!(RefList::parse_instructions(format!("delete refs/heads/x {id}\n").as_bytes()).is_none());
    }

    #[test]
    fn symbolic_references_are_followed_as_deep_as_git_does() {
        let id = ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap();
        let name = |n: usize| RefName::new(format!("refs/heads/s{n}")).unwrap();
        let symbolic = |n, to| (name(n), RefValue::Symbolic(name(to), None));
        let mut raw = vec![symbolic(9, 9), (name(0), RefValue::Direct(id))];
        raw.extend((1..8).map(|n| symbolic(n, n - 1)));
        assert!(Refs::of([raw.clone(), raw.clone()].concat()).is_none());
        let list = resolve(Refs::of(raw).unwrap(), RefValue::Symbolic(name(77), None));
        assert_eq!(list.id_of(&name(4)), Some(id));
        assert_eq!(list.id_of(&name(9)), None, "a loop leads nowhere");
        assert_eq!(list.head, Head::Unborn(name(77)));
    }
}
