//! `git cairn hooks`: what was there before runs as before, and is there again afterwards, to the byte.

use crate::support::{GIT_CAIRN, Random, World, amount, bare_host, copy_program, host, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Every byte, mode and link of what may hold hooks, and of what git knows of them.
fn found(world: &World) -> Vec<String> {
    let mut lines = vec![world.git("site.git", &["config", "--local", "--get-all", "core.hooksPath"]).stdout];
    let mut waiting: Vec<_> = ["site.git/hooks", "site.git/cairn-hooks", "site.git/custom_hooks", "shared"]
        .iter()
        .map(|name| world.path(name))
        .collect();
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let content = match std::fs::read_link(&path) {
            Ok(to) => format!("-> {}", to.display()),
            Err(_) if metadata.is_dir() => String::new(),
            Err(_) => std::fs::read(&path).unwrap().escape_ascii().to_string(),
        };
        lines.push(format!("{} {:o} {content:.400}", path.display(), metadata.permissions().mode()));
        if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    lines.sort();
    lines
}

fn taken_away_it_is_as_found(world: &World) {
    world.cairn("site.git", &["setup"]).ok();
    world.cairn("site.git", &["hooks", "uninstall"]).ok();
    let before = found(world);
    world.cairn("site.git", &["hooks", "install"]).ok();
    assert_ne!(found(world), before);
    world.cairn("site.git", &["hooks", "status"]).ok();
    world.git("dev", &["push", "--quiet", "origin", "HEAD:refs/tags/live_7"]).exits(1);
    world.cairn("site.git", &["hooks", "uninstall"]).ok();
    assert_eq!(found(world), before);
}

#[test]
fn installed_twice_nothing_changes_and_uninstalled_twice_neither() {
    let world = host();
    let said = world.cairn("site.git", &["hooks", "install"]).ok();
    assert_eq!(said.stdout, "nothing to change\n");
    world.cairn("site.git", &["hooks", "uninstall", "--dry-run"]).ok();
    world.cairn("site.git", &["hooks", "status"]).ok();
    world.cairn("site.git", &["hooks", "uninstall"]).ok().says("no longer judged");
    let said = world.cairn("site.git", &["hooks", "uninstall"]).ok();
    assert_eq!(said.stdout, "nothing to change\n");
    world.cairn("site.git", &["hooks", "status"]).exits(1).says("git cairn hooks install");
    world.git("dev", &["push", "--quiet", "origin", "main:refs/tags/live_7"]).ok();
    world.cairn("dev", &["hooks", "install"]).exits(10).says("site.git cairn hooks install");
}

/// A script that looks for its parts where it stands, and a folder that it runs, as many hand-written dispatchers do.
#[test]
fn a_found_dispatcher_still_runs_its_own_folder() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("site.git/hooks/post-receive.d")).unwrap();
    world.script("site.git/hooks/post-receive.d/10-mail", "cat >mailed");
    std::fs::write(world.path("site.git/hooks/lib.sh"), "greeting=hello\n").unwrap();
    let body = ". \"$(dirname \"$0\")/lib.sh\"\nin=$(cat)\nfor part in \"$0\".d/*; do echo \"$in\" | \"$part\"; done\necho $greeting >greeted";
    world.script("site.git/hooks/post-receive", body);
    // One whose folder nothing has ever run.
    std::fs::create_dir(world.path("site.git/hooks/pre-receive.d")).unwrap();
    world.script("site.git/hooks/pre-receive.d/10-no", "exit 1");
    taken_away_it_is_as_found(&world);
    world.cairn("site.git", &["hooks", "install"]).ok();
    let tip = world.deployed("live", "2");
    assert!(std::fs::read_to_string(world.path("site.git/mailed")).unwrap().contains(&tip));
    assert_eq!(std::fs::read_to_string(world.path("site.git/greeted")).unwrap(), "hello\n");
}

#[test]
fn a_found_binary_that_reads_its_input_gets_it() {
    let world = bare_host(&[]);
    copy_program("/bin/cat", world.path("site.git/hooks/post-receive"));
    taken_away_it_is_as_found(&world);
    world.cairn("site.git", &["hooks", "install"]).ok();
    let tip = world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main:live"]).ok().says(&format!("remote: {} {tip}", "0".repeat(40)));
}

#[test]
fn a_folder_that_other_repositories_share_is_never_written_to() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("shared")).unwrap();
    world.script("shared/update", "echo \"$(dirname \"$0\") $1\" >>updated");
    world.script("shared/pre-receive", "cat >judged; test ! -e closed || { echo closed >&2; exit 3; }");
    let shared = world.path("shared").display().to_string();
    world.git("site.git", &["config", "core.hooksPath", &shared]).ok();
    let before = world.listing("shared");
    world.cairn("site.git", &["setup"]).ok().says("after moving it");
    assert_eq!(world.listing("shared"), before);
    let own = world.git("site.git", &["config", "core.hooksPath"]).ok();
    assert_eq!(Path::new(own.out()), world.path("site.git/cairn-hooks"));
    let tip = world.commit("dev", "page", "2");
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
    assert!(std::fs::read_to_string(world.path("site.git/judged")).unwrap().contains(&tip));
    let updated = std::fs::read_to_string(world.path("site.git/updated")).unwrap();
    assert_eq!(updated, format!("{shared} refs/heads/live\n"), "its own folder is what it was");
    std::fs::write(world.path("site.git/closed"), "").unwrap();
    world.git("dev", &["push", "origin", "main:test"]).exits(1).says("closed");
    std::fs::remove_file(world.path("site.git/closed")).unwrap();

    // One that comes later runs as well, and one that goes is missed by nobody.
    world.script("shared/post-update", "echo \"$@\" >after");
    std::fs::remove_file(world.path("shared/update")).unwrap();
    world.git("dev", &["push", "origin", "main:test"]).ok().says("test_1");
    assert_eq!(std::fs::read_to_string(world.path("site.git/after")).unwrap(), "refs/heads/test\n");

    world.cairn("site.git", &["hooks", "uninstall"]).ok();
    assert_eq!(world.git("site.git", &["config", "core.hooksPath"]).ok().out(), shared);
    assert!(!world.path("site.git/cairn-hooks").exists());
    taken_away_it_is_as_found(&world);
}

#[test]
fn a_shared_folder_of_the_person_or_behind_a_link_is_never_written_to() {
    for way in ["config", "link"] {
        let world = bare_host(&[]);
        std::fs::create_dir(world.path("shared")).unwrap();
        world.script("shared/post-receive", "cat >seen");
        if way == "config" {
            let shared = world.path("shared").display().to_string();
            world.git(".", &["config", "--global", "core.hooksPath", &shared]).ok();
        } else {
            std::fs::remove_dir_all(world.path("site.git/hooks")).unwrap();
            symlink(world.path("shared"), world.path("site.git/hooks")).unwrap();
        }
        let before = world.listing("shared");
        taken_away_it_is_as_found(&world);
        world.cairn("site.git", &["hooks", "install"]).ok();
        world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
        assert!(world.path("site.git/seen").is_file(), "{way}");
        assert_eq!(world.listing("shared"), before);
    }
}

#[test]
fn a_host_that_was_moved_is_mended_where_its_hooks_stand_beside_others() {
    let world = bare_host(&[]);
    std::fs::create_dir(world.path("shared")).unwrap();
    let shared = world.path("shared").display().to_string();
    world.git("site.git", &["config", "core.hooksPath", &shared]).ok();
    world.cairn("site.git", &["setup"]).ok();
    std::fs::rename(world.path("site.git"), world.path("moved.git")).unwrap();
    world.cairn("moved.git", &["hooks", "status"]).exits(1).says("git cairn hooks install");
    world.cairn("moved.git", &["hooks", "install"]).ok();
    world.cairn("moved.git", &["hooks", "status"]).ok();
    world.git("dev", &["push", "../moved.git", "main:live"]).ok().says("live_1");
    world.cairn("moved.git", &["hooks", "uninstall"]).ok();
    assert_eq!(world.git("moved.git", &["config", "core.hooksPath"]).ok().out(), shared);
}

/// Gitea's own hook, as it writes it into every repository.
const GITEA: &str = "data=$(cat)\nexitcodes=\"\"\nhookname=$(basename $0)\nGIT_DIR=${GIT_DIR:-$(dirname $0)/..}\n\
    for hook in ${GIT_DIR}/hooks/${hookname}.d/*; do\ntest -x \"${hook}\" && test -f \"${hook}\" || continue\n\
    echo \"${data}\" | \"${hook}\"\nexitcodes=\"${exitcodes} $?\"\ndone\nfor i in ${exitcodes}; do\n[ ${i} -eq 0 ] || exit ${i}\ndone";

#[test]
fn gitea_runs_ours_from_its_own_folder() {
    let world = bare_host(&[]);
    for event in ["pre-receive", "post-receive"] {
        std::fs::create_dir(world.path(&format!("site.git/hooks/{event}.d"))).unwrap();
        world.script(&format!("site.git/hooks/{event}.d/gitea"), "cat >>seen");
        world.script(&format!("site.git/hooks/{event}"), GITEA);
    }
    taken_away_it_is_as_found(&world);
    let theirs = std::fs::read(world.path("site.git/hooks/pre-receive")).unwrap();
    world.cairn("site.git", &["hooks", "install"]).ok();
    let said = world.cairn("site.git", &["hooks", "status"]).ok();
    assert!(said.stdout.contains("Gitea or Forgejo"), "{}", said.stdout);
    assert_eq!(std::fs::read(world.path("site.git/hooks/pre-receive")).unwrap(), theirs);
    std::fs::remove_file(world.path("site.git/seen")).unwrap();
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
    assert_eq!(std::fs::read_to_string(world.path("site.git/seen")).unwrap().lines().count(), 2);
    world.git("dev", &["push", "origin", "main:refs/tags/live_9"]).exits(1);
}

/// GitLab runs `custom_hooks/<hook>.d` by its own program; a hook that does the same stands for it here.
#[test]
fn gitlab_runs_ours_from_its_own_folder() {
    let world = bare_host(&[]);
    world.git("site.git", &["config", "gitlab.fullpath", "group/site"]).ok();
    std::fs::create_dir(world.path("gitaly")).unwrap();
    for event in ["pre-receive", "post-receive"] {
        let body = "in=$(cat)\nfor hook in custom_hooks/$(basename \"$0\").d/*; do [ ! -x \"$hook\" ] || echo \"$in\" | \"$hook\" || exit 1; done";
        world.script(&format!("gitaly/{event}"), body);
    }
    world.git(".", &["config", "--global", "core.hooksPath", &world.path("gitaly").display().to_string()]).ok();
    taken_away_it_is_as_found(&world);
    world.cairn("site.git", &["hooks", "install"]).ok();
    assert!(world.path("site.git/custom_hooks/pre-receive.d/cairn").is_file());
    world.git("dev", &["push", "origin", "main:live"]).ok().says("live_1");
    world.git("dev", &["push", "origin", "main:refs/tags/live_9"]).exits(1);
    world.cairn("site.git", &["hooks", "uninstall"]).ok();
    assert!(!world.path("site.git/custom_hooks").exists());
}

#[test]
fn a_hook_that_somebody_put_over_ours_stays_when_ours_goes() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/post-receive", "echo first");
    world.cairn("site.git", &["setup"]).ok();
    world.script("site.git/hooks/post-receive", "echo second");
    let said = world.cairn("site.git", &["hooks", "status"]).exits(1);
    assert!(said.stdout.contains("another hook stands there"), "{}", said.stdout);
    world.cairn("site.git", &["hooks", "uninstall"]).ok().says("was put over");
    let text = |name: &str| std::fs::read_to_string(world.path(name)).unwrap();
    assert!(text("site.git/hooks/post-receive").contains("second"));
    assert!(text("site.git/hooks/found-by-cairn/post-receive").contains("first"));
}

#[test]
fn a_trial_reaches_no_found_hook() {
    let world = bare_host(&[]);
    world.script("site.git/hooks/pre-receive", "cat; touch ran");
    world.cairn("site.git", &["setup"]).ok();
    let hook = world.path("site.git/hooks/pre-receive");
    run(world.in_folder("site.git", &hook).env("GIT_DIR", ".").env("CAIRN_TRIAL", "1")).ok().says("success: ");
    assert!(!world.path("site.git/ran").exists());
    // With a push it is none, whatever the environment says.
    let push = ["push", "origin", "main:refs/tags/live_9"];
    run(world.in_folder("dev", "git").env("CAIRN_TRIAL", "1").args(push)).exits(1);
    run(world.in_folder("dev", "git").env("CAIRN_TRIAL", "1").args(["push", "origin", "main:live"]))
        .ok()
        .says("live_1");
    assert!(world.path("site.git/ran").exists());
}

/// Puts something in the place of a hook, or beside it.
fn scatter(world: &World, folder: &str, random: &mut Random) {
    let names = ["pre-receive", "post-receive", "update", "lib.sh", "post-receive.d", "reference-transaction", "a b"];
    for name in names {
        let path = world.path(folder).join(name);
        match random.below(6) {
            0 => {
                world.script(&format!("{folder}/{name}"), "cat >/dev/null");
            }
            1 => {
                world.script(&format!("{folder}/{name}"), "cat >/dev/null");
                let mode = *random.pick(&[0o600, 0o644, 0o700, 0o555, 0o2755]);
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            2 => symlink(*random.pick(&["../description", "/bin/true", "nowhere", "lib.sh"]), &path).unwrap(),
            // One in the place of a reference-transaction hook breaks git itself.
            3 if name != "reference-transaction" => {
                std::fs::create_dir(&path).unwrap();
                world.script(&format!("{folder}/{name}/part"), "exit 0");
            }
            _ => {}
        }
    }
}

/// Whatever stood there: installed and taken away again, every byte, mode and link is as found.
#[test]
fn whatever_was_found_is_there_again() {
    for n in 0..amount("CAIRN_HOOK_TREES", 12) {
        let mut random = Random::one_of(7, n);
        let world = bare_host(&[]);
        let (shared, own) = (world.path("shared").display().to_string(), random.below(4));
        std::fs::create_dir(world.path("shared")).unwrap();
        match own {
            0 => drop(world.git("site.git", &["config", "core.hooksPath", &shared]).ok()),
            1 => {
                std::fs::remove_dir_all(world.path("site.git/hooks")).unwrap();
                symlink(&shared, world.path("site.git/hooks")).unwrap();
            }
            _ if random.below(3) == 0 => std::fs::remove_dir_all(world.path("site.git/hooks")).unwrap(),
            _ => {}
        }
        let folder = if own < 2 { "shared" } else { "site.git/hooks" };
        if world.path(folder).exists() {
            scatter(&world, folder, &mut random);
        }
        let before = found(&world);
        let installed = world.cairn("site.git", &["setup"]);
        // A folder in the place of a hook is nobody's hook, and refused.
        if installed.code == 0 {
            world.cairn("site.git", &["hooks", "install"]).ok();
            world.cairn("site.git", &["hooks", "uninstall"]).ok();
        }
        assert_eq!(found(&world), before, "seed {}: {}", random.seed(), installed.stderr);
    }
}

#[test]
fn a_shell_is_started_for_post_receive_only_where_another_hook_runs_after_it() {
    let world = host();
    let file = world.path("site.git/hooks/post-receive");
    let first_line = || std::fs::read_to_string(&file).unwrap().lines().next().unwrap().to_owned();
    let program = Path::new(GIT_CAIRN).with_file_name("cairn-post-receive");
    assert_eq!(first_line(), format!("#!{}", program.display()));
    let before = std::fs::read(&file).unwrap();
    // Put there by hand it runs at once, and without our program too from the next setup on.
    std::fs::create_dir_all(world.path("site.git/hooks/found-by-cairn")).unwrap();
    world.script("site.git/hooks/found-by-cairn/post-receive", "cat >>seen; exit 3");
    let tip = world.deployed("live", "2");
    assert!(std::fs::read_to_string(world.path("site.git/seen")).unwrap().contains(&tip));
    let status = world.cairn("site.git", &["hooks", "status"]).ok().stdout;
    assert!(status.contains("found-by-cairn/post-receive"), "{status}");
    world.cairn("site.git", &["setup"]).ok();
    assert_eq!(first_line(), "#!/bin/sh");
    world.deployed("live", "3");
    assert_eq!(std::fs::read_to_string(world.path("site.git/seen")).unwrap().lines().count(), 2);
    std::fs::remove_file(world.path("site.git/hooks/found-by-cairn/post-receive")).unwrap();
    world.cairn("site.git", &["setup"]).ok();
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
