//! Pushes over smart http: git's own http-backend behind a real web server that knows its people by their passwords.

use crate::support::{World, command, host, missing_peer, run, until};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

const LIGHTTPD: &str = "/usr/sbin/lighttpd";

/// A web server of a test's own, gone when the test ends.
struct Web {
    server: Child,
    port: u16,
}

impl Web {
    /// Starts one that serves the repositories of the world to anna and boris; `None` where there is none on this machine.
    fn start(test: &str, world: &World) -> Option<Self> {
        if !Path::new(LIGHTTPD).exists() {
            missing_peer(test, "lighttpd");
            return None;
        }
        let exec = run(command("git", &world.path("home")).arg("--exec-path")).ok();
        fs::write(world.path("passwords"), "anna:a\nboris:b\n").unwrap();
        let config = format!(
            r#"server.modules = ("mod_auth", "mod_authn_file", "mod_setenv", "mod_alias", "mod_cgi")
server.document-root = "{top}"
server.bind = "127.0.0.1"
server.upload-dirs = ("{top}")
server.port = env.PORT
auth.backend = "plain"
auth.backend.plain.userfile = "{top}/passwords"
auth.require = ("/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
alias.url = ("/git" => "{exec}/git-http-backend")
cgi.assign = ("" => "")
setenv.set-environment = ("GIT_PROJECT_ROOT" => "{top}", "GIT_HTTP_EXPORT_ALL" => "1", "GIT_CONFIG_NOSYSTEM" => "1",
    "PATH" => env.PATH, "HOME" => env.HOME)
"#,
            top = world.path(".").display(),
            exec = exec.out(),
        );
        fs::write(world.path("lighttpd.conf"), config).unwrap();
        (0..5).find_map(|_| Self::listen(world))
    }

    /// `None` where somebody else took the port first.
    fn listen(world: &World) -> Option<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut server = world.in_folder(".", LIGHTTPD);
        server.args(["-D", "-f", "lighttpd.conf"]).env("PORT", port.to_string());
        let log = fs::File::create(world.path("lighttpd.log")).unwrap();
        let mut web = Self { server: server.stdout(Stdio::null()).stderr(log).spawn().unwrap(), port };
        until("lighttpd listens or ends", || {
            web.server.try_wait().unwrap().is_some() || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        web.server.try_wait().unwrap().is_none().then_some(web)
    }

    fn url(&self, person: &str) -> String {
        format!("http://{person}:{}@127.0.0.1:{}/git/site.git", &person[..1], self.port)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_push_over_http_is_judged_marked_and_backed_up() {
    let world = host();
    let Some(web) = Web::start("a push over http", &world) else { return };
    for person in ["anna", "boris"] {
        world.git(".", &["clone", "--quiet", &web.url(person), person]).ok();
    }

    // A deployment by a name that only the web server knows.
    world.cairn("anna", &["deploy", "test", "--yes", "--note", "by http"]).ok().says("success: test deployed");
    let tag = world.git("site.git", &["cat-file", "tag", "test_1"]).ok();
    assert!(tag.stdout.contains("\nCairn-Pusher: anna (http)\n"), "{}", tag.stdout);
    assert_eq!(world.deployments("anna", &["test"])[0]["note"], "by http");
    assert_eq!(world.backups("site.git")[0]["tag"], "test_1");

    // What a force push would cost is shown through http too, and announced it is kept.
    let first = world.tip("anna", "HEAD");
    let second = world.commit("boris", "page", "2");
    world.git("boris", &["push", "--quiet", "origin", "HEAD"]).ok().says("success: backup ");
    let moves = format!("{first}:main");
    world.git("anna", &["push", "--force", "origin", &moves]).exits(1).says("remote: error: ").says(&second[..7]);
    assert_eq!(world.tip("site.git", "main"), second);
    let option = format!("cairn.rewind=refs/heads/main:{second}:{first}");
    world.git("anna", &["push", "--force", "-o", &option, "origin", &moves]).ok();
    let rescues = world.cairn("site.git", &["rescue", "list", "--json"]).ok().json()["rescues"].clone();
    assert_eq!((&rescues[0]["old"], &rescues[0]["by"]), (&second.as_str().into(), &"anna (http)".into()));

    // And it comes back, from the clone that had it, only on purpose.
    world.git("boris", &["push", "--quiet", "origin", "HEAD:refs/heads/again"]).exits(1).says("cairn.reintroduce=");
    world.cairn("boris", &["rollback", "test", "--yes"]).exits(10);

    // Nothing of ours is shown, and nobody unknown comes in.
    let shown = world.git("anna", &["ls-remote"]).ok();
    assert!(shown.stdout.contains("refs/meta/cairn") && !shown.stdout.contains("refs/cairn/"), "{}", shown.stdout);
    let nobody = format!("http://127.0.0.1:{}/git/site.git", web.port);
    world.git("anna", &["ls-remote", &nobody]).exits(128);
}

/// The server waits for the end of what git prints, and so for everybody who could still print.
#[test]
fn a_push_over_http_does_not_wait_for_a_worker_that_goes_on() {
    let world = host();
    let Some(web) = Web::start("a push over http", &world) else { return };
    world.git(".", &["clone", "--quiet", &web.url("anna"), "far"]).ok();
    world.git("site.git", &["config", "cairn.hookBudget", "0s"]).ok();
    // More than one request holds without chunks.
    let content: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    fs::write(world.path("far/large"), content).unwrap();
    world.git("far", &["config", "http.postBuffer", "65536"]).ok();
    let tip = world.commit("far", "page", "2");
    // While it is held no worker comes to its end.
    let held = fs::File::open(world.path("site.git/cairn/snapshot.lock")).unwrap();
    held.lock().unwrap();
    let push = ["120", "git", "push", "--quiet", "origin", "HEAD:live"];
    run(world.in_folder("far", "timeout").args(push)).ok().says("live_1");
    assert_ne!(world.backups("site.git")[0]["tag"], "live_1");
    held.unlock().unwrap();
    until("the worker makes the backup", || world.backups("site.git")[0]["tag"] == "live_1");
    assert_eq!(world.backups("site.git")[0]["commit"], tip.as_str());
}

/// A clone whose URL holds a password: no plan, no answer and no list says it, and what they print can be typed.
#[test]
fn a_password_in_the_url_is_never_printed() {
    let world = host();
    let Some(web) = Web::start("a password in a URL", &world) else { return };
    world.git(".", &["clone", "--quiet", &web.url("anna"), "anna"]).ok();
    let secret = web.url("anna").split_once('@').unwrap().0.to_owned();
    let cairn = |words: &[&str]| {
        let ran = world.cairn("anna", words).ok();
        assert!(!ran.stdout.contains(&secret) && !ran.stderr.contains(&secret), "{}{}", ran.stdout, ran.stderr);
        ran
    };
    let bad = world.commit("anna", "page", "2");
    cairn(&["catch-up", "--push", "--plan", "--json"]);
    cairn(&["catch-up", "--push", "--yes"]);
    for words in [&["deploy", "live", "main"][..], &["revert", &bad], &["reset", "main~1"]] {
        let plan = cairn(&[words, &["--plan", "--json"]].concat()).json();
        assert!(plan["push_url"].as_str().unwrap().contains("127.0.0.1"));
        cairn(&[words, &["--confirm", plan["plan_id"].as_str().unwrap()]].concat());
        cairn(&["undo", "--plan", "--json"]);
        cairn(&["undo", "--yes"]);
        let applied = cairn(&[words, &["--yes", "--json"]].concat()).json();
        let undo = applied["undo"].as_str().unwrap().strip_prefix("git cairn ").unwrap();
        cairn(&undo.split(' ').chain(["--yes", "--json"]).collect::<Vec<_>>());
    }
    cairn(&["undo", "--list"]);
    cairn(&["undo", "--list", "--json"]);
}
