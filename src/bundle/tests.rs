use super::*;
use proptest::prelude::*;

const A: &str = "1111111111111111111111111111111111111111";
const B: &str = "2222222222222222222222222222222222222222";

fn read(text: impl AsRef<[u8]>) -> Result<Header, Invalid> {
    read_header(&mut text.as_ref())
}

#[test]
fn a_header_with_everything_is_read() {
    let long = "x".repeat(1200);
    let text = format!("# v2 git bundle\n-{A} {long}\n-{B}\n{A} refs/heads/main\n{B} HEAD\n\nPACK");
    let mut input = text.as_bytes();
    let header = read_header(&mut input).unwrap();
    assert_eq!(header.prerequisites.len(), 2);
    assert_eq!(header.refs[1].0.as_bytes(), b"HEAD");
    assert_eq!(input, b"PACK", "the reader stands at the pack");
}

#[test]
fn capabilities_of_version_3() {
    let wide = A.to_owned() + &A[..24];
    let header = read(format!("# v3 git bundle\n@object-format=sha256\n@filter=blob:none\n{wide} HEAD\n\n")).unwrap();
    assert_eq!(header.object_format, HashKind::Sha256);
    assert_eq!(header.filter.as_deref(), Some("blob:none"));
    assert!(!header.is_self_contained());
    assert_eq!(read("# v3 git bundle\n\n").unwrap().object_format, HashKind::Sha1);
    for bad in ["@object-format=md5", "@new-thing", "@object-format"] {
        let error = read(format!("# v3 git bundle\n{bad}\n\n")).unwrap_err();
        assert!(matches!(error, Invalid::Capability(_)) && error.to_string().contains(bad), "{error}");
    }
    assert!(matches!(read("# v2 git bundle\n@object-format=sha1\n\n"), Err(Invalid::Line { line: 2, .. })));
}

#[test]
fn what_is_no_bundle_is_refused() {
    assert!(matches!(read(""), Err(Invalid::Truncated)));
    assert!(matches!(read("PK\x03\x04zip\n"), Err(Invalid::Signature(_))));
    assert!(matches!(read("# v4 git bundle\n\n"), Err(Invalid::Version(_))));
    assert!(matches!(read(format!("# v2 git bundle\n{A} HEAD\n")), Err(Invalid::Truncated)));
    assert!(matches!(read(format!("# v2 git bundle\n{A} HEAD")), Err(Invalid::Truncated)));
    assert!(matches!(read(format!("# v2 git bundle\n{} HEAD\n\n", &A[1..])), Err(Invalid::Line { .. })));
    assert!(matches!(read(format!("# v2 git bundle\n{A}refs/heads/x\n\n")), Err(Invalid::Line { .. })));
    let endless = [b"# v2 git bundle\n-".to_vec(), vec![b'x'; 1 << 20]].concat();
    assert!(matches!(read(endless), Err(Invalid::TooLong)));
}

#[test]
fn a_name_that_could_leave_the_repository_is_refused() {
    for name in ["../../x", "refs/heads/../../evil", "a..b", "refs/heads/x y", "refs/heads/a\x07", "refs/heads/x.lock"]
    {
        assert!(matches!(read(format!("# v2 git bundle\n{A} {name}\n\n")), Err(Invalid::Name(_))), "{name}");
    }
}

#[test]
fn a_reference_twice_is_refused_where_git_takes_the_last() {
    let text = format!("# v2 git bundle\n{A} refs/heads/x\n{B} refs/heads/x\n\n");
    assert!(matches!(read(text), Err(Invalid::Twice(_))));
    // As git writes it where a symbolic reference leads to another one that is in the bundle too.
    let same = read(format!("# v2 git bundle\n{A} refs/heads/x\n{A} refs/heads/x\n\n")).unwrap();
    assert_eq!(same.refs.len(), 1);
}

#[test]
fn filters_are_told_and_such_a_bundle_is_not_taken_for_whole() {
    for filter in ["blob:none", "tree:0", "tree:1", "blob:limit=100", "combine:blob:none+tree:3"] {
        let header = read(format!("# v3 git bundle\n@filter={filter}\n{A} HEAD\n\n")).unwrap();
        assert_eq!(header.filter.as_deref(), Some(filter));
        assert!(!header.is_self_contained());
        let mut again = Vec::new();
        write_header(&header, &mut again).unwrap();
        assert_eq!(read(&again).unwrap(), header);
    }
}

#[test]
fn prerequisites_are_read_whatever_is_said_of_them() {
    let comments: [&[u8]; 8] =
        [b"", b" ", b" \r", b"\r", b"\t", b" \xff\xfe not UTF-8", b" trailing  \t", b" -1111 refs/heads/x"];
    for comment in comments {
        let text = [b"# v2 git bundle\n-", A.as_bytes(), comment, b"\n", B.as_bytes(), b" HEAD\n\n"].concat();
        let header = read(text).unwrap_or_else(|error| panic!("{}: {error}", comment.escape_ascii()));
        assert_eq!(header.prerequisites, [ObjectId::from_hex(A.as_bytes()).unwrap()]);
    }
    for bad in [&A[1..], "", " 1111", &A.replace('1', "g")] {
        let error = read(format!("# v2 git bundle\n-{bad}\n\n")).unwrap_err();
        assert!(matches!(error, Invalid::Line { line: 2, .. }), "{bad}: {error}");
    }
    assert!(matches!(read(format!("# v2 git bundle\n-{A}1 x\n\n")), Err(Invalid::Line { line: 2, .. })));
}

#[test]
fn an_id_of_the_other_hash_is_refused_naming_the_line() {
    let wide = A.to_owned() + &A[..24];
    for header in ["# v2 git bundle\n", "# v3 git bundle\n", "# v3 git bundle\n@object-format=sha1\n"] {
        assert!(matches!(read(format!("{header}{wide} HEAD\n\n")), Err(Invalid::Line { .. })), "{header}");
        assert!(matches!(read(format!("{header}-{wide} x\n\n")), Err(Invalid::Line { .. })), "{header}");
    }
    let narrow = format!("# v3 git bundle\n@object-format=sha256\n{A} HEAD\n\n");
    assert!(matches!(read(narrow), Err(Invalid::Line { line: 3, .. })));
    // Named after ids were read, it would change what they mean.
    assert!(matches!(
        read(format!("# v3 git bundle\n{A} HEAD\n@object-format=sha256\n\n")),
        Err(Invalid::Capability(_))
    ));
}

#[test]
fn names_that_git_really_writes_are_read() {
    for name in ["HEAD", "worktrees/wt2/HEAD", "main-worktree/HEAD", "refs/stash", "refs/heads/refs/heads/main"] {
        let header = read(format!("# v2 git bundle\n{A} {name}\n\n")).unwrap();
        assert_eq!(header.refs[0].0.as_bytes(), name.as_bytes());
    }
    assert!(read("# v2 git bundle\n\n").unwrap().refs.is_empty(), "a bundle may name none");
    for name in ["worktrees/../../HEAD", "worktrees/a b/HEAD", "main", "/refs/heads/x", "refs", ""] {
        let error = read(format!("# v2 git bundle\n{A} {name}\n\n")).unwrap_err();
        assert!(matches!(error, Invalid::Name(_)), "{name}: {error}");
    }
}

#[test]
fn the_oldest_git_that_can_reads_what_is_written() {
    let id = ObjectId::from_hex(A.as_bytes()).unwrap();
    let wide = ObjectId::from_hex((A.to_owned() + &A[..24]).as_bytes()).unwrap();
    let written = |header: &Header| {
        let mut bytes = Vec::new();
        write_header(header, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let header = Header::new(HashKind::Sha1, vec![id], vec![(RefName::head(), id)]);
    assert_eq!(written(&header), format!("# v2 git bundle\n-{A} \n{A} HEAD\n\n"));
    let header = Header::new(HashKind::Sha256, vec![], vec![(RefName::head(), wide)]);
    assert_eq!(written(&header), format!("# v3 git bundle\n@object-format=sha256\n{wide} HEAD\n\n"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        sha256 in any::<bool>(),
        prerequisites in prop::collection::vec(any::<[u8; 32]>(), 0..5),
        refs in prop::collection::btree_map("refs/heads/[a-z\u{e4}-\u{ff}\"']{1,20}", any::<[u8; 32]>(), 0..9),
    ) {
        let kind = if sha256 { HashKind::Sha256 } else { HashKind::Sha1 };
        let id = |bytes: &[u8; 32]| ObjectId::from_bytes_or_panic(&bytes[..kind.len_in_bytes()]);
        let refs = refs.iter().map(|(name, bytes)| (RefName::new(name.as_bytes()).unwrap(), id(bytes))).collect();
        let header = Header::new(kind, prerequisites.iter().map(id).collect(), refs);
        let mut bytes = Vec::new();
        write_header(&header, &mut bytes).unwrap();
        prop_assert_eq!(read(&bytes).unwrap(), header);
    }

    #[test]
    fn no_input_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), v3 in any::<bool>()) {
        let start = if v3 { &b"# v3 git bundle\n"[..] } else { b"# v2 git bundle\n" };
        let _ = read([start, &bytes].concat());
        let _ = read(&bytes);
    }
}
