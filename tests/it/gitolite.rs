//! Pushes through gitolite as Debian has it: its shell behind a real sshd, its hooks, its rules.

use crate::guard::document;
use crate::sshd::{Sshd, Users, found, is_root, key, programs};
use crate::support::{Ran, World, command, host, missing_peer, run};
use std::path::Path;

/// What the repository is to its people, with hooks of its own.
const CONF: &str = "repo site\n\t- frozen = anna boris\n\t- refs/heads/live = boris\n\tRW+ = anna\n\tRW = boris\n\toption hook.pre-receive = closed counted\n\nrepo gitolite-admin\n\tRW+ = anna\n";
/// The first of them refuses everything while a file is there.
const CLOSED: &str = "cat >/dev/null; [ ! -e closed ] || { echo 'the shop is closed' >&2; exit 1; }";

/// A gitolite of the test's own with one repository, `site`, in which anna may rewind and boris may not.
struct Gitolite {
    world: World,
    sshd: Sshd,
    users: Users,
    path: String,
}

impl Gitolite {
    fn start(test: &str) -> Option<Self> {
        if !is_root() || !["useradd", "runuser", "gitolite"].into_iter().all(found) {
            missing_peer(test, "root, useradd, runuser and gitolite3");
            return None;
        }
        let world = World::new();
        let path = programs(&world).display().to_string();
        let sshd = Sshd::start(test, &world, None)?;
        let users = Users::make(&world);
        let gitolite = Self { world, sshd, users, path };
        let [anna, boris] = ["anna", "boris"].map(|name| key(&gitolite.world, name));
        gitolite.on_host(&format!("gitolite setup -pk {}", anna.display())).ok();
        // As its documentation says: code of the site's own, and hooks of single repositories.
        let rc = r#"sed -i -e "s/# 'repo-specific-hooks'/'repo-specific-hooks'/" -e "s|# LOCAL_CODE  *=> *\"\$ENV{HOME}/local\"|LOCAL_CODE => \"\$ENV{HOME}/local\"|" ~/.gitolite.rc"#;
        gitolite.on_host(&format!("{rc}; mkdir -p ~/local/hooks/common ~/local/hooks/repo-specific")).ok();
        gitolite.host_script("local/hooks/common/post-receive", "cat >>seen");
        gitolite.host_script("local/hooks/repo-specific/closed", CLOSED);
        gitolite.host_script("local/hooks/repo-specific/counted", "cat >>counted");
        gitolite.clone("anna", "gitolite-admin");
        let admin = gitolite.world.path("gitolite-admin-of-anna");
        std::fs::copy(boris, admin.join("keydir/boris.pub")).unwrap();
        gitolite.world.commit("gitolite-admin-of-anna", "conf/gitolite.conf", CONF);
        gitolite.world.git("gitolite-admin-of-anna", &["push", "--quiet", "origin", "HEAD"]).ok();
        gitolite.on_host("gitolite setup").ok();
        gitolite.clone("anna", "site");
        gitolite.world.git("site-of-anna", &["checkout", "--quiet", "-B", "main"]).ok();
        gitolite.world.commit("site-of-anna", "page", "1");
        gitolite.world.git("site-of-anna", &["push", "--quiet", "origin", "main"]).ok();
        gitolite.in_site("git symbolic-ref HEAD refs/heads/main").ok();
        gitolite.in_site("git config cairn.reserve 1MiB; git config cairn.hookBudget 60s").ok();
        Some(gitolite)
    }

    /// Runs a shell command as the user to whom gitolite belongs.
    fn on_host(&self, script: &str) -> Ran {
        let (user, home) = (&self.users.names[0], self.world.path(&self.users.names[0]));
        let mut shell = command("runuser", &home);
        shell.args(["-u", user, "--", "sh", "-c", &format!("PATH={}:$PATH; {script}", self.path)]);
        run(shell.env("USER", user).env("LOGNAME", user).current_dir(home))
    }

    /// The same in the repository.
    fn in_site(&self, script: &str) -> Ran {
        self.on_host(&format!("cd ~/repositories/site.git && {script}"))
    }

    fn site(&self) -> String {
        format!("{}/repositories/site.git", self.users.names[0])
    }

    /// Writes a script that belongs to gitolite's user.
    fn host_script(&self, name: &str, body: &str) {
        let path = self.world.script(&format!("{}/{name}", self.users.names[0]), body);
        self.on_host(&format!("cat {0} >{0}.own && chmod 755 {0}.own && mv -f {0}.own {0}", path.display())).ok();
    }

    fn clone(&self, person: &str, repository: &str) {
        let url = self.sshd.url(&self.world, &self.users.names[0], "");
        let host = url.split_once("127").map(|(user, rest)| format!("{user}127{}", rest.split('/').next().unwrap()));
        let client = format!("core.sshCommand={}", self.sshd.client(&self.world, person));
        let words = ["clone", "--quiet", "-c", &client, &format!("{}/{repository}", host.unwrap())];
        self.world.git(".", &[&words[..], &[&format!("{repository}-of-{person}")]].concat()).ok();
    }

    fn push(&self, person: &str, words: &[&str]) -> Ran {
        self.world.git(&format!("site-of-{person}"), &[&["push", "--quiet"], words].concat())
    }
}

/// What stands in the place of hooks, and the config.
fn as_found(gitolite: &Gitolite) -> (Vec<(String, String)>, Vec<u8>) {
    let site = gitolite.world.path(&gitolite.site());
    let mut hooks: Vec<_> = std::fs::read_dir(site.join("hooks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let target = std::fs::read_link(&path).map(|to| to.display().to_string());
            (path.display().to_string(), target.unwrap_or_else(|_| std::fs::read_to_string(&path).unwrap()))
        })
        .collect();
    hooks.sort();
    assert!(!site.join("cairn-hooks").exists());
    (hooks, std::fs::read(site.join("config")).unwrap())
}

/// One gitolite for all of it: to set one up takes longer than all that is asked of it.
#[test]
fn pushes_through_gitolite() {
    let Some(gitolite) = Gitolite::start("pushes through gitolite") else { return };
    gitolite_decides_after_us_and_names_who_pushes(&gitolite);
    what_gitolite_writes_again_does_not_put_us_out(&gitolite);
}

fn gitolite_decides_after_us_and_names_who_pushes(gitolite: &Gitolite) {
    let world = &gitolite.world;
    let before = as_found(gitolite);
    gitolite.in_site("git cairn setup").ok();
    let said = gitolite.in_site("git cairn hooks status").ok();
    assert!(said.stdout.contains("because gitolite writes its own into"), "{}", said.stdout);

    // A deployment, and who made it.
    world.cairn("site-of-anna", &["deploy", "test", "--yes"]).ok().says("success: test deployed for the first time");
    let tag = gitolite.in_site("git cat-file tag test_1").ok();
    assert!(tag.stdout.contains("\nCairn-Pusher: anna (gitolite)\n"), "{}", tag.stdout);
    let tip = world.tip("site-of-anna", "main");
    let seen = std::fs::read_to_string(world.path(&gitolite.site()).join("seen")).unwrap();
    assert!(seen.contains(&format!("{tip} refs/heads/test")), "its common hook does not run: {seen}");

    let first = gitolite.world.commit("site-of-anna", "page", "2");
    gitolite.push("anna", &["origin", "main"]).ok().says("success: backup ");
    gitolite.clone("boris", "site");
    let moves = format!("{tip}:main");
    let option = format!("cairn.rewind=refs/heads/main:{first}:{tip}");
    what_its_rules_deny_the_guard_says_first(gitolite, &first, &["--force", "-o", &option, "origin", &moves]);

    // Ours refuses what anna may by its rules and has not announced; announced, it is kept.
    gitolite.push("anna", &["--force", "origin", &moves]).exits(1).says("refs/heads/main");
    assert_eq!(gitolite.in_site("git rev-parse main").ok().out(), first);
    gitolite.push("anna", &["--force", "-o", &option, "origin", &moves]).ok();
    let rescues = gitolite.in_site("git cairn rescue list --json").ok().json()["rescues"].clone();
    assert_eq!((&rescues[0]["old"], &rescues[0]["by"]), (&first.as_str().into(), &"anna (gitolite)".into()));
    gitolite.in_site("git cairn audit verify").ok();

    // As it was, to the byte.
    gitolite.in_site("git cairn setup --undo --yes").ok();
    let mut wanted = before;
    let hide = gitolite.in_site("git config --get-all transfer.hideRefs").ok();
    assert_eq!(hide.out(), "refs/cairn", "what was dropped is still hidden");
    let text = String::from_utf8(wanted.1).unwrap() + "[transfer]\n\thideRefs = refs/cairn\n";
    wanted.1 = text.into_bytes();
    assert_eq!(as_found(gitolite), wanted);
    gitolite.push("anna", &["origin", "main:live"]).ok();
    gitolite.in_site("git branch -D live test && git tag -d test_1").ok();
}

/// Its rules still decide: boris may not rewind, whatever he announces, and nobody deletes what is frozen.
fn what_its_rules_deny_the_guard_says_first(gitolite: &Gitolite, first: &str, rewind: &[&str]) {
    gitolite.in_site("git branch frozen main && git branch topic main").ok();
    let refs = gitolite.in_site("git for-each-ref").ok().stdout;
    for (person, words, denied, next) in [
        (
            "boris",
            rewind,
            "+ refs/heads/main site boris DENIED by fallthru",
            "to undo by a new commit: git cairn revert ",
        ),
        (
            "boris",
            &["origin", ":topic"],
            "+ refs/heads/topic site boris DENIED by fallthru",
            "whoever writes gitolite's rules",
        ),
        (
            "anna",
            &["origin", ":frozen"],
            "+ refs/heads/frozen site anna DENIED by refs/heads/frozen",
            "gitolite access -s site anna",
        ),
    ] {
        let said = gitolite.push(person, words).exits(1).says(next);
        let line = said.stderr.lines().find(|line| line.contains("which gitolite refuses on this host: "));
        assert!(
            line.is_some_and(|line| line.starts_with("remote: error: ") && line.contains(denied)),
            "{}",
            said.stderr
        );
        assert!(!said.stderr.contains("FATAL"), "gitolite itself was not asked to update: {}", said.stderr);
        assert_eq!(document(&said)["rule"], "gitolite");
    }
    assert_eq!(gitolite.in_site("git for-each-ref").ok().stdout, refs, "and nothing is kept, for nothing would go");
    assert_eq!(gitolite.in_site("git rev-parse main").ok().out(), first);
    // What a person would type to see the rules shows them.
    let shown = gitolite.on_host("gitolite access -s site anna D refs/heads/frozen").exits(1);
    assert!((shown.stdout + &shown.stderr).contains("- frozen = anna boris"), "what the guard names");
    let audit = gitolite.in_site("git cairn audit --json").ok().json()["lines"].clone();
    let newest = &audit[0];
    assert_eq!((&newest["rule"], &newest["verdict"]), (&"gitolite".into(), &"refused".into()), "{newest}");

    // A plan hears it of any movement; of a push that only moves on gitolite says it itself, and others go with it.
    let check = gitolite.push("boris", &["-o", "cairn.check", "origin", "main:live"]).exits(1);
    assert_eq!(document(&check)["rule"], "gitolite");
    check.says("W refs/heads/live site boris DENIED by refs/heads/live");
    let pushed = gitolite.push("boris", &["origin", "main:live", "main:mine"]).exits(1);
    assert!(!pushed.stderr.contains("which gitolite refuses"), "{}", pushed.stderr);
    assert_eq!(gitolite.in_site("git rev-parse mine").ok().out(), first);
    gitolite.in_site("git branch -D mine topic frozen").ok();
}

fn what_gitolite_writes_again_does_not_put_us_out(gitolite: &Gitolite) {
    gitolite.in_site("git cairn setup --site again").ok();
    gitolite.host_script("local/hooks/common/post-update", "echo \"$@\" >updated");
    gitolite.on_host("gitolite setup && gitolite compile && gitolite trigger POST_COMPILE").ok();
    gitolite.in_site("git cairn hooks status && git cairn doctor").ok();
    gitolite.push("anna", &["origin", "main:live"]).ok().says("live_1");
    let site = gitolite.world.path(&gitolite.site());
    assert_eq!(std::fs::read_to_string(site.join("updated")).unwrap(), "refs/heads/live\n");
    gitolite.push("anna", &["origin", "main:refs/tags/live_9"]).exits(1);

    // Where it goes by another name than git calls it, its driver of several hooks lets pass what the first refuses.
    std::fs::write(site.join("closed"), "").unwrap();
    gitolite.push("anna", &["origin", "main:test"]).exits(1).says("the shop is closed");
    assert_eq!(gitolite.in_site("git rev-parse --quiet --verify test").code, 1);
    std::fs::remove_file(site.join("closed")).unwrap();
    gitolite.push("anna", &["origin", "main:test"]).ok().says("test_1");
    assert!(Path::new(&site).join("hooks/update").is_symlink());
}

/// gitolite of a moment: its link in the place of `update`, and a program that does this where rules are asked.
fn pretended(answer: &str) -> (World, Vec<(&'static str, String)>) {
    let world = host();
    std::fs::create_dir_all(world.path("home/.gitolite/hooks/common")).unwrap();
    let update = world.script("home/.gitolite/hooks/common/update", "exit 0");
    std::os::unix::fs::symlink(update, world.path("site.git/hooks/update")).unwrap();
    world.script("gitolite", &format!("echo \"$@\" >>'{}'; {answer}", world.path("asked").display()));
    let folder = world.path("").display().to_string();
    (world, vec![("GL_BINDIR", folder), ("GL_REPO", "site".into()), ("GL_USER", "anna".into())])
}

#[test]
fn a_gitolite_that_cannot_be_asked_stops_no_push_and_is_asked_only_of_what_drops() {
    let denies = "echo \"$4 $5 $2 $3 DENIED by fallthru\"; exit 1";
    for (answer, code) in [("exit 255", 0), ("kill -9 $$", 0), (denies, 1)] {
        let (world, variables) = pretended(answer);
        let push = |words: &[&str]| {
            let mut push = world.in_folder("dev", "git");
            run(push.args(["push", "--quiet", "origin"]).args(words).envs(variables.iter().cloned()))
        };
        push(&["main:topic", "main:refs/tags/v1"]).ok();
        assert!(!world.path("asked").exists(), "nothing is asked of what only moves on");
        push(&[":topic"]).exits(code);
        assert_eq!(std::fs::read_to_string(world.path("asked")).unwrap(), "access site anna D refs/heads/topic\n");
        assert_eq!(world.git("site.git", &["rev-parse", "-q", "--verify", "topic"]).code, 1 - code);
    }
    // Who is not let in by gitolite asks nothing of it.
    let (world, _) = pretended(denies);
    world.git("dev", &["push", "--quiet", "origin", "main:topic"]).ok();
    world.git("dev", &["push", "--quiet", "origin", ":topic"]).ok();
    assert!(!world.path("asked").exists());
}
