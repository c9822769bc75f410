//! The main job from end to end: set up, push, deploy, break, roll back, lose the repository, get it back.

use crate::support::host;

#[test]
fn a_lost_repository_comes_back_from_its_store_alone() {
    let world = host();
    let good = world.tip("dev", "main");
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("live_1");
    world.commit("dev", "page", "broken");
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("hint: to go back: git cairn rollback live");
    world.cairn("dev", &["rollback", "live", "--yes"]).ok();
    assert_eq!(world.tip("site.git", "live"), good);
    assert_eq!(world.tip("site.git", "live_3^{commit}"), good);

    let before = world.identity("site.git");
    world.remove("site.git");
    let restored = world.cairn(".", &["restore", "live", "--store", "site.cairn", "--to", "site.git", "--bare"]).ok();
    assert_eq!(world.identity("site.git"), before);

    let next = restored.stdout.lines().last().unwrap();
    assert!(next.starts_with("git -C ") && next.contains(" cairn setup --store "), "{next}");
    let words: Vec<&str> = next.split(' ').skip(1).collect();
    world.git(".", &words).ok();
    world.cairn("dev", &["deploy", "live", "--yes"]).ok().says("live_4");
}
