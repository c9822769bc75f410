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
