//! Pushes through gitolite as Debian has it: its shell behind a real sshd, its hooks, its rules.

use crate::sshd::{Sshd, Users, found, is_root, key, programs};
use crate::support::{Ran, World, missing_peer};
use std::path::Path;

/// What the repository is to its people, with hooks of its own.
const CONF: &str = "repo site\n\tRW+ = anna\n\tRW = boris\n\toption hook.pre-receive = closed counted\n\nrepo gitolite-admin\n\tRW+ = anna\n";
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
        if !is_root() || !found("useradd") || !found("gitolite") {
            missing_peer(test, "root, useradd and gitolite3");
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
        self.sshd.as_user(&self.world, &self.users.names[0], &format!("PATH={}:$PATH; {script}", self.path))
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

#[test]
fn gitolite_decides_after_us_and_names_who_pushes() {
    let Some(gitolite) = Gitolite::start("a push through gitolite") else { return };
    let world = &gitolite.world;
    let before = as_found(&gitolite);
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

    // Its rules still decide: boris may not rewind, whatever he announces.
    let first = gitolite.world.commit("site-of-anna", "page", "2");
    gitolite.push("anna", &["origin", "main"]).ok().says("success: backup ");
    gitolite.clone("boris", "site");
    let rewind = |old: &str, new: &str| format!("cairn.rewind=refs/heads/main:{old}:{new}");
    let moves = format!("{tip}:main");
    let option = rewind(&first, &tip);
    gitolite
        .push("boris", &["--force", "-o", &option, "origin", &moves])
        .exits(1)
        .says("+ refs/heads/main site boris DENIED");
    assert_eq!(gitolite.in_site("git rev-parse main").ok().out(), first);
    assert_eq!(gitolite.in_site("git cairn rescue list --json").ok().json()["rescues"], serde_json::json!([]));

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
    assert_eq!(as_found(&gitolite), wanted);
    gitolite.push("anna", &["origin", "main:live"]).ok();
}

#[test]
fn what_gitolite_writes_again_does_not_put_us_out() {
    let Some(gitolite) = Gitolite::start("gitolite setup after ours") else { return };
    gitolite.in_site("git cairn setup").ok();
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
