//! All references of a repository at one instant, as one value.

use super::{ObjectId, RefName, Repository};
use crate::error::{Error, Result};
use bstr::{BString, ByteSlice};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// References whose tips are kept only while a snapshot waits; they are no part of any backup.
pub const PINS: &str = "refs/cairn/pin/";

/// How often the list is read again while references move under us.
const READS_MAX: usize = 50;

/// How often a reading that failed is repeated: a reference that is deleted between the look at its folder and at its file
/// cannot be read, and is gone the next time.
const FAILURES_MAX: usize = 10;

/// How long is waited in between.
const PAUSE: Duration = Duration::from_millis(2);

/// What a reference holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefValue {
    /// An object.
    Direct(ObjectId),
    /// Another reference, and what it leads to; `None` where it dangles.
    Symbolic(RefName, Option<ObjectId>),
}

impl RefValue {
    /// Returns the object this leads to.
    pub fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Direct(id) => Some(*id),
            Self::Symbolic(_, id) => *id,
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
    pub refs: BTreeMap<RefName, RefValue>,
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

    /// Returns a hash of all of it.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut add = |name: &RefName, value: &RefValue| {
            let (kind, target): (&[u8], &[u8]) = match value {
                RefValue::Direct(_) => (b" ", b""),
                RefValue::Symbolic(target, _) => (b" ref: ", target.as_bytes()),
            };
            // No name holds a space or a line feed.
            for part in
                [name.as_bytes(), kind, target, b" ", value.id().as_ref().map_or(b"", |id| id.as_slice()), b"\n"]
            {
                hasher.update(part);
            }
        };
        self.refs.iter().for_each(|(name, value)| add(name, value));
        match (&self.head, self.head.on()) {
            (head, Some(on)) => add(&RefName::head(), &RefValue::Symbolic(on.clone(), head.id())),
            (Head::Detached(id), None) => add(&RefName::head(), &RefValue::Direct(*id)),
            (_, None) => {}
        }
        for (name, id) in &self.worktrees {
            // A name may hold anything but a slash.
            for part in [name.as_slice(), b"/", id.as_slice(), b"\n"] {
                hasher.update(part);
            }
        }
        hasher.finalize().into()
    }

    /// Returns every object that something points to directly, each once, in a stable order.
    pub fn tips(&self) -> Vec<ObjectId> {
        let direct = self.refs.values().filter_map(|value| match value {
            RefValue::Direct(id) => Some(*id),
            RefValue::Symbolic(..) => None,
        });
        let mut tips: Vec<_> = direct.chain(self.head.id()).chain(self.worktrees.values().copied()).collect();
        tips.sort_unstable();
        tips.dedup();
        tips
    }

    /// Returns the direct references as instructions for `git update-ref --stdin`, one `create` a line.
    ///
    /// A name holds no space and no line feed and begins with `refs/`, so none needs quoting.
    pub fn to_instructions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in &self.refs {
            if let RefValue::Direct(id) = value {
                out.extend_from_slice(b"create ");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(format!(" {id}\n").as_bytes());
            }
        }
        out
    }

    /// Returns the same list with every symbolic reference, and HEAD, followed anew.
    #[must_use]
    pub fn followed(self) -> Self {
        let raw = |value: RefValue| match value {
            RefValue::Direct(id) => Raw::Object(id),
            RefValue::Symbolic(target, _) => Raw::Ref(target),
        };
        let head = match self.head {
            Head::Detached(id) => Raw::Object(id),
            Head::On(target, _) | Head::Unborn(target) => Raw::Ref(target),
        };
        let refs = self.refs.into_iter().map(|(name, value)| (name, raw(value))).collect();
        Self { worktrees: self.worktrees, ..resolve(refs, head) }
    }

    /// Reads what [`RefList::to_instructions`] wrote; `None` where a line is none of ours.
    pub fn parse_instructions(bytes: &[u8]) -> Option<BTreeMap<RefName, RefValue>> {
        let mut refs = BTreeMap::new();
        for line in bytes.lines() {
            let (name, id) = line.strip_prefix(b"create ")?.rsplit_once_str(" ")?;
            let name = RefName::new(name).filter(|name| name.is_below("refs/"))?;
            let value = RefValue::Direct(ObjectId::from_hex(id).ok()?);
            if refs.insert(name, value).is_some() {
                return None;
            }
        }
        (bytes.is_empty() || bytes.ends_with(b"\n")).then_some(refs)
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
        let mut before = None;
        for _ in 0..READS_MAX {
            let list = patiently(|| self.read_refs())?;
            let hash = Some(list.fingerprint());
            if hash == before {
                return Ok(list);
            }
            before = hash;
        }
        Err(Error::failed("refs-restless", "the references keep moving while they are read")
            .hint("try again when fewer pushes arrive at once"))
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
        let list = self.read_refs_by_git()?;
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

    fn read_refs(&self) -> Result<RefList> {
        let list = if self.uses_reftable() { self.read_refs_by_git() } else { self.read_refs_by_gix() }?;
        Ok(RefList { worktrees: self.detached_worktrees()?, ..list })
    }

    fn read_refs_by_gix(&self) -> Result<RefList> {
        let unreadable = |error: &dyn std::fmt::Display| cannot_read(error);
        let store = &self.gix().refs;
        // It looks only at the time of packed-refs, which two writes in one tick of the clock share.
        if self.common_dir().join("packed-refs").exists() {
            store.force_refresh_packed_buffer().map_err(|error| unreadable(&error))?;
        }
        let mut raw = BTreeMap::new();
        let iter = store.iter().map_err(|error| unreadable(&error))?;
        for reference in iter.all().map_err(|error| unreadable(&error))? {
            let reference = reference.map_err(|error| unreadable(&error))?;
            let name = ref_name(reference.name.as_bstr().as_bytes())?;
            if !name.is_below(PINS) && name.is_below("refs/") {
                raw.insert(name, raw_target(&reference.target)?);
            }
        }
        let head = store.try_find("HEAD").map_err(|error| unreadable(&error))?;
        let head = head.ok_or_else(|| {
            Error::failed("no-head", "the repository has no HEAD")
                .hint("name the branch it stands on: git symbolic-ref HEAD refs/heads/<branch>")
        })?;
        Ok(resolve(raw, raw_target(&head.target)?))
    }

    /// For repositories whose references lie in a reftable, which gix cannot read.
    fn read_refs_by_git(&self) -> Result<RefList> {
        let format = "--format=%(objectname) %(symref) %(refname)";
        let output = self.git().args(["for-each-ref", format]).output()?;
        if !output.status.success() {
            return Err(Error::unreadable_repository(format!("git for-each-ref: {}", output.complaint())));
        }
        let mut raw = BTreeMap::new();
        for line in output.stdout.lines() {
            let mut words = line.splitn(3, |byte| *byte == b' ');
            let (Some(id), Some(symref), Some(name)) = (words.next(), words.next(), words.next()) else {
                return Err(Error::strange_git("git for-each-ref answers in no way we know"));
            };
            let name = ref_name(name)?;
            if !name.is_below(PINS) {
                let target = if symref.is_empty() { Raw::Object(parse_id(id)?) } else { Raw::Ref(ref_name(symref)?) };
                raw.insert(name, target);
            }
        }
        // git does not list a symbolic reference that dangles; it only warns of it.
        for line in output.stderr.lines() {
            if let Some(name) = line.strip_prefix(b"warning: ignoring dangling symref ") {
                let name = ref_name(name)?;
                raw.insert(name.clone(), Raw::Ref(self.symbolic_target(&name)?));
            }
        }
        let head = match self.symbolic_target(&RefName::head()) {
            Ok(target) => Raw::Ref(target),
            Err(_) => Raw::Object(parse_id(self.git().args(["rev-parse", "--verify", "HEAD"]).read()?.trim())?),
        };
        Ok(resolve(raw, head))
    }

    fn symbolic_target(&self, name: &RefName) -> Result<RefName> {
        let target = self.git().args(["symbolic-ref", "--quiet"]).arg(name.as_os_str()).read()?;
        ref_name(target.trim())
    }
}

fn patiently<T>(read: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..FAILURES_MAX {
        match read() {
            Ok(found) => return Ok(found),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    read()
}

/// What a reference holds, before it is followed.
#[derive(Debug, Clone)]
enum Raw {
    Object(ObjectId),
    Ref(RefName),
}

fn raw_target(target: &gix::refs::Target) -> Result<Raw> {
    Ok(match target {
        gix::refs::Target::Object(id) => Raw::Object(*id),
        gix::refs::Target::Symbolic(name) => Raw::Ref(ref_name(name.as_bstr().as_bytes())?),
    })
}

/// git follows symbolic references five deep (`SYMREF_MAXDEPTH` in refs-internal.h).
pub(super) const SYMREF_DEPTH_MAX: usize = 5;

fn resolve(raw: BTreeMap<RefName, Raw>, head: Raw) -> RefList {
    let follow = |mut target: RefName| {
        for _ in 0..SYMREF_DEPTH_MAX {
            match raw.get(&target)? {
                Raw::Object(id) => return Some(*id),
                Raw::Ref(next) => target = next.clone(),
            }
        }
        None
    };
    let led_to: BTreeMap<RefName, Option<ObjectId>> = raw
        .values()
        .chain([&head])
        .filter_map(|value| match value {
            Raw::Object(_) => None,
            Raw::Ref(target) => Some((target.clone(), follow(target.clone()))),
        })
        .collect();
    let value = |raw: Raw| match raw {
        Raw::Object(id) => RefValue::Direct(id),
        Raw::Ref(target) => {
            let id = led_to.get(&target).copied().flatten();
            RefValue::Symbolic(target, id)
        }
    };
    let head = match value(head) {
        RefValue::Direct(id) => Head::Detached(id),
        RefValue::Symbolic(target, Some(id)) => Head::On(target, id),
        RefValue::Symbolic(target, None) => Head::Unborn(target),
    };
    let refs = raw.into_iter().map(|(name, raw)| (name, value(raw))).collect();
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
        let refs = BTreeMap::from([
            (name(b"refs/heads/main"), RefValue::Direct(id)),
            (name(b"refs/heads/\"quoted\""), RefValue::Direct(id)),
            (name(b"refs/heads/\xff"), RefValue::Direct(id)),
        ]);
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
        let mut raw = BTreeMap::from([(name(0), Raw::Object(id))]);
        raw.extend((1..8).map(|n| (name(n), Raw::Ref(name(n - 1)))));
        raw.insert(name(9), Raw::Ref(name(9)));
        let list = resolve(raw, Raw::Ref(name(77)));
        assert_eq!(list.id_of(&name(4)), Some(id));
        assert_eq!(list.id_of(&name(9)), None, "a loop leads nowhere");
        assert_eq!(list.head, Head::Unborn(name(77)));
    }
}
