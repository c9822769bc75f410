//! One suite for every kind of store.

use super::*;
use crate::durable::Modes;
use crate::error::Kind;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[test]
fn keys_cannot_leave_the_store() {
    for good in ["a", "a/b.bundle", "20261123-075112-7c3e/manifest.json"] {
        assert!(Key::new(good).is_ok(), "{good}");
    }
    for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.x", "a b", "a\\b", "a\nb", "ü", "%2e"] {
        assert!(Key::new(bad).is_err(), "{bad}");
    }
}

fn keeps_what_it_is_given(store: &dyn Store) {
    create_whole(store, &key("x/one"), b"1").unwrap();
    create_whole(store, &key("x/two"), b"22").unwrap();
    create_whole(store, &key("y"), b"").unwrap();
    assert_eq!(read_whole(store, &key("x/two")).unwrap(), b"22");
    assert_eq!(store.size(&key("x/two")).unwrap(), Some(2));
    assert_eq!(store.size(&key("x")).unwrap(), None);
    assert_eq!(store.list("x").unwrap(), [key("x/one"), key("x/two")]);
    assert_eq!(store.list("").unwrap().len(), 3);
    assert_eq!(store.list("nothing").unwrap(), []);
    assert_eq!(store.names("").unwrap(), ["x", "y"]);
    assert_eq!(store.names("x").unwrap(), ["one", "two"]);
    assert!(store.names("nothing").unwrap().is_empty());
    assert_eq!(read_whole(store, &key("none")).unwrap_err().kind(), Kind::NotFound);
}

fn replaces_nothing_by_creating(store: &dyn Store) {
    create_whole(store, &key("once"), b"first").unwrap();
    assert!(create_whole(store, &key("once"), b"second").is_err());
    assert_eq!(read_whole(store, &key("once")).unwrap(), b"first");
    store.replace(&key("once"), b"third").unwrap();
    assert_eq!(read_whole(store, &key("once")).unwrap(), b"third");
    store.remove(&key("once")).unwrap();
    store.remove(&key("once")).unwrap();
    store.create_last(&key("last"), b"1").unwrap();
    assert!(store.create_last(&key("last"), b"2").is_err());
    assert_eq!(read_whole(store, &key("last")).unwrap(), b"1");
    assert_eq!(store.size(&key("once")).unwrap(), None);
}

fn shows_nothing_before_it_is_published(store: &dyn Store) {
    let mut publication = store.create(&key("late")).unwrap();
    publication.write_all(b"half").unwrap();
    assert_eq!(store.list("").unwrap(), []);
    drop(publication);
    assert_eq!(store.list("").unwrap(), []);
}

#[test]
fn a_local_store_is_a_store() {
    for suite in [keeps_what_it_is_given, replaces_nothing_by_creating, shows_nothing_before_it_is_published] {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::new(dir.path().join("deep/store"), Modes::OWNER);
        suite(&store);
        std::fs::remove_dir_all(store.root()).unwrap();
        suite(&store.gathering());
    }
}

#[test]
fn a_tally_is_what_sha256sum_says() {
    let mut tally = Tally::new(Vec::new());
    tally.write_all(b"abc").unwrap();
    let (bytes, count, digest) = tally.finish();
    assert_eq!((bytes.as_slice(), count), (&b"abc"[..], 3));
    assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(digest, sha256(b"abc"));
}
