//! The manifest: what a backup is, written last. `docs/format.md` is its definition.

use super::BackupId;
use crate::audit::Head as AuditHead;
use crate::bundle::{object_format_from_name, object_format_name};
use crate::element::code::{Proof, Segment};
use crate::element::uncommitted::Uncommitted;
use crate::error::{Error, Result};
use crate::git::{HashKind, Head, ObjectId, RefList, RefName, RefValue, Refs};
use crate::store::{NO_DIGEST, is_sealed, seal, sha256};
use crate::text;
use bstr::BString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the store's format that this git-cairn writes.
pub const FORMAT: u32 = 1;
/// The version of a manifest with captured edits, and the newest this git-cairn reads: whoever knows 1 alone would miss a file.
pub const FORMAT_WITH_CAPTURE: u32 = 2;

/// What started a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initiator {
    /// A push that deployed.
    Deployment,
    /// Another push.
    Automatic,
    /// A person.
    Manual,
    /// `git cairn setup`.
    Setup,
}

impl Initiator {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Setup => "setup",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Deployment, Self::Automatic, Self::Manual, Self::Setup].into_iter().find(|one| one.as_str() == word)
    }
}

/// The site a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRecord {
    /// `cairn.id`.
    pub id: String,
    /// `cairn.site`.
    pub name: String,
}

/// A symbolic reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symref {
    /// Its name, escaped where it is not UTF-8.
    pub name: String,
    /// Its name in base64, where the text is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<String>,
    /// The reference it points to, escaped where it is not UTF-8.
    pub target: String,
    /// That in base64, where the text is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_bytes: Option<String>,
}

impl Symref {
    fn new(name: &RefName, target: &RefName) -> Self {
        Self {
            name: text::json_text(name.as_bytes()),
            name_bytes: text::extra_bytes(name.as_bytes()),
            target: text::json_text(target.as_bytes()),
            target_bytes: text::extra_bytes(target.as_bytes()),
        }
    }

    fn name(&self) -> Option<RefName> {
        RefName::new(text::from_json(&self.name, self.name_bytes.as_deref())?)
    }

    /// Returns the reference it points to.
    pub fn target(&self) -> Option<RefName> {
        RefName::new(text::from_json(&self.target, self.target_bytes.as_deref())?)
    }
}

/// A linked work tree whose HEAD is on no branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worktree {
    /// Its name in the repository, escaped where it is not UTF-8.
    pub name: String,
    /// Its name in base64, where the text is not the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<String>,
    /// Its commit.
    pub id: String,
}

impl Worktree {
    fn new(name: &BString, id: &ObjectId) -> Self {
        Self { name: text::json_text(name), name_bytes: text::extra_bytes(name), id: id.to_string() }
    }

    fn read(&self) -> Option<(BString, ObjectId)> {
        let name = text::from_json(&self.name, self.name_bytes.as_deref())?;
        Some((name.into(), ObjectId::from_hex(self.id.as_bytes()).ok()?))
    }
}

/// The references that `git update-ref` cannot make: HEAD and the symbolic ones, and the HEADs of linked work trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// HEAD where it is on a reference.
    pub head: Option<Symref>,
    /// HEAD where it is on an object.
    pub detached: Option<String>,
    /// The symbolic references, dangling ones too.
    pub symrefs: Vec<Symref>,
    /// The linked work trees whose HEADs are on no branch: their commits are kept, but no work tree is restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worktrees: Vec<Worktree>,
}

impl Others {
    /// Takes them from a list.
    pub fn of(list: &RefList) -> Self {
        let symrefs = list.refs.iter().filter_map(|(name, value)| match value {
            RefValue::Symbolic(target, _) => Some(Symref::new(name, target)),
            RefValue::Direct(_) => None,
        });
        let detached = match &list.head {
            Head::Detached(id) => Some(id.to_string()),
            Head::On(..) | Head::Unborn(_) => None,
        };
        Self {
            head: list.head.on().map(|on| Symref::new(&RefName::head(), on)),
            detached,
            symrefs: symrefs.collect(),
            worktrees: list.worktrees.iter().map(|(name, id)| Worktree::new(name, id)).collect(),
        }
    }

    /// Puts them and the direct references together again.
    ///
    /// Returns an error where they do not fit.
    pub fn join(&self, instructions: &[u8]) -> Result<RefList> {
        let unfit = || Error::damaged("refs", "the list of references makes no sense");
        let mut refs = RefList::parse_instructions(instructions).ok_or_else(unfit)?.into_vec();
        for symref in &self.symrefs {
            let (name, target) = (symref.name().ok_or_else(unfit)?, symref.target().ok_or_else(unfit)?);
            refs.push((name, RefValue::Symbolic(target, None)));
        }
        let refs = Refs::of(refs).ok_or_else(unfit)?;
        let head = match (&self.head, &self.detached) {
            (Some(on), None) => Head::Unborn(on.target().ok_or_else(unfit)?),
            (None, Some(id)) => Head::Detached(ObjectId::from_hex(id.as_bytes()).map_err(|_| unfit())?),
            _ => return Err(unfit()),
        };
        let worktrees = self.worktrees.iter().map(Worktree::read).collect::<Option<_>>().ok_or_else(unfit)?;
        Ok(RefList { refs, head, worktrees }.followed())
    }
}

/// The list of direct references, in the file `refs` beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefsFile {
    /// How many references there are, symbolic ones too.
    pub count: usize,
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256.
    pub sha256: String,
}

/// A hook as it was found, so that one can tell what a restored repository still lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookFile {
    /// Its file name.
    pub name: String,
    /// The SHA-256 of its content; `None` where it could not be read.
    pub sha256: Option<String>,
}

/// What of a repository is in no object and no reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRecord {
    /// The repository's own config, key and value, in order.
    pub config: Vec<(String, String)>,
    /// Keys whose values are secrets and were left out.
    pub config_left_out: Vec<String>,
    /// The file `description`.
    pub description: Option<String>,
    /// The hooks that were there.
    pub hooks: Vec<HookFile>,
}

/// The backup before this one in the store, so that a lost manifest is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its id.
    pub id: BackupId,
    /// The digest in its manifest.
    pub digest: String,
}

/// What was known, when a backup was made, of an earlier segment that it builds upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reliance {
    /// The segment's file.
    pub segment: String,
    /// What had been checked of it.
    pub checked: Vec<String>,
    /// When its every object had last been read; `None` where only its digest was checked, and git's own index of the pack
    /// was taken for true until all of it is read.
    pub verified_at: Option<Timestamp>,
}

impl Reliance {
    /// Takes it from the segment's proof.
    pub fn of(proof: &Proof) -> Self {
        Self { segment: proof.segment.clone(), checked: proof.checked.clone(), verified_at: proof.verified_at }
    }
}

/// The versions of the programs that made a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// git-cairn.
    pub git_cairn: String,
    /// git.
    pub git: String,
}

/// A backup: everything but its objects and its direct references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`], or [`FORMAT_WITH_CAPTURE`].
    pub format: u32,
    /// SHA-256 of the manifest's bytes with 64 zeros in this place.
    pub digest: String,
    /// The backup's id.
    pub id: BackupId,
    /// The backup before it.
    pub previous: Option<Previous>,
    /// The site.
    pub site: SiteRecord,
    /// The environment.
    pub environment: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was done.
    pub finished_at: Timestamp,
    /// When the references were read.
    pub refs_at: Timestamp,
    /// What started it.
    pub initiator: Initiator,
    /// The word of the job that made it, if one did.
    pub job: Option<String>,
    /// The deployment's tag the environment stands on.
    pub tag: Option<String>,
    /// The environment's commit.
    pub commit: Option<String>,
    /// What the person or the push said.
    pub note: Option<String>,
    /// When its retention ends.
    pub keep_until: Timestamp,
    /// `sha1` or `sha256`.
    pub object_format: String,
    /// The direct references.
    pub refs: RefsFile,
    /// HEAD and the symbolic references.
    pub others: Others,
    /// The segments that hold its objects, oldest first.
    pub segments: Vec<Segment>,
    /// Those of them that it wrote.
    pub written: Vec<String>,
    /// What was known of the others.
    pub relied_on: Vec<Reliance>,
    /// What was found in the environment's served work tree, and what was kept of it; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncommitted: Option<Uncommitted>,
    /// What else of the repository there was.
    pub repository: RepositoryRecord,
    /// The programs that made it.
    pub versions: Versions,
    /// Where the host's audit ended when it was made; `None` where that could not be read, and in backups of an earlier
    /// git-cairn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditHead>,
    /// What a person should know of it.
    pub warnings: Vec<String>,
}

impl Manifest {
    /// Returns the bytes to store, with their digest set in them and in `self`.
    pub fn seal(&mut self) -> Vec<u8> {
        NO_DIGEST.clone_into(&mut self.digest);
        let (sealed, digest) = seal(self);
        self.digest = digest;
        sealed
    }

    /// Reads stored bytes.
    ///
    /// Returns [`crate::error::Kind::Damaged`] where they are not what was sealed, and a plain failure for a manifest
    /// of a later format.
    pub fn open(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = |why: &str| Error::damaged("manifest", format!("the manifest is damaged: {why}"));
        let format: Format = serde_json::from_slice(bytes).map_err(|_| damaged("it is no JSON of ours"))?;
        if format.format > FORMAT_WITH_CAPTURE {
            let message = format!("the backup is of format {}, made by a later git-cairn", format.format);
            return Err(Error::failed("later-format", message).hint("install a newer git-cairn here"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
        if !is_sealed(bytes, &manifest.digest) {
            return Err(damaged("its digest is another"));
        }
        Ok(manifest)
    }

    /// Returns the hash its ids are made with.
    pub fn hash_kind(&self) -> Result<HashKind> {
        object_format_from_name(&self.object_format).ok_or_else(|| {
            Error::failed("object-format", format!("the object format {} is unknown here", self.object_format))
                .hint("install a newer git-cairn here")
        })
    }

    /// Returns the environment's commit.
    pub fn commit_id(&self) -> Option<ObjectId> {
        self.commit.as_ref().and_then(|commit| ObjectId::from_hex(commit.as_bytes()).ok())
    }

    /// Returns the segments this backup wrote.
    pub fn written_segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| self.written.contains(&segment.file))
    }

    /// Returns the bundle of captured edits, which stands upon all its segments.
    pub fn capture(&self) -> Option<&Segment> {
        self.uncommitted.as_ref().and_then(|found| found.bundle.as_ref())
    }

    /// Returns its segments, oldest first, and after them the bundle of captured edits.
    pub fn bundles(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().chain(self.capture())
    }

    /// Returns the bytes of all its segments.
    pub fn chain_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Returns the content of SHA256SUMS, for `sha256sum -c` in the backup's folder.
    pub fn sums(&self, manifest_bytes: &[u8]) -> String {
        let own = [(sha256(manifest_bytes), "manifest.json".to_owned()), (self.refs.sha256.clone(), "refs".to_owned())];
        let segments = self.bundles().map(|segment| (segment.sha256.clone(), format!("../../{}", segment.file)));
        own.into_iter().chain(segments).map(|(digest, file)| format!("{digest}  {file}\n")).collect()
    }
}

/// Returns the word of the object format, for a new manifest.
pub fn format_word(kind: HashKind) -> String {
    object_format_name(kind).into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    pub fn example(id: &str) -> Manifest {
        let at = Timestamp::from_second(1_795_420_272).unwrap();
        Manifest {
            format: FORMAT,
            digest: String::new(),
            id: BackupId::parse(id).unwrap(),
            previous: None,
            site: SiteRecord { id: "5eed".into(), name: "mysite".into() },
            environment: "live".into(),
            created_at: at,
            finished_at: at,
            refs_at: at,
            initiator: Initiator::Deployment,
            job: None,
            tag: Some("live_3".into()),
            commit: None,
            note: Some("naïve \u{202e}note".into()),
            keep_until: at,
            object_format: "sha1".into(),
            refs: RefsFile { count: 0, bytes: 0, sha256: sha256(b"") },
            others: Others { head: None, detached: None, symrefs: vec![], worktrees: vec![] },
            segments: vec![],
            written: vec![],
            relied_on: vec![],
            uncommitted: None,
            repository: RepositoryRecord::default(),
            versions: Versions { git_cairn: "0".into(), git: "2".into() },
            audit: AuditHead::parse(&format!("0123456789abcdef:57:{}", "a".repeat(64))),
            warnings: vec![],
        }
    }

    #[test]
    fn a_sealed_manifest_is_read_back_and_every_flipped_bit_is_seen() {
        let mut manifest = example("20261123-075112-7c3e");
        let bytes = manifest.seal();
        assert_eq!(Manifest::open(&bytes).unwrap(), manifest);
        for position in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            assert!(Manifest::open(&flipped).is_err(), "a flip at {position} passes");
            assert!(Manifest::open(&bytes[..position]).is_err(), "a cut at {position} passes");
        }
    }

    #[test]
    fn the_digest_can_be_checked_with_sed_and_sha256sum() {
        let mut manifest = example("20261123-075112-7c3e");
        let bytes = manifest.seal();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(sha256(text.replacen(&manifest.digest, NO_DIGEST, 1).as_bytes()), manifest.digest);
    }

    #[test]
    fn a_later_format_is_named_and_not_called_damage() {
        let error = Manifest::open(br#"{"format": 3, "anything": "else"}"#).unwrap_err();
        assert_eq!((error.kind(), error.code()), (crate::error::Kind::Failed, "later-format"));
    }

    #[test]
    fn references_are_joined_as_they_were() {
        let id = ObjectId::from_hex(b"1111111111111111111111111111111111111111").unwrap();
        let name = |text: &[u8]| RefName::new(text).unwrap();
        let main = name(b"refs/heads/main");
        let refs = vec![
            (main.clone(), RefValue::Direct(id)),
            (name(b"refs/heads/\xffalias"), RefValue::Symbolic(main.clone(), Some(id.into()))),
            (name(b"refs/heads/dangling"), RefValue::Symbolic(name(b"refs/heads/gone"), None)),
        ];
        let refs = Refs::of(refs).unwrap();
        for head in [Head::On(main.clone(), id), Head::Unborn(name(b"refs/heads/new")), Head::Detached(id)] {
            let worktrees = BTreeMap::from([("wt".into(), id), (b"\xff".into(), id)]);
            let list = RefList { refs: refs.clone(), head, worktrees };
            let json = serde_json::to_string(&Others::of(&list)).unwrap();
            let others: Others = serde_json::from_str(&json).unwrap();
            assert_eq!(others.join(&list.to_instructions()).unwrap(), list);
        }
    }
}
