//! A power cut right after a push has returned: the image of a mounted file system is copied as it lies on the disk at
//! that moment, and the copy is mounted afresh.

use crate::support::{World, amount, command, missing_peer, run, until};
use std::path::Path;

/// How many deployments are cut off every day; `CAIRN_CUTS` sets another number.
const CUTS: usize = 6;

/// A file system of a test's own, gone when it ends.
pub struct Disk<'a> {
    world: &'a World,
    folder: &'static str,
}

impl<'a> Disk<'a> {
    /// Mounts an image; `None` where that is not possible here.
    fn mount(world: &'a World, image: &str, folder: &'static str) -> Option<Self> {
        Self::mounted(world, folder, &["-o", "loop", world.path(image).to_str()?])
    }

    /// Mounts one that holds so many MiB and lies in memory; `None` where that is not possible here.
    pub fn in_memory(world: &'a World, mebibytes: u32, folder: &'static str) -> Option<Self> {
        Self::mounted(world, folder, &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "none"])
    }

    fn mounted(world: &'a World, folder: &'static str, words: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(world.path(folder)).unwrap();
        let mounted = run(command("mount", &world.path("home")).args(words).arg(world.path(folder)));
        (mounted.code == 0).then_some(Self { world, folder })
    }

    /// Fills it, but for so many KiB.
    pub fn fill(&self, but_for: u64) {
        use std::io::Write;
        let path = self.world.path(self.folder).join("full");
        let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full.saturating_sub(but_for << 10)).unwrap();
    }

    /// Takes away what fills it.
    pub fn make_room(&self) {
        std::fs::remove_file(self.world.path(self.folder).join("full")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let unmounted = || run(command("umount", &self.world.path("home")).arg(self.world.path(self.folder))).code == 0;
        if std::thread::panicking() {
            unmounted();
        } else {
            // A worker that still goes on keeps it busy; mounted twice, an image is written by two.
            until("the disk is unmounted", unmounted);
        }
    }
}

fn new_image(world: &World, name: &str) -> bool {
    let file = std::fs::File::create(world.path(name)).unwrap();
    file.set_len(256 << 20).unwrap();
    let mkfs = Path::new("/sbin/mkfs.ext4");
    mkfs.exists() && run(command(mkfs, &world.path("home")).arg("-q").arg(world.path(name))).code == 0
}

/// Copies an image as it lies at one moment. The kernel writes its journal when it likes, also while we copy; but when the
/// copy is still equal at the end, it is what lay there between the last byte copied and the first one compared.
fn copy_of_one_moment(world: &World, image: &str, copy: &str) {
    let [image, copy] = [image, copy].map(|name| world.path(name));
    until("the image stands still while it is copied", || {
        run(command("cp", &world.path("home")).arg("--sparse=always").args([&image, &copy])).ok();
        run(command("cmp", &world.path("home")).arg("--silent").args([&image, &copy])).code == 0
    });
}

#[test]
fn what_was_deployed_survives_a_power_cut_and_stock_git_loses_it() {
    let world = World::new();
    let disk = new_image(&world, "image").then(|| Disk::mount(&world, "image", "disk")).flatten();
    let Some(mut disk) = disk else { return missing_peer("a power cut", "root, mkfs.ext4 and loop devices") };
    world.bare("disk/site.git", &[]);
    world.bare("disk/plain.git", &[]);
    world.git(".", &["clone", "--quiet", "disk/site.git", "dev"]).ok();
    world.git("dev", &["remote", "add", "plain", world.path("disk/plain.git").to_str().unwrap()]).ok();
    world.git("disk/site.git", &["config", "cairn.reserve", "1MiB"]).ok();
    world.cairn("disk/site.git", &["setup"]).ok();
    let (mut lost_by_git, cuts) = (0, amount("CAIRN_CUTS", CUTS));
    for n in 1..=cuts {
        // Every second push waits for its backup, which must then be there; the others leave it to its own time.
        let waits = n % 2 == 0;
        world.git("disk/site.git", &["config", "cairn.hookBudget", if waits { "60s" } else { "0s" }]).ok();
        world.commit("dev", "page", &n.to_string());
        // The commit arrives by a push that deploys nothing, and is deployed without bringing anything.
        world.git("dev", &["push", "--quiet", "origin", "HEAD:main"]).ok();
        let said = world.git("dev", &["push", "--quiet", "origin", "HEAD:live"]).ok().stderr;
        assert!(!waits || said.contains("holds it"), "{said}");
        // The control comes last, or our own sync would save it too.
        world.git("dev", &["push", "--quiet", "plain", &format!("HEAD:refs/heads/b{n}")]).ok();
        // A worker that goes on stands still meanwhile, or there would be no moment to copy.
        let signal = |what: &str| {
            let site = world.path("disk/site.git");
            run(command("pkill", &world.path("home")).args([what, "-f"]).arg(format!("git-dir[ =]{}", site.display())))
        };
        signal("-STOP");
        // Another name each time: where a mount namespace of some other test still holds the one before, its loop device would
        // be mounted again, and show what was on the disk then.
        let cut = format!("cut-{n}");
        copy_of_one_moment(&world, "image", &cut);
        signal("-CONT");

        drop(disk);
        let after = Disk::mount(&world, &cut, "disk").expect("the copy can be mounted");
        let head = world.tip("dev", "HEAD");
        let tags = world.git("disk/site.git", &["tag", "--list"]).ok().stdout;
        assert!(tags.lines().any(|tag| tag == format!("live_{n}")), "cut {n}: {tags}\n{said}");
        assert_eq!(world.tip("disk/site.git", &format!("live_{n}^{{commit}}")), head);
        assert_eq!(world.tip("disk/site.git", "live"), head);
        world.git("disk/site.git", &["fsck", "--full", "--no-dangling"]).ok();
        if waits {
            is_backed_up(&world, n);
        }
        world.cairn("disk/site.git", &["worker", "--once"]).ok();
        is_backed_up(&world, n);
        let plain = world.git("disk/plain.git", &["cat-file", "-e", &format!("b{n}^{{commit}}")]);
        lost_by_git += usize::from(plain.code != 0);
        drop(after);
        std::fs::remove_file(world.path(&cut)).unwrap();
        disk = Disk::mount(&world, "image", "disk").expect("the image can be mounted again");
    }
    drop(disk);
    println!("{cuts} cuts: nothing of ours lost, {lost_by_git} pushes lost by stock git");
    assert!(lost_by_git > 0, "the rig cuts nothing off: stock git kept all {cuts} pushes");
}

/// The backup of the deployment is there, whole like all before it, and restores.
fn is_backed_up(world: &World, n: usize) {
    let listed = world.cairn("disk/site.git", &["backup", "list", "live", "--json"]).ok().json();
    let tags: Vec<_> = listed["backups"].as_array().unwrap().iter().map(|backup| backup["tag"].clone()).collect();
    assert!(tags.contains(&format!("live_{n}").into()), "{tags:?}");
    world.cairn("disk/site.git", &["backup", "verify", "--all"]).ok();
    let tag = format!("live_{n}");
    world.cairn("disk/site.git", &["restore", &tag, "--to", world.path("back").to_str().unwrap()]).ok();
    assert_eq!(world.tip("back", "HEAD"), world.tip("dev", "HEAD"));
    std::fs::remove_dir_all(world.path("back")).unwrap();
}
