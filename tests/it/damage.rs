//! Whatever happens to a file of the store is found and named, and nothing wrong is ever restored from it.

use crate::support::{GIT_CAIRN, Ran, Random, World, amount, command, host, read, run};
use std::path::{Path, PathBuf};

/// A store with several backups of one chain, copied afresh for every damage.
struct Store {
    world: World,
    /// The backups, oldest first, each with the state it is of.
    points: Vec<(String, String)>,
}

/// The files of a store in groups: damage must hit each kind as often, however many there are of it.
const KINDS: [&str; 8] =
    ["manifest.json", "refs", "SHA256SUMS", "tombstones/", ".bundle", ".idx", ".proof.json", "site.json"];

impl Store {
    fn new() -> Self {
        let world = host();
        let trial = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
        let mut points = Vec::new();
        for n in 0..3 {
            world.commit("dev", &format!("file{n}"), &format!("content {n}\n").repeat(20 * (n + 1)));
            world.git("dev", &["push", "--quiet", "origin", "main", &format!("main:refs/heads/at{n}")]).ok();
            world.git("site.git", &["tag", "-a", "-m", "a tag", &format!("t{n}"), "main"]).ok();
            world.git("site.git", &["symbolic-ref", "refs/heads/alias", &format!("refs/heads/at{n}")]).ok();
            let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
            points.push((id, world.exact("site.git")));
        }
        world.cairn("site.git", &["backup", "delete", &trial, "--reason", "a trial"]).ok();
        Self { world, points }
    }

    /// Puts a whole copy of the store where damage is done.
    fn reset(&self) -> PathBuf {
        let copy = self.world.path("copy");
        if copy.exists() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        copy_folder(&self.world.path("site.cairn"), &copy);
        copy.join("site")
    }

    fn cairn(&self, words: &[&str]) -> Ran {
        let mut command = command(GIT_CAIRN, &self.world.path("home"));
        run(command.current_dir(self.world.path(".")).args(words).args(["--store", "copy"]))
    }

    /// Restores a point: either nothing comes of it, or exactly what was there.
    #[track_caller]
    fn restores(&self, (id, before): &(String, String)) -> bool {
        let ran = self.cairn(&["restore", id, "--to", "back.git", "--bare"]);
        let back = self.world.path("back.git");
        if ran.code != 0 {
            assert_eq!(ran.code, 12, "{ran:?}");
            assert!(!back.exists(), "a failed restore leaves {}", back.display());
            return false;
        }
        assert_eq!(self.world.exact("back.git"), *before);
        std::fs::remove_dir_all(back).unwrap();
        true
    }

    /// Tells whether restoring a backup reads the file.
    fn needs(&self, id: &str, file: &str) -> bool {
        let manifest = read(&self.world.path(&format!("site.cairn/site/backups/{id}/manifest.json")));
        let own = [format!("backups/{id}/manifest.json"), format!("backups/{id}/refs")];
        own.iter().any(|one| one == file)
            || file.ends_with(".bundle") && String::from_utf8(manifest).unwrap().contains(&format!("\"{file}\""))
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// Lists the files that belong to backups, relative to the site's folder.
fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            found.extend(files(&path, &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Does one damage to a file, and returns what was done and to which files.
fn damage(site: &Path, file: &str, others: &[String], random: &mut Random) -> (String, Vec<String>) {
    let path = site.join(file);
    let mut bytes = read(&path);
    let at = random.below(bytes.len());
    let one = vec![file.to_owned()];
    let (what, hit) = match random.below(5) {
        0 => {
            bytes[at] ^= 1 << random.below(8);
            (format!("a bit flipped at {at}"), one)
        }
        1 => {
            bytes.truncate(at);
            (format!("cut at {at}"), one)
        }
        2 => {
            bytes.extend((0..=at % 40).map(|n| b"\n\0}x"[n % 4]));
            ("something appended".into(), one)
        }
        3 => {
            std::fs::remove_file(&path).unwrap();
            return ("deleted".into(), one);
        }
        _ => {
            let different: Vec<_> = others.iter().filter(|other| read(&site.join(other)) != bytes).collect();
            match different.as_slice() {
                [] => bytes.reverse(),
                different => {
                    let other = (*random.pick(different)).clone();
                    std::fs::copy(site.join(&other), &path).unwrap();
                    std::fs::write(site.join(&other), &bytes).unwrap();
                    return (format!("swapped with {other}"), vec![file.to_owned(), other]);
                }
            }
            ("turned round".into(), one)
        }
    };
    std::fs::write(path, bytes).unwrap();
    (what, hit)
}

fn every_damage_is_found(seed: u64, kinds: &[&str]) {
    let store = Store::new();
    let mut random = Random::new(seed);
    for case in 0..amount("CAIRN_DAMAGES", 75) {
        let site = store.reset();
        let kind = kinds[case % kinds.len()];
        let same_kind: Vec<_> = files(&site, "").into_iter().filter(|file| file.contains(kind)).collect();
        let file = random.pick(&same_kind).clone();
        let (what, hit) = damage(&site, &file, &same_kind, &mut random);
        let context = format!("case {case}: {file} {what}");

        // The one store file that no backup needs, and that the next one writes anew.
        let unneeded = kind == "site.json" && what == "deleted";
        let verified = store.cairn(&["backup", "verify", "--all"]);
        assert_eq!(verified.code, if unneeded { 0 } else { 12 }, "{context}\n{verified:?}");
        for file in hit.iter().filter(|_| !unneeded) {
            let said = format!("{}{}", verified.stdout, verified.stderr);
            // Without its tombstone a removed backup is one whose manifest is missing.
            let id = file.strip_prefix("tombstones/").and_then(|name| name.strip_suffix(".json"));
            let named =
                id.filter(|_| what == "deleted").map_or(file.clone(), |id| format!("backups/{id}/manifest.json"));
            assert!(said.contains(&named), "{context}: {named} is not named in\n{said}");
        }
        let (broken, whole): (Vec<_>, Vec<_>) =
            store.points.iter().partition(|(id, _)| hit.iter().any(|file| store.needs(id, file)));
        if !broken.is_empty() {
            assert!(!store.restores(random.pick::<&_>(&broken)), "{context}");
        }
        if !whole.is_empty() {
            assert!(store.restores(random.pick::<&_>(&whole)), "{context}: an untouched backup does not restore");
        }
    }
}

#[test]
fn every_damage_to_what_describes_a_backup_is_found_and_none_restored() {
    every_damage_is_found(4, &KINDS[..4]);
}

#[test]
fn every_damage_to_what_holds_objects_is_found_and_none_restored() {
    every_damage_is_found(5, &KINDS[4..]);
}

#[test]
fn git_itself_passes_a_flipped_pack_that_verify_finds() {
    let store = Store::new();
    let site = store.reset();
    let bundles: Vec<_> = files(&site, "").into_iter().filter(|file| file.ends_with(".bundle")).collect();
    let path = site.join(&bundles[0]);
    let mut bytes = read(&path);
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // Why we do not rely on it.
    store.world.git("site.git", &["bundle", "verify", path.to_str().unwrap()]).ok();
    let verified = store.cairn(&["backup", "verify", "--all", "--json"]).exits(12).json();
    let checked = verified["checked"].as_array().unwrap();
    let bad: Vec<_> = checked.iter().filter(|one| one["ok"] == false && one["file"] == bundles[0].as_str()).collect();
    assert!(!bad.is_empty() && bad.iter().all(|one| one["problem"].is_string() && one["element"] == "code"));
    assert!(checked.iter().any(|one| one["ok"] == true && one["problem"].is_null()));
}

#[test]
fn a_whole_store_is_called_whole() {
    let store = Store::new();
    store.reset();
    assert!(store.cairn(&["backup", "verify", "--all"]).ok().stdout.contains("whole"));
    for point in &store.points {
        assert!(store.restores(point));
    }
}

#[test]
fn a_host_backs_up_again_after_its_newest_segment_was_damaged() {
    let store = Store::new();
    let world = &store.world;
    let show = world.cairn("site.git", &["backup", "show", "dev", "--json"]).ok().json();
    let segments = show["backup"]["segments"].as_array().unwrap();
    let file = world.path("site.cairn/site").join(segments.last().unwrap()["file"].as_str().unwrap());
    std::fs::write(&file, b"cut").unwrap();
    let id = world.cairn("site.git", &["backup", "create"]).ok().out().to_owned();
    world.cairn("site.git", &["backup", "verify", &id]).ok();
    world.cairn("site.git", &["backup", "verify", "--all"]).exits(12);
    world.cairn(".", &["restore", &id, "--store", "site.cairn", "--to", "back.git", "--bare"]).ok();
    assert_eq!(world.exact("back.git"), world.exact("site.git"));
}

/// Seals a changed manifest as we would, so that only what it says decides.
fn reseal(path: &Path, from: &str, to: &str) {
    let text = String::from_utf8(read(path)).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} stands in the manifest");
    let value: serde_json::Value = serde_json::from_str(&changed).unwrap();
    let digest = value["digest"].as_str().unwrap();
    let unsealed = changed.replacen(digest, &"0".repeat(64), 1);
    let sealed = cairn::store::sha256(unsealed.as_bytes());
    std::fs::write(path, changed.replacen(digest, &sealed, 1)).unwrap();
}

#[test]
fn a_manifest_of_a_later_format_is_named_and_hides_no_other_backup() {
    let store = Store::new();
    let site = store.reset();
    let (newest, older) = (&store.points[2].0, &store.points[1].0);
    reseal(&site.join(format!("backups/{newest}/manifest.json")), "\"format\": 1", "\"format\": 3");
    let list = store.cairn(&["backup", "list", "--json"]).ok().says("later git-cairn").says(newest);
    let ids: Vec<_> = list.json()["backups"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert!(ids.contains(&older.as_str().into()) && !ids.contains(&newest.as_str().into()), "{ids:?}");
    store.cairn(&["restore", newest, "--to", "back.git", "--bare"]).exits(1).says("install a newer git-cairn");
    store.cairn(&["backup", "show", newest]).exits(1).says("later git-cairn");
    assert!(store.restores(&store.points[1]));
}

#[test]
fn a_manifest_that_promises_what_no_segment_holds_restores_nothing() {
    let store = Store::new();
    let site = store.reset();
    let (id, _) = &store.points[2];
    let folder = site.join(format!("backups/{id}"));
    let refs = String::from_utf8(read(&folder.join("refs"))).unwrap();
    let tip = store.world.tip("site.git", "main");
    let lying = refs.replacen(&tip, &"1".repeat(40), 1);
    assert_ne!(lying, refs);
    std::fs::write(folder.join("refs"), &lying).unwrap();
    let sum = |text: &str| cairn::store::sha256(text.as_bytes());
    reseal(&folder.join("manifest.json"), &sum(&refs), &sum(&lying));
    assert!(!store.restores(&store.points[2]));
    store.cairn(&["backup", "verify", id]).exits(12);
}

#[test]
fn a_hint_of_where_backups_are_names_the_store_that_was_named() {
    let store = Store::new();
    store.reset();
    let list =
        format!("hint: see those there are: git cairn backup list --store {}", store.world.path("copy").display());
    for words in
        [&["restore", "nothing", "--to", "back"][..], &["backup", "show", "2019"], &["backup", "verify", "live"]]
    {
        store.cairn(words).exits(10).says(&list);
    }
    store.cairn(&["backup", "show", "nothing", "--site", "site"]).exits(10).says(" --site site");
    // In the repository there is no need to.
    let said = store.world.cairn("site.git", &["backup", "show", "nothing"]).exits(10);
    assert!(said.stderr.ends_with("git cairn backup list\n"), "{}", said.stderr);
}

#[test]
fn a_restore_that_fails_names_the_newest_backup_before_it_that_is_not_known_to_be_damaged() {
    let store = Store::new();
    let world = &store.world;
    let site = store.reset();
    let ids: Vec<_> = world.backups("site.git").iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let newest = ids.iter().position(|id| *id == store.points[2].0).unwrap();
    // The backup before needs the same segment, which is damaged, and only the restore finds that.
    let last_segment = |id: &str| {
        let show = world.cairn(".", &["backup", "show", id, "--store", "copy", "--json"]).ok().json();
        show["backup"]["segments"].as_array().unwrap().last().unwrap()["file"].as_str().unwrap().to_owned()
    };
    let path = site.join(last_segment(&ids[newest + 1]));
    let mut bytes = read(&path);
    let last = bytes.len() - 30;
    bytes[last] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let said = store.cairn(&["restore", &ids[newest], "--to", "back.git", "--bare"]).exits(12);
    assert!(!said.stderr.contains(&format!("restore {} ", ids[newest + 1])), "{}", said.stderr);
    let (_, typed) = said.stderr.trim_end().rsplit_once("before it: ").unwrap();
    let mut shell = command("sh", &world.path("home"));
    run(shell.current_dir(world.path(".")).args(["-c", typed])).ok();
}
