//! Logs that several write at once, that are cut off, and that are tampered with.

use super::entry::tests::entry;
use super::*;
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;

struct Place {
    _dir: tempfile::TempDir,
    log: Log,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    Place { log: Log::in_folder(dir.path()), _dir: dir }
}

fn written(log: &Log, n: usize) {
    (0..n).for_each(|n| log.append(&entry(&format!("line {n}")), Sync::Later).unwrap());
}

/// Where the log ended after each of its lines.
fn heads(log: &Log) -> Vec<Head> {
    let lines = log.lines().unwrap();
    let log = lines[0].digest[..16].to_owned();
    lines.into_iter().map(|line| Head { log: log.clone(), line: line.line, digest: line.digest }).collect()
}

fn raw(log: &Log, bytes: &[u8]) {
    OpenOptions::new().append(true).open(log.path()).unwrap().write_all(bytes).unwrap();
}

fn said_by(head: &Head) -> Anchor {
    Anchor { said_by: "the tag live_1".into(), head: head.clone() }
}

#[test]
fn lines_are_numbered_and_bound_together() {
    let place = place();
    assert_eq!((place.log.head().unwrap(), place.log.lines().unwrap()), (None, vec![]));
    written(&place.log, 3);
    let heads = heads(&place.log);
    assert_eq!(place.log.head().unwrap().as_ref(), heads.last());
    let lines = place.log.lines().unwrap();
    assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(lines[2].before, lines[1].digest);
    let anchors: Vec<_> = heads.iter().map(said_by).collect();
    let report = verify(&place.log.read().unwrap(), &anchors);
    assert_eq!(report, Report { lines: 3, anchors: 3, ..Report::default() });
}

#[test]
fn several_may_append_at_once() {
    let place = place();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| place.log.append(&entry("x"), Sync::Later).unwrap()));
        }
    });
    assert_eq!(verify(&place.log.read().unwrap(), &[]), Report { lines: 100, ..Report::default() });
}

#[test]
fn what_is_done_while_a_line_is_synced_is_done_once_and_only_where_there_is_a_line() {
    let place = place();
    let mut lines = vec![];
    place.log.append_while(&entry("x"), || lines.push(place.log.lines().unwrap().len())).unwrap();
    assert_eq!(lines, [1]);
    std::fs::remove_file(place.log.path()).unwrap();
    std::fs::create_dir(place.log.path()).unwrap();
    place.log.append_while(&entry("y"), || lines.push(0)).unwrap_err();
    assert_eq!(lines, [1]);
}

/// However much of the end must be read to find the last line, the next one goes on from it.
#[test]
fn a_long_line_and_a_long_hole_hide_no_line_before_them() {
    let place = place();
    written(&place.log, 2);
    let options: Vec<Vec<u8>> = (0..8).map(|n| vec![b'a' + n; 1 << 10]).collect();
    let long = entry("long").with_options(options.iter().map(Vec::as_slice));
    place.log.append(&long, Sync::Now).unwrap();
    assert!(place.log.read().unwrap().len() > 8 << 10);
    assert_eq!(place.log.head().unwrap().as_ref(), heads(&place.log).last());
    written(&place.log, 1);
    raw(&place.log, &vec![0; 100 << 10]);
    written(&place.log, 1);
    let report = verify(&place.log.read().unwrap(), &[]);
    assert_eq!((report.lines, report.torn, report.problems), (5, 1, vec![]));
}

/// After every cut of the last line the next one is a line, and nothing that was there is lost or blamed.
#[test]
fn a_line_that_was_cut_off_is_told_from_one_that_was_altered() {
    let place = place();
    written(&place.log, 2);
    let whole = place.log.read().unwrap();
    let start = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for end in start + 1..=whole.len() {
        std::fs::write(place.log.path(), &whole[..end]).unwrap();
        let lacks_only_its_end = end + 1 >= whole.len();
        let alone = verify(&place.log.read().unwrap(), &[]);
        assert_eq!((alone.problems.as_slice(), alone.torn), (&[][..], u64::from(!lacks_only_its_end)), "{end}");
        written(&place.log, 2);
        let report = verify(&place.log.read().unwrap(), &[]);
        assert_eq!(report.problems, [], "cut at {end}");
        let expected = if lacks_only_its_end { (4, 0) } else { (3, 1) };
        assert_eq!((report.lines, report.torn), expected, "cut at {end}");
    }
}

#[test]
fn what_a_power_cut_leaves_of_a_file_is_no_line() {
    let place = place();
    written(&place.log, 2);
    raw(&place.log, &[0; 700]);
    written(&place.log, 2);
    let report = verify(&place.log.read().unwrap(), &[]);
    assert_eq!((report.lines, report.torn, report.problems), (4, 1, vec![]));
}

#[test]
fn the_next_line_does_not_hide_what_was_done_to_the_last() {
    let place = place();
    written(&place.log, 3);
    let text = String::from_utf8(place.log.read().unwrap()).unwrap().replace("line 2", "line X");
    std::fs::write(place.log.path(), text).unwrap();
    written(&place.log, 2);
    let report = verify(&place.log.read().unwrap(), &[]);
    assert_eq!((report.lines, report.torn, report.problems), (4, 0, vec![Problem::Altered(3)]));
}

#[test]
fn a_line_sealed_anew_or_put_in_between_is_found() {
    let place = place();
    written(&place.log, 4);
    let lines: Vec<Vec<u8>> =
        place.log.read().unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let second = place.log.lines().unwrap()[1].clone();
    let (forged, _) = Line::seal(&entry("forged"), 2, Some(&second.before), 0);
    let of = |order: &[&[u8]]| verify(&order.concat(), &[]).problems;
    assert_eq!(of(&[&lines[0], &forged, &lines[2], &lines[3]]), [Problem::Replaced(2)]);
    assert_eq!(of(&[&lines[0], &lines[1], &forged, &lines[2], &lines[3]]), [Problem::Inserted(2)]);
    assert_eq!(of(&[&lines[0], &lines[3]]), [Problem::Missing(2, 3, None)]);
    assert_eq!(of(&[&lines[2], &lines[3]]), [Problem::Missing(1, 2, None)]);
}

#[test]
fn what_vanished_from_the_end_is_known_to_tags_and_backups() {
    let place = place();
    written(&place.log, 5);
    let heads = heads(&place.log);
    let whole = place.log.read().unwrap();
    let keep = |n: usize| whole.split_inclusive(|byte| *byte == b'\n').take(n).collect::<Vec<_>>().concat();
    let anchors = [said_by(&heads[1]), said_by(&heads[3])];
    let who = Some("the tag live_1".to_owned());
    assert_eq!(verify(&keep(4), &anchors).problems, []);
    assert_eq!(verify(&keep(3), &anchors).problems, [Problem::Missing(4, 4, who.clone())]);
    assert_eq!(verify(&keep(1), &anchors).problems, [Problem::Missing(2, 4, who.clone())]);
    assert_eq!(verify(b"", &anchors).problems, [Problem::Missing(1, 4, who)]);
    // Lines that were written since do not stand in for them.
    std::fs::write(place.log.path(), keep(3)).unwrap();
    written(&place.log, 3);
    assert_eq!(verify(&place.log.read().unwrap(), &anchors).problems, [Problem::Unlike(4, "the tag live_1".into())]);
    std::fs::remove_file(place.log.path()).unwrap();
    place.log.append(&entry("another beginning"), Sync::Now).unwrap();
    let problems = verify(&place.log.read().unwrap(), &anchors).problems;
    assert_eq!(problems.iter().map(Problem::code).collect::<Vec<_>>(), ["other-log"]);
}

#[test]
fn a_log_begun_by_setup_names_the_one_before_it() {
    let (before, after) = (place(), place());
    written(&before.log, 2);
    let heads = heads(&before.log);
    let begin = Entry { what: What::Begin, ..entry("") }.about(&heads[0].log);
    after.log.append(&begin, Sync::Now).unwrap();
    let report = verify(&after.log.read().unwrap(), &[said_by(&heads[1])]);
    assert_eq!(report, Report { lines: 1, earlier: 1, ..Report::default() });
}

/// One thing that somebody with the rights of the owner does to the file.
#[derive(Debug, Clone)]
enum Tampering {
    Flip(prop::sample::Index, u8),
    Drop(prop::sample::Index),
    Twice(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Forge(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 0..8u8).prop_map(|(at, bit)| Tampering::Flip(at, bit)),
        index().prop_map(Tampering::Drop),
        index().prop_map(Tampering::Twice),
        (index(), index()).prop_map(|(a, b)| Tampering::Swap(a, b)),
        index().prop_map(Tampering::Forge),
        index().prop_map(Tampering::Cut),
    ]
}

fn tampered(whole: &[u8], how: &Tampering) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = whole.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = lines.len();
    match how {
        Tampering::Flip(at, bit) => {
            let mut bytes = whole.to_vec();
            bytes[at.index(whole.len())] ^= 1 << bit;
            return bytes;
        }
        Tampering::Cut(at) => return whole[..at.index(whole.len())].to_vec(),
        Tampering::Drop(at) => drop(lines.remove(at.index(count))),
        Tampering::Twice(at) => lines.insert(at.index(count), lines[at.index(count)].clone()),
        Tampering::Swap(a, b) => lines.swap(a.index(count), b.index(count)),
        Tampering::Forge(at) => {
            let at = at.index(count);
            let real = Line::open(lines[at].trim_ascii_end()).unwrap();
            lines[at] = Line::seal(&entry("forged"), real.line, Some(&real.before), 0).0;
        }
    }
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever is done to it, with pushes that come after or without, is found; what is not touched is not blamed.
    #[test]
    fn no_tampering_passes(how in tampering(), after in 0..3usize) {
        let place = place();
        written(&place.log, 6);
        let heads = heads(&place.log);
        let whole = place.log.read().unwrap();
        let touched = tampered(&whole, &how);
        std::fs::write(place.log.path(), &touched).unwrap();
        written(&place.log, after);
        let report = verify(&place.log.read().unwrap(), &[said_by(&heads[5])]);
        // A line feed that is lost from the end is put back.
        let same = touched == whole || [&touched[..], b"\n"].concat() == whole;
        prop_assert_eq!(report.problems.is_empty(), same, "{:?}", report);
    }
}
