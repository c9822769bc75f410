//! The conversation with a long-running filter (gitattributes(5), "Long Running Filter Process"; gitprotocol-common(5)).
//!
//! gix has a client of its own, which leaves out the line feed at the end of each line; git's own filters (Git::Packet) end
//! when one is missing.

use crate::process::Conversation;
use bstr::{BStr, BString, ByteSlice};
use std::io::{self, Error, Read, Write};

/// The most that one packet holds, in bytes.
const PACKET_MAX: usize = 65_516;

/// What a filter says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It made something of it.
    Done,
    /// It makes nothing of any file on its way into git.
    Nothing,
    /// It cannot.
    Refused,
}

fn is_success(status: Option<&BString>) -> bool {
    status.is_some_and(|status| status == "success")
}

/// A filter that was started and waits for files.
#[derive(Debug)]
pub struct FilterProcess {
    with: Conversation,
    cleans: bool,
}

impl FilterProcess {
    /// Agrees with a process that was just started upon what it can.
    ///
    /// Returns an error where it is no filter of version 2.
    pub fn greet(with: Conversation) -> io::Result<Self> {
        let mut filter = Self { with, cleans: false };
        filter.say(&[b"git-filter-client\n", b"version=2\n"])?;
        if filter.hear()? != ["git-filter-server", "version=2"] {
            return Err(Error::other("it is no filter of version 2"));
        }
        filter.say(&[b"capability=clean\n", b"capability=smudge\n"])?;
        filter.cleans = filter.hear()?.iter().any(|line| line == "capability=clean");
        Ok(filter)
    }

    /// Lets it make of `content` what git stores, which is written to `out`.
    ///
    /// Returns an error where it does not answer as it should; then it cannot be spoken with any more.
    pub fn clean(&mut self, path: &BStr, content: &mut dyn Read, out: &mut dyn Write) -> io::Result<Answer> {
        if !self.cleans {
            return Ok(Answer::Nothing);
        }
        let name = [b"pathname=", path.as_bytes(), b"\n"].concat();
        self.say(&[b"command=clean\n", &name])?;
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.packet(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.say(&[])?;
        let first = self.status(None)?;
        if !is_success(first.as_ref()) {
            return self.refusal(first.as_ref());
        }
        while let Some(bytes) = self.packet_read()? {
            out.write_all(&bytes)?;
        }
        let last = self.status(first)?;
        if is_success(last.as_ref()) { Ok(Answer::Done) } else { self.refusal(last.as_ref()) }
    }

    fn refusal(&mut self, status: Option<&BString>) -> io::Result<Answer> {
        match status.map(|status| status.as_slice()) {
            Some(b"error") => Ok(Answer::Refused),
            // Neither this file nor any other.
            Some(b"abort") => {
                self.cleans = false;
                Ok(Answer::Refused)
            }
            _ => Err(Error::other("it answers in no way that git knows")),
        }
    }

    /// Hears a list of statuses; the last one counts, and where there is none the one before.
    fn status(&mut self, before: Option<BString>) -> io::Result<Option<BString>> {
        let lines = self.hear()?;
        let last = lines.iter().rev().find_map(|line| line.strip_prefix(b"status=").map(BString::from));
        Ok(last.or(before))
    }

    /// Says lines, and that these were all.
    fn say(&mut self, lines: &[&[u8]]) -> io::Result<()> {
        for line in lines {
            self.packet(line)?;
        }
        self.with.say(b"0000")
    }

    fn packet(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > PACKET_MAX {
            return Err(Error::other("a name is too long for a filter"));
        }
        self.with.say(&[format!("{:04x}", bytes.len() + 4).as_bytes(), bytes].concat())
    }

    /// Hears lines until it says that these were all.
    fn hear(&mut self) -> io::Result<Vec<BString>> {
        let mut lines = Vec::new();
        while let Some(line) = self.packet_read()? {
            lines.push(line.strip_suffix(b"\n").unwrap_or(&line).into());
        }
        Ok(lines)
    }

    fn packet_read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        self.with.output.read_exact(&mut length)?;
        let length = length.to_str().ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => Ok(None),
            Some(length @ 4..) if length <= PACKET_MAX + 4 => {
                let mut bytes = vec![0; length - 4];
                self.with.output.read_exact(&mut bytes)?;
                Ok(Some(bytes))
            }
            _ => Err(Error::other("it answers with no packets")),
        }
    }
}
