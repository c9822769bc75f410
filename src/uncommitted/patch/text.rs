//! Hunks of lines, found with the crate `similar`.

use super::paint::{Painter, Role};
use crate::error::Result;
use bstr::ByteSlice;
use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};
use std::ops::Range;

/// How many lines around a change are shown, as git has it.
const CONTEXT: usize = 3;
/// The longest heading of a hunk, in bytes, as git has it.
const HEADING_MAX: usize = 80;

/// Writes the hunks between two texts, after what each is called; of texts that are the same nothing.
pub(super) fn write(names: [&str; 2], old: &[u8], new: &[u8], out: &mut Painter<'_>) -> Result<()> {
    // A line ends at a line feed and nowhere else: a carriage return is a byte like any other.
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) =
        (old.lines_with_terminator().collect(), new.lines_with_terminator().collect());
    let hunks = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT);
    if hunks.is_empty() {
        return Ok(());
    }
    out.line(Role::Header, &format!("--- {}", names[0]))?;
    out.line(Role::Header, &format!("+++ {}", names[1]))?;
    for hunk in hunks {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let from = first.old_range().start..last.old_range().end;
        let to = first.new_range().start..last.new_range().end;
        let mut head = format!("@@ -{} +{} @@", lines(&from), lines(&to)).into_bytes();
        if let Some(heading) = old[..from.start].iter().rev().find(|line| is_heading(line)) {
            head.push(b' ');
            head.extend_from_slice(heading[..heading.len().min(HEADING_MAX)].trim_end());
        }
        out.bytes(Role::Hunk, &head)?;
        for op in &hunk {
            operation(op, &old, &new, out)?;
        }
    }
    Ok(())
}

fn operation(op: &DiffOp, old: &[&[u8]], new: &[&[u8]], out: &mut Painter<'_>) -> Result<()> {
    if op.tag() == DiffTag::Equal {
        return all(Role::Context, b' ', &old[op.old_range()], out);
    }
    all(Role::Old, b'-', &old[op.old_range()], out)?;
    all(Role::New, b'+', &new[op.new_range()], out)
}

fn all(role: Role, sign: u8, lines: &[&[u8]], out: &mut Painter<'_>) -> Result<()> {
    for line in lines {
        let (text, ended) = line.strip_suffix(b"\n").map_or((*line, false), |text| (text, true));
        out.bytes(role, &[&[sign], text].concat())?;
        if !ended {
            out.line(Role::Context, "\\ No newline at end of file")?;
        }
    }
    Ok(())
}

/// A range of lines as a hunk's head has it: from 1, the count where it is not 1, and of no lines the one before.
fn lines(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

/// git's own guess of what begins a function, where nobody tells it better (gitattributes(5)).
fn is_heading(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_$".contains(byte))
}
