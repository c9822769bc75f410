//! What git's rules say of a path in a work tree: whether it is ignored (gitignore(5)) and how its content becomes what git
//! stores (gitattributes(5)). The files of rules are given as bytes; whoever walks the tree reads them.

use super::{Config, Driver, Drivers};
use bstr::{BStr, BString, ByteSlice};
use gix::attrs::search::{MetadataCollection, Outcome};
use gix::attrs::{Search, StateRef};
use gix::glob::pattern::Case;
use gix::glob::search::pattern::List;
use gix::ignore::search::Ignore;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most that is read of one file of rules, in bytes (git's own bound for attributes).
pub const RULES_BYTES_MAX: u64 = 100 << 20;
/// The attributes that say how content is converted or shown.
const ATTRIBUTES: [&str; 7] = ["text", "crlf", "eol", "ident", "working-tree-encoding", "filter", "diff"];

/// What is configured beside the tree.
#[derive(Debug, Clone, Default)]
pub struct RuleFiles {
    /// The content of `core.excludesFile`.
    pub excludes: Option<Vec<u8>>,
    /// The content of `info/exclude`.
    pub info_exclude: Option<Vec<u8>>,
    /// The content of the system's and the user's files of attributes, in this order.
    pub attributes: Vec<Vec<u8>>,
    /// The content of `info/attributes`.
    pub info_attributes: Option<Vec<u8>>,
}

/// How lines end in a file, and so what becomes of a carriage return before a line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum LineEnds {
    /// Content is stored as it lies.
    #[default]
    Kept,
    /// Each is stored as a line feed.
    Text,
    /// The same, where the content looks like text and what is stored already has none with a carriage return.
    Guessed,
}

/// What becomes of a file's content on its way into git.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversion {
    /// Its line ends.
    pub line_ends: LineEnds,
    /// Whether `$Id: ...$` is stored as `$Id$`.
    pub ident: bool,
    /// The encoding it has in the work tree, where that is not UTF-8.
    pub encoding: Option<BString>,
    /// The filter that its attributes name.
    pub filter: Option<Filter>,
    /// Whether attributes say that it is shown as text (`diff`) or is not (`-diff`).
    pub shown_as_text: Option<bool>,
}

/// A filter that attributes name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// One that the host's own config defines.
    Known(Arc<Driver>),
    /// One that it does not define, and that is never run.
    Unknown(BString),
}

/// The rules that hold in one folder of a work tree.
#[derive(Clone)]
pub struct Rules {
    ignores: Option<Arc<IgnoreLevel>>,
    attributes: Arc<AttributeLevel>,
    drivers: Arc<Drivers>,
    settings: Settings,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    case: Case,
    auto_crlf: AutoCrlf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum AutoCrlf {
    No,
    Yes,
    Input,
}

/// One file of ignore rules above the next.
struct IgnoreLevel {
    list: List<Ignore>,
    above: Option<Arc<Self>>,
}

struct AttributeLevel {
    search: Search,
    names: MetadataCollection,
    info: Option<Vec<u8>>,
    any: bool,
    key: u64,
}

impl Rules {
    /// Makes the rules that hold at the root of a tree, of what is configured beside it; `drivers` are the filters that may be
    /// run.
    pub fn new(config: &Config, files: RuleFiles, drivers: Drivers) -> Self {
        let auto_crlf = match config.get("core", "autocrlf").map(|value| value.to_lowercase()).as_deref() {
            Some("input") => AutoCrlf::Input,
            _ if config.is_true("core", "autocrlf") == Some(true) => AutoCrlf::Yes,
            _ => AutoCrlf::No,
        };
        let case = if config.is_true("core", "ignorecase") == Some(true) { Case::Fold } else { Case::Sensitive };
        let mut ignores = None;
        for bytes in [files.excludes, files.info_exclude].into_iter().flatten() {
            ignores = Some(level(&bytes, b"".as_bstr(), ignores));
        }
        let mut names = MetadataCollection::default();
        let mut search = Search::default();
        let mut key = DefaultHasher::new();
        auto_crlf.hash(&mut key);
        drivers.key().hash(&mut key);
        // As git has it built in (attr.c).
        add(&mut search, &mut names, b"[attr]binary -diff -merge -text", b"".as_bstr(), true);
        for bytes in &files.attributes {
            add(&mut search, &mut names, bytes, b"".as_bstr(), true);
            bytes.hash(&mut key);
        }
        let any = !files.attributes.is_empty() || files.info_attributes.is_some();
        files.info_attributes.hash(&mut key);
        if let Some(bytes) = &files.info_attributes {
            add(&mut search, &mut names, bytes, b"".as_bstr(), true);
        }
        let attributes = AttributeLevel { search, names, info: files.info_attributes, any, key: key.finish() };
        let settings = Settings { case, auto_crlf };
        Self { ignores, attributes: Arc::new(attributes), drivers: Arc::new(drivers), settings }
    }

    /// Returns the rules that hold in a folder (its path ends in a slash; the root's is empty), given those of the folder
    /// above and the content of its own `.gitignore` and `.gitattributes`.
    #[must_use]
    pub fn enter(&self, folder: &BStr, ignore: Option<&[u8]>, attributes: Option<&[u8]>) -> Self {
        let mut entered = self.clone();
        if let Some(bytes) = ignore {
            entered.ignores = Some(level(bytes, folder, entered.ignores));
        }
        if let Some(bytes) = attributes {
            entered.attributes = Arc::new(self.attributes.enter(folder, bytes));
        }
        entered
    }

    /// Tells whether ignore rules hide a path, those of the folders above it left aside.
    pub fn is_ignored(&self, path: &BStr, is_folder: bool) -> bool {
        let name = path.rfind_byte(b'/').map(|position| position + 1);
        let mut next = self.ignores.as_ref();
        while let Some(level) = next {
            let case = self.settings.case;
            let found =
                gix::ignore::search::pattern_matching_relative_path(&level.list, path, name, Some(is_folder), case);
            if let Some(found) = found {
                return !found.pattern.is_negative();
            }
            next = level.above.as_ref();
        }
        false
    }

    /// Tells whether a name is `.git`, which is never part of a tree.
    pub fn is_dot_git(&self, name: &[u8]) -> bool {
        match self.settings.case {
            Case::Sensitive => name == b".git",
            Case::Fold => name.eq_ignore_ascii_case(b".git"),
        }
    }

    /// Returns a number that is another one where attributes or settings are others.
    pub fn key(&self) -> u64 {
        self.attributes.key
    }

    /// Tells whether every file's content is stored as it lies, so that none needs to be asked about.
    pub fn converts_nothing(&self) -> bool {
        !self.attributes.any && self.settings.auto_crlf == AutoCrlf::No
    }

    /// Returns what becomes of the content of a file.
    pub fn conversion(&self, path: &BStr) -> Conversion {
        if self.converts_nothing() {
            return Conversion::default();
        }
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&self.attributes.names, ATTRIBUTES);
        self.attributes.search.pattern_matching_relative_path(path, self.settings.case, Some(false), &mut outcome);
        let mut values: [Option<Value>; ATTRIBUTES.len()] = Default::default();
        for (slot, found) in values.iter_mut().zip(outcome.iter_selected()) {
            *slot = match found.assignment.state {
                StateRef::Set => Some(Value::Set),
                StateRef::Unset => Some(Value::Unset),
                StateRef::Value(value) => Some(Value::Text(value.as_bstr().to_owned())),
                StateRef::Unspecified => None,
            };
        }
        let [text, crlf, eol, ident, encoding, filter, diff] = values;
        Conversion {
            line_ends: self.line_ends(text.as_ref(), crlf.as_ref(), eol.as_ref()),
            ident: ident == Some(Value::Set),
            encoding: encoding.and_then(Value::text).filter(|name| !is_utf8(name)),
            filter: filter.and_then(Value::text).map(|name| match self.drivers.find(name.as_bstr()) {
                Some(driver) => Filter::Known(driver),
                None => Filter::Unknown(name),
            }),
            shown_as_text: match diff {
                Some(Value::Unset) => Some(false),
                Some(Value::Set) => Some(true),
                Some(Value::Text(_)) | None => None,
            },
        }
    }

    /// As `convert_attrs` of git's convert.c has it.
    fn line_ends(&self, text: Option<&Value>, crlf: Option<&Value>, eol: Option<&Value>) -> LineEnds {
        let by_eol = matches!(eol, Some(Value::Text(value)) if value == "lf" || value == "crlf");
        match action(text).or_else(|| action(crlf)) {
            Some(told) => told,
            None if by_eol => LineEnds::Text,
            None if self.settings.auto_crlf == AutoCrlf::No => LineEnds::Kept,
            None => LineEnds::Guessed,
        }
    }
}

impl AttributeLevel {
    fn enter(&self, folder: &BStr, bytes: &[u8]) -> Self {
        let (mut search, mut names) = (self.search.clone(), self.names.clone());
        // What info/attributes says goes before what the tree says, however deep.
        if self.info.is_some() {
            search.pop_pattern_list();
        }
        add(&mut search, &mut names, bytes, folder, folder.is_empty());
        if let Some(info) = &self.info {
            add(&mut search, &mut names, info, b"".as_bstr(), true);
        }
        let mut key = DefaultHasher::new();
        (self.key, folder, bytes).hash(&mut key);
        Self { search, names, info: self.info.clone(), any: true, key: key.finish() }
    }
}

/// The value of an attribute that is specified.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Set,
    Unset,
    Text(BString),
}

impl Value {
    fn text(self) -> Option<BString> {
        match self {
            Self::Text(text) => Some(text),
            Self::Set | Self::Unset => None,
        }
    }
}

/// What `text`, or its forerunner `crlf`, says; `None` where it says nothing.
fn action(value: Option<&Value>) -> Option<LineEnds> {
    match value? {
        Value::Set => Some(LineEnds::Text),
        Value::Unset => Some(LineEnds::Kept),
        Value::Text(text) if text == "input" => Some(LineEnds::Text),
        Value::Text(text) if text == "auto" => Some(LineEnds::Guessed),
        Value::Text(_) => None,
    }
}

fn is_utf8(name: &BString) -> bool {
    name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"utf8")
}

fn level(bytes: &[u8], folder: &BStr, above: Option<Arc<IgnoreLevel>>) -> Arc<IgnoreLevel> {
    // A byte order mark is no part of the first pattern (dir.c).
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut list = List::from_bytes(bytes, PathBuf::new(), None, Ignore::default()).unwrap_or_default();
    list.base = (!folder.is_empty()).then(|| folder.to_owned());
    Arc::new(IgnoreLevel { list, above })
}

fn add(search: &mut Search, names: &mut MetadataCollection, bytes: &[u8], folder: &BStr, macros: bool) {
    use crate::os::OsStrExt;
    let file = [folder.as_bytes(), b".gitattributes"].concat();
    let file = Path::new(std::ffi::OsStr::from_bytes(&file)).to_owned();
    // It can only fail where the path is no text on a system whose paths are.
    let _ = search.add_patterns_buffer(bytes, file, Some(Path::new("")), names, macros);
}

/// Returns content with every `$Id: ...$` as `$Id$`; `None` where there is none.
pub fn undo_ident(content: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    gix::filter::plumbing::ident::undo(content, &mut out).unwrap_or(false).then_some(out)
}

/// Returns content of this encoding in UTF-8, as git stores it; `None` where the encoding is not known or the content is not
/// in it.
pub fn to_utf8(content: &[u8], encoding: &BStr) -> Option<Vec<u8>> {
    use gix::filter::plumbing::worktree::{encode_to_git, encoding};
    let name = encoding.to_str().ok()?.to_ascii_uppercase();
    if matches!(name.as_str(), "ISO-8859-1" | "ISO8859-1" | "LATIN1" | "LATIN-1") {
        return Some(content.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes());
    }
    let mark = match content {
        [0xff, 0xfe, ..] => Some("UTF-16LE"),
        [0xfe, 0xff, ..] => Some("UTF-16BE"),
        _ => None,
    };
    let name = match (name.as_str(), mark) {
        // Which of the two it is, its mark says; git demands one.
        ("UTF-16" | "UTF16", Some(marked)) => marked,
        ("UTF-16LE-BOM", Some(marked)) if marked == "UTF-16LE" => marked,
        ("UTF-16BE-BOM", Some(marked)) if marked == "UTF-16BE" => marked,
        // And here it forbids one.
        ("UTF-16LE" | "UTF-16BE", Some(_)) | ("UTF-16" | "UTF16" | "UTF-16LE-BOM" | "UTF-16BE-BOM", _) => return None,
        (other, _) => other,
    };
    let known = encoding::for_label(BStr::new(name.as_bytes())).ok()?;
    let mut out = Vec::new();
    encode_to_git(content, known, &mut out, encode_to_git::RoundTripCheck::Skip).ok().map(|()| out)
}
