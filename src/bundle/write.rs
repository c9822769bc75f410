//! Writing a bundle's header.

use super::{Header, Version, object_format_name};
use crate::git::{ObjectId, RefName};
use std::io::{self, Write};

/// Writes `header` with the empty line that ends it; the pack follows.
pub fn write_header(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    write_header_naming(header, &mut header.refs.iter().map(|(name, id)| (name, *id)), out)
}

/// The same with these references, which may be many, instead of those in it.
pub fn write_header_naming(
    header: &Header,
    refs: &mut dyn Iterator<Item = (&RefName, ObjectId)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match header.version {
        Version::V2 => out.write_all(b"# v2 git bundle\n")?,
        Version::V3 => {
            writeln!(out, "# v3 git bundle\n@object-format={}", object_format_name(header.object_format))?;
            if let Some(filter) = &header.filter {
                writeln!(out, "@filter={filter}")?;
            }
        }
    }
    for id in &header.prerequisites {
        // The space belongs to the comment that may follow; git reads the line without it, older gits less surely.
        writeln!(out, "-{id} ")?;
    }
    for (name, id) in refs {
        write!(out, "{id} ")?;
        out.write_all(name.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}
