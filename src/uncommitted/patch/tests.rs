use super::*;
use crate::git::HashKind;
use std::collections::HashMap;

struct Known(HashMap<ObjectId, Vec<u8>>);

impl Contents for Known {
    fn size(&mut self, id: &ObjectId) -> Result<u64> {
        Ok(self.0[id].len() as u64)
    }

    fn read(&mut self, id: &ObjectId) -> Result<Vec<u8>> {
        Ok(self.0[id].clone())
    }

    fn stream(&mut self, id: &ObjectId, out: &mut dyn Write) -> Result<()> {
        out.write_all(&self.0[id]).unwrap();
        Ok(())
    }
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_hex(format!("{byte:02x}").repeat(20).as_bytes()).unwrap()
}

fn side(path: &[u8], mode: u32, byte: u8) -> FileSide {
    FileSide { path: path.into(), mode, id: id(byte) }
}

fn patch(change: &FileChange, old: &[u8], new: &[u8], paint: Paint) -> String {
    let mut contents = Known(HashMap::from([(id(1), old.to_vec()), (id(2), new.to_vec())]));
    let mut out = Vec::new();
    write(change, &mut contents, paint, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn modified(path: &[u8]) -> FileChange {
    FileChange { old: Some(side(path, 0o100_644, 1)), new: Some(side(path, 0o100_644, 2)), similarity: None }
}

#[test]
fn the_end_of_a_file_without_a_line_feed_is_told() {
    let said = patch(&modified(b"a b"), b"x\r\ny", b"x\r\ny\n", Paint::Exact);
    assert_eq!(HashKind::Sha1.len_in_hex(), id(1).to_string().len());
    assert!(said.starts_with("diff --git a/a b b/a b\nindex 0101"), "{said}");
    assert!(
        said.ends_with("--- a/a b\t\n+++ b/a b\t\n@@ -1,2 +1,2 @@\n x\r\n-y\n\\ No newline at end of file\n+y\n"),
        "{said}"
    );
}

#[test]
fn names_are_quoted_as_git_quotes_them() {
    assert_eq!(quoted(b"a/", "plain name".into()), "a/plain name");
    assert_eq!(quoted(b"a/", "ends ".into()), "\"a/ends \"");
    assert_eq!(quoted(b"a/", b"t\tq\"b\\n\n\xff\x01".as_slice().into()), r#""a/t\tq\"b\\n\n\377\001""#);
}

#[test]
fn nothing_of_a_file_steers_a_terminal() {
    let said = patch(&modified(b"f"), b"", b"\x1b[2J\tx\n", Paint::Colored);
    assert!(said.contains("\x1b[32m+\\u{1b}[2J\tx\x1b[m\n"), "{said:?}");
    let said = patch(&modified(b"f"), b"", &[0; 2048], Paint::Colored);
    assert!(said.ends_with("Binary files a/f (0 B) and b/f (2.0 KiB) differ\n"), "{said}");
}

#[test]
fn a_file_that_became_a_link_is_deleted_and_made() {
    let change =
        FileChange { old: Some(side(b"f", 0o100_644, 1)), new: Some(side(b"f", 0o120_000, 2)), similarity: None };
    let said = patch(&change, b"x\n", b"target", Paint::Exact);
    let (gone, come) = said.split_once("new file mode 120000").unwrap();
    assert!(gone.contains("deleted file mode 100644") && gone.contains("+++ /dev/null"), "{gone}");
    assert!(come.ends_with("+target\n\\ No newline at end of file\n"), "{come}");
}
