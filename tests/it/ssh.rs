//! Pushes as most hosts get them: over ssh, from several unix users, and cut off in the middle.

use crate::sshd::{Sshd, Users, found, is_root, open, own_name, programs};
use crate::support::{World, command, host, missing_peer, run, until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Everything below a folder, and the folder itself.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { paths.extend(everything(&path)) } else { paths.push(path) }
    }
    paths
}

/// Fails the test unless everything below the store and the host's own state has these modes.
#[track_caller]
fn has_modes(world: &World, folders: &[&str], folder_mode: u32, file_mode: u32) {
    let mut seen = 0;
    for path in folders.iter().flat_map(|name| everything(&world.path(name))) {
        let metadata = fs::metadata(&path).unwrap();
        let wanted = if metadata.is_dir() { folder_mode } else { file_mode };
        assert_eq!(metadata.mode() & 0o7777, wanted, "{:o} of {}", metadata.mode() & 0o7777, path.display());
        seen += 1;
    }
    assert!(seen > 10, "only {seen} paths");
}

/// Who pushed a deployment, as its tag says.
#[track_caller]
fn pusher(world: &World, tag: &str) -> String {
    let message = world.git("site.git", &["cat-file", "tag", tag]).ok().stdout;
    let pusher = message.lines().find_map(|line| line.strip_prefix("Cairn-Pusher: "));
    pusher.unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn deploying_and_rolling_back_over_ssh() {
    let world = host();
    let home = world.path("home");
    let Some(sshd) = Sshd::start("a push over ssh", &world, Some(&home)) else { return };
    let user = own_name(&world);
    world.git(".", &["clone", "--quiet", &sshd.url(&world, &user, "site.git"), "far"]).ok();
    let good = world.tip("far", "main");
    world.cairn("far", &["deploy", "test", "--yes"]).ok().says("success: test deployed for the first time: test_1");
    world.cairn("far", &["deploy", "live", "--yes", "--note", "the first"]).ok().says("success: backup ");
    world.commit("far", "page", "2");
    world.git("far", &["push", "--quiet", "origin", "main"]).ok().says("success: backup ");
    world.cairn("far", &["deploy", "test", "--yes"]).ok();
    world.cairn("far", &["deploy", "live", "--yes"]).ok().says("hint: to go back: git cairn rollback live");
    world.cairn("far", &["rollback", "live", "--yes"]).ok().says("success: live rolled back: live_3");
    assert_eq!(world.tip("site.git", "live"), good);
    assert_eq!(pusher(&world, "live_1"), format!("{user} (ssh)"));
    assert_eq!(pusher(&world, "live_3"), format!("{user} (ssh)"));
    let moved = crate::audit::lines(&world).pop().unwrap();
    assert_eq!(
        (&moved["what"], &moved["subject"], &moved["who"]),
        (
            &"deployment".into(),
            &"live_3".into(),
            &serde_json::json!({"name": user, "known_by": "ssh", "transport": "ssh", "address": "127.0.0.1"})
        )
    );

    let seen = world.deployments("far", &["live"]);
    let field = |name: &str| seen.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("number"), [3, 2, 1]);
    assert_eq!(field("rollback"), [true, false, false]);
    assert_eq!(seen[2]["note"], "the first");
}

#[test]
fn cases_61_to_63_over_ssh() {
    let world = host();
    let home = world.path("home");
    let Some(sshd) = Sshd::start("catching up over ssh", &world, Some(&home)) else { return };
    let url = sshd.url(&world, &own_name(&world), "site.git");
    crate::reset_cases::bob_is_stopped_and_catches_up(&world, &url);
}

#[test]
fn in_a_shared_repository_others_queue_and_the_owner_writes_the_store() {
    let test = "a push of another unix user";
    if !is_root() || !found("useradd") {
        return missing_peer(test, "root and useradd");
    }
    let world = World::new();
    let bin = programs(&world);
    let Some(sshd) = Sshd::start(test, &world, None) else { return };
    let users = Users::make(&world);
    let [a, b] = &users.names;
    let on_host = |user: &str, script: &str| {
        let own = format!("PATH={}:$PATH; cd {} && {script}", bin.display(), world.path("srv").display());
        sshd.as_user(&world, user, &own)
    };

    fs::create_dir(world.path("srv")).unwrap();
    let group = format!("{a}:{}", users.group);
    run(command("chown", &world.path("home")).arg(group).arg(world.path("srv"))).ok();
    open(&world, "srv", 0o2770);
    // Whatever the users' umask is, what is shared is what the config says.
    on_host(a, "umask 077 && git init --quiet --bare --shared=group -b main site.git").ok();
    on_host(b, &format!("git config --global --add safe.directory {}", world.path("srv/site.git").display())).ok();
    on_host(a, "git -C site.git config cairn.reserve 1MiB").ok();
    for user in [a, b] {
        let clone = format!("of-{user}");
        world.git(".", &["clone", "--quiet", &sshd.url(&world, user, "srv/site.git"), &clone]).ok();
    }
    let (of_a, of_b) = (&format!("of-{a}"), &format!("of-{b}"));
    world.git(of_a, &["checkout", "--quiet", "-B", "main"]).ok();
    world.commit(of_a, "page", "1");
    world.git(of_a, &["push", "--quiet", "origin", "main"]).ok();
    on_host(a, "umask 077 && git cairn -C site.git setup").ok();
    let backups = || on_host(a, "git cairn -C site.git backup list --json").ok().json()["backups"].clone();
    let count = || backups().as_array().unwrap().len();
    assert_eq!(count(), 1);

    // The other user's push passes and is marked, and leaves the store alone.
    world.git(of_b, &["pull", "--quiet", "origin", "main"]).ok();
    let commit = world.commit(of_b, "page", "2");
    let queued = "hint: the backup is queued for the owner of the repository: git cairn worker --once";
    world.git(of_b, &["push", "--quiet", "origin", "HEAD:main"]).ok().says(queued);
    let deployed = world.cairn(of_b, &["deploy", "test", "--yes"]).ok().says("success: test deployed").says(queued);
    assert!(!deployed.stderr.contains("warning:") && !deployed.stderr.contains("error:"), "{}", deployed.stderr);
    let message = on_host(a, "git -C site.git cat-file tag test_1").ok().stdout;
    assert!(message.contains(&format!("Cairn-Pusher: {b} (ssh)\n")), "{message}");
    assert_eq!(count(), 1);
    on_host(b, "git cairn -C site.git worker --once").exits(5).says("the owner of the repository alone");

    // The owner's worker makes what waits, and both can read it.
    assert_eq!(on_host(a, "git cairn -C site.git worker --once").ok().stdout.lines().count(), 2);
    assert_eq!(backups()[0]["tag"], "test_1");
    assert_eq!(backups()[0]["commit"], commit.as_str());
    assert_eq!(count(), 3);
    on_host(b, "git cairn -C site.git backup list").ok();
    on_host(b, "git cairn -C site.git backup verify test_1").ok();
    has_modes(&world, &["srv/site.cairn", "srv/site.git/cairn"], 0o2770, 0o660);
    for path in everything(&world.path("srv/site.cairn")) {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.gid(), fs::metadata(world.path("srv")).unwrap().gid(), "{}", path.display());
    }

    // A push of the owner's makes its own backup, and what the other user queued before it.
    world.commit(of_b, "page", "3");
    world.git(of_b, &["push", "--quiet", "origin", "HEAD:main"]).ok().says(queued);
    world.git(of_a, &["pull", "--quiet", "origin", "main"]).ok();
    world.commit(of_a, "page", "4");
    world.git(of_a, &["push", "--quiet", "origin", "main"]).ok().says("success: backup ");
    world.cairn(of_a, &["deploy", "test", "--yes"]).ok().says("test_2").says("success: backup ");
    assert_eq!(count(), 6);
    has_modes(&world, &["srv/site.cairn", "srv/site.git/cairn"], 0o2770, 0o660);
    assert_eq!(on_host(a, "git -C site.git for-each-ref refs/cairn/pin").ok().stdout, "");
    on_host(a, "git -C site.git fsck --full --strict").ok();
    // By a path of the machine the other user's git runs as that user, with what they have configured for themselves, wherever
    // they are logged in from.
    let by_path = |message: &str| {
        let script = format!(
            "cd ~ && {{ [ -d near ] || git clone --quiet {srv} near; }} && cd near && git pull --quiet && \
             git -c user.name=b -c user.email=b@example.org commit --quiet --allow-empty -m '{message}' && git push origin HEAD:main",
            srv = world.path("srv/site.git").display()
        );
        on_host(b, &script)
    };
    let row = || {
        let checks = on_host(a, "git cairn -C site.git doctor --json").json()["checks"].clone();
        checks.as_array().unwrap().iter().find(|check| check["name"] == "by-path").unwrap().clone()
    };
    assert_eq!(row()["level"], "ok");
    by_path("heard").ok().says(queued);
    assert!(row()["level"] == "warning" && row()["text"].as_str().unwrap().contains(b.as_str()), "{}", row());
    on_host(b, "git config --global core.hooksPath /dev/null").ok();
    assert!(!by_path("unheard").ok().stderr.contains("hint:"), "git of theirs runs no hook");
    on_host(a, &format!("cd site.git && {}", row()["fix"].as_str().unwrap())).ok();
    assert_eq!(row()["level"], "ok");
    by_path("heard again").ok().says(queued);
    on_host(a, "git cairn -C site.git worker --once").ok();
    // Both are in one log, which either can read.
    on_host(b, "git cairn -C site.git audit verify").ok();
    let log = on_host(b, "git cairn -C site.git audit").ok().stdout;
    assert!(users.names.iter().all(|name| log.contains(&format!("{name} (ssh)"))), "{log}");
}

/// A pre-receive hook that stood there before us and holds a push while the file `hold` is there. It writes down the
/// process that runs the hooks, and then that it waits.
const HOLDING_HOOK: &str = r#"cat >/dev/null
top=$(cd "$(dirname "$0")/../../.." && pwd)
[ -e "$top/hold" ] || exit 0
read -r _ _ _ parent _ <"/proc/$PPID/stat"
echo "$parent" >"$top/receiver.new"
mv "$top/receiver.new" "$top/receiver"
while [ -e "$top/hold" ]; do sleep 0.02; done"#;

/// Pushes a new commit to Test and is killed; returns the commit.
fn push_and_be_killed(world: &World, content: &str, both: bool) -> String {
    let commit = world.commit("far", "page", content);
    be_killed_pushing(world, &["origin", "main:test"], both);
    commit
}

/// Pushes and kills the client while the hook holds the push, and with `both` git on the host's side as well; lets the hook
/// end.
fn be_killed_pushing(world: &World, words: &[&str], both: bool) {
    fs::write(world.path("hold"), "").unwrap();
    let mut push = command("git", &world.path("home"));
    push.arg("-C").arg(world.path("far")).args(["push", "--quiet"]).args(words).process_group(0);
    let mut client = push.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the hook holds the push", || world.path("receiver").exists());
    let receiver = fs::read_to_string(world.path("receiver")).unwrap();
    fs::remove_file(world.path("receiver")).unwrap();
    kill_process_group(Pid::from_child(&client), Signal::KILL).unwrap();
    assert!(!client.wait().unwrap().success());
    if both {
        kill_process(Pid::from_raw(receiver.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    }
    fs::remove_file(world.path("hold")).unwrap();
    until("the host's side of the push ends", || !Path::new("/proc").join(receiver.trim()).exists());
}

/// A push that drops something on purpose, and whose client dies: where the branch did not move nothing stays behind, where it
/// did what it dropped is kept and banned.
#[test]
fn a_client_that_is_killed_while_a_rescue_is_pending_loses_nothing() {
    let test = "a killed rewind";
    if !Path::new("/proc/self/stat").exists() {
        return missing_peer(test, "/proc");
    }
    let world = host();
    let Some(sshd) = Sshd::start(test, &world, Some(&world.path("home"))) else { return };
    fs::create_dir_all(world.path("site.git/hooks/found-by-cairn")).unwrap();
    world.script("site.git/hooks/found-by-cairn/pre-receive", HOLDING_HOOK);
    world.git(".", &["clone", "--quiet", &sshd.url(&world, &own_name(&world), "site.git"), "far"]).ok();
    let base = world.tip("far", "main");
    let bad = world.commit("far", "page", "bad");
    world.git("far", &["push", "--quiet", "origin", "main"]).ok();
    let option = format!("cairn.rewind=refs/heads/main:{bad}:{base}");
    let refspec = format!("{base}:main");
    let kept = |folder: &str| {
        let found = world.git("site.git", &["for-each-ref", &format!("refs/cairn/{folder}")]).ok();
        found.stdout.lines().count()
    };
    for both in [true, false] {
        be_killed_pushing(&world, &["--force", "-o", &option, "origin", &refspec], both);
        let landed = world.tip("site.git", "main") == base;
        assert_eq!(landed, !both);
        assert_eq!((kept("rescue"), kept("ban")), (1, 1), "whatever happens next, it is kept");
        // The next push of anybody finds out what became of it.
        world.git("far", &["push", "--quiet", "origin", &format!("{base}:refs/heads/next-{both}")]).ok();
        let after = if landed { (1, 0, 1) } else { (0, 0, 0) };
        assert_eq!((kept("rescue"), kept("pending"), kept("ban")), after, "{both}");
    }
    world.git("site.git", &["gc", "--quiet", "--prune=now"]).ok();
    world.git("far", &["push", "origin", &format!("{bad}:refs/heads/again")]).exits(1).says("dropped on purpose");
    world.git("site.git", &["cat-file", "-e", &bad]).ok();
}

#[test]
fn a_client_that_is_killed_leaves_the_host_whole() {
    let test = "a killed push";
    if !Path::new("/proc/self/stat").exists() {
        return missing_peer(test, "/proc");
    }
    let world = host();
    let Some(sshd) = Sshd::start(test, &world, Some(&world.path("home"))) else { return };
    let found = world.path("site.git/hooks/found-by-cairn");
    fs::create_dir_all(&found).unwrap();
    world.script("site.git/hooks/found-by-cairn/pre-receive", HOLDING_HOOK);
    world.git(".", &["clone", "--quiet", &sshd.url(&world, &own_name(&world), "site.git"), "far"]).ok();

    // git notices that the client is gone when it has moved the branch and reports that, and dies of it: no hook marks
    // what landed. Killed itself while the hook holds the push, it moves nothing.
    let mut landed = Vec::new();
    for (both, keep_alive) in [(false, "5"), (true, "5"), (false, "1")] {
        world.git("site.git", &["config", "receive.keepAlive", keep_alive]).ok();
        let commit = push_and_be_killed(&world, &format!("killed {both} {keep_alive}"), both);
        let tip = world.git("site.git", &["rev-parse", "--verify", "--quiet", "test"]).ok();
        assert_eq!(tip.out() == commit, !both, "{tip:?}");
        landed.extend((!both).then_some(commit));
        let health = world.git("site.git", &["fsck", "--full", "--strict", "--no-dangling"]).ok();
        assert!(!health.stderr.contains("error"), "{}", health.stderr);
    }

    landed.push(world.commit("far", "page", "lives"));
    world.git("far", &["push", "--quiet", "origin", "main:test"]).ok().says("success: test deployed: test_3");
    let wanted = landed.iter().enumerate().map(|(n, commit)| format!("test_{} {commit}", n + 1));
    assert_eq!(world.tagged("site.git", "refs/tags/test_*"), wanted.collect::<Vec<_>>());
    world.cairn("site.git", &["worker", "--once"]).ok();
    let newest = world.cairn("site.git", &["backup", "show", "test_3", "--json"]).ok().json();
    let held = newest["backup"]["ref_list"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    assert_eq!(held.filter(|name| name.starts_with("refs/tags/test_")).count(), 3);
    world.cairn("site.git", &["backup", "verify", "--all"]).ok();
    assert_eq!(world.git("site.git", &["for-each-ref", "refs/cairn/pin"]).ok().stdout, "");
}

#[test]
fn what_is_not_shared_is_the_owners_alone() {
    let world = host();
    world.cairn("dev", &["deploy", "test", "--yes"]).ok();
    has_modes(&world, &["site.cairn", "site.git/cairn"], 0o700, 0o600);
    for hook in ["pre-receive", "post-receive"] {
        let mode = fs::metadata(world.path("site.git/hooks").join(hook)).unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o700, "{hook}");
    }
}

/// What a person does over SFTP in a served tree.
const SESSION: &str = "\
put upload/page page
put upload/logo logo.bin
mkdir photos
put upload/logo photos/one
rename about about-us
rm old
chmod 755 tool
symlink page latest
rename keep.cfg .keep.cfg
";

/// Whatever a person does over SFTP in a served tree is shown, and who did it.
#[test]
fn what_is_done_over_sftp_is_shown() {
    let world = host();
    let Some(sshd) = Sshd::start("what_is_done_over_sftp_is_shown", &world, None) else { return };
    if !found("sftp") {
        return missing_peer("what_is_done_over_sftp_is_shown", "OpenSSH's sftp");
    }
    for file in ["about", "old", "tool", "keep.cfg"] {
        let text: String = (0..20).map(|n| format!("{file}, line {n}\n")).collect();
        world.commit("dev", file, &text);
    }
    world.git("dev", &["push", "--quiet", "origin", "main"]).ok();
    let tree = world.path("served");
    fs::create_dir(&tree).unwrap();
    let words = [&format!("--work-tree={}", tree.display()), "checkout", "--quiet", "--force", "main", "--", "."];
    world.git("site.git", &words).ok();
    world.git("site.git", &["config", "cairn.dev.worktree", tree.to_str().unwrap()]).ok();
    fs::create_dir(world.path("upload")).unwrap();
    fs::write(world.path("upload/page"), "edited at home\n").unwrap();
    fs::write(world.path("upload/logo"), b"\x89PNG\0\0").unwrap();
    fs::write(world.path("session"), format!("cd {}\n{SESSION}", tree.display())).unwrap();
    let mut sftp = command("sftp", &world.path("home"));
    sftp.current_dir(world.path(".")).args(["-q", "-F", "/dev/null", "-b", "session", "-i", "ssh/client"]);
    sftp.args(["-o", "UserKnownHostsFile=ssh/known", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
    let user = own_name(&world);
    run(sftp.args(["-P", &sshd.port.to_string(), &format!("{user}@127.0.0.1")])).ok();
    let shown = world.cairn("site.git", &["uncommitted"]).ok().stdout;
    for line in [
        "added     latest",
        "added     logo.bin",
        "modified  page",
        "added     photos/one",
        "renamed   about -> about-us",
        "deleted   old",
        "mode      tool",
        "renamed   keep.cfg -> .keep.cfg",
    ] {
        let found = shown.lines().find(|shown| shown.trim_start().starts_with(line));
        let found = found.unwrap_or_else(|| panic!("{line} is not shown in\n{shown}"));
        assert!(line.starts_with("deleted") || found.contains(&format!("  {user}, ")), "{found}");
    }
    assert_eq!(shown.lines().count(), 9, "{shown}");
}
