//! A real sshd of a test's own, and unix users that it lets in.

use crate::support::{GIT_CAIRN, Ran, World, command, missing_peer, run, until};
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const SSHD: &str = "/usr/sbin/sshd";

/// A real sshd of a test's own, on a port of its own, dead when the test ends.
pub struct Sshd {
    server: Child,
    /// Where it listens.
    pub port: u16,
}

impl Sshd {
    /// Starts one that lets anybody in who holds the world's key, and makes the world's git use that key; whom a user's own
    /// `.ssh/authorized_keys` in the world names, it lets in as that says.
    ///
    /// With `home`, that is everybody's home on the server too. `None` where there is no sshd on this machine.
    pub fn start(test: &str, world: &World, home: Option<&Path>) -> Option<Self> {
        if !Path::new(SSHD).exists() || !found("ssh-keygen") {
            missing_peer(test, "OpenSSH's sshd and ssh-keygen");
            return None;
        }
        if is_root() {
            // Where no service manager has started sshd, nobody has made the folder that it gives up its rights in.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        open(world, ".", 0o755);
        fs::create_dir(world.path("ssh")).unwrap();
        key(world, "host");
        key(world, "client");
        let own = path_of(&command("true", world.path("home").as_path()));
        let home = home.map(|home| format!(" HOME={}", home.display())).unwrap_or_default();
        for _ in 0..5 {
            let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {keys} {users}\nPidFile none\nUsePAM no\n\
                 StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
                 UseDNS no\nAcceptEnv GL_USER\nMaxStartups 100\nSubsystem sftp internal-sftp\nSetEnv PATH={own} GIT_CONFIG_NOSYSTEM=1 TZ=UTC{home}\n",
                host = world.path("ssh/host").display(),
                keys = world.path("ssh/client.pub").display(),
                users = world.path("%u/.ssh/authorized_keys").display(),
            );
            fs::write(world.path("ssh/config"), config).unwrap();
            if let Some(sshd) = Self::listen(world, port) {
                sshd.introduce(world);
                return Some(sshd);
            }
        }
        panic!("sshd does not listen:\n{}", fs::read_to_string(world.path("ssh/log")).unwrap_or_default());
    }

    /// `None` where somebody else took the port first.
    fn listen(world: &World, port: u16) -> Option<Self> {
        let log = world.path("ssh/log");
        let mut server = Command::new(SSHD);
        server.args(["-D", "-e", "-f"]).arg(world.path("ssh/config")).stdin(Stdio::null()).stdout(Stdio::null());
        let mut sshd = Self { server: server.stderr(fs::File::create(&log).unwrap()).spawn().unwrap(), port };
        let listens = format!("Server listening on 127.0.0.1 port {port}.");
        until("sshd listens or ends", || {
            let ended = sshd.server.try_wait().unwrap().is_some();
            ended || fs::read_to_string(&log).unwrap().contains(&listens)
        });
        sshd.server.try_wait().unwrap().is_none().then_some(sshd)
    }

    /// Tells the world's git how to reach it.
    fn introduce(&self, world: &World) {
        let known = fs::read_to_string(world.path("ssh/host.pub")).unwrap();
        fs::write(world.path("ssh/known"), format!("[127.0.0.1]:{} {known}", self.port)).unwrap();
        world.git(".", &["config", "--global", "core.sshCommand", &self.client(world, "client")]).ok();
    }

    /// Returns the command by which git reaches it with one of the world's keys.
    pub fn client(&self, world: &World, key: &str) -> String {
        format!(
            "ssh -F /dev/null -o SendEnv=GL_USER -i {key} -o UserKnownHostsFile={known} -o IdentitiesOnly=yes -o BatchMode=yes \
             -o ConnectTimeout=10 -p {port}",
            key = world.path("ssh").join(key).display(),
            known = world.path("ssh/known").display(),
            port = self.port,
        )
    }

    /// Returns the URL of a repository of the world, as a user reaches it.
    pub fn url(&self, world: &World, user: &str, name: &str) -> String {
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, world.path(name).display())
    }

    /// Runs a shell command on the server as a user, over ssh itself.
    #[track_caller]
    pub fn as_user(&self, world: &World, user: &str, script: &str) -> Ran {
        let client = world.git(".", &["config", "--global", "core.sshCommand"]).ok();
        let words: Vec<&str> = client.out().split(' ').collect();
        let address = format!("{user}@127.0.0.1");
        let mut ssh = command(words[0], &world.path("home"));
        run(ssh.args(&words[1..]).args([address.as_str(), script]))
    }
}

/// Makes a key of the world's, and returns its public half.
pub fn key(world: &World, name: &str) -> PathBuf {
    let mut keygen = command("ssh-keygen", &world.path("home"));
    run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(world.path("ssh").join(name))).ok();
    world.path("ssh").join(format!("{name}.pub"))
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

thread_local! {
    /// Whether a case is run over ssh, and the servers that were started for it.
    static OVER_SSH: RefCell<Option<Vec<Sshd>>> = const { RefCell::new(None) };
}

/// Ends the servers, also when the case fails.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        OVER_SSH.with_borrow_mut(|over| *over = None);
    }
}

/// Runs a case of another file once more: in every host it makes, whatever its clones say to the host they say over ssh.
pub fn over_ssh(test: &str, case: fn()) {
    if !Path::new(SSHD).exists() || !found("ssh-keygen") {
        return missing_peer(test, "OpenSSH's sshd and ssh-keygen");
    }
    OVER_SSH.with_borrow_mut(|over| *over = Some(vec![]));
    let _over = Over;
    case();
    assert!(
        OVER_SSH.with_borrow(|over| over.as_ref().is_some_and(|servers| !servers.is_empty())),
        "{test} made no host"
    );
}

/// Runs cases of other files over ssh, each under its own name, so that a number finds both runs of it.
macro_rules! cases_over_ssh {
    ($($file:ident::$case:ident,)*) => {$(
        #[test]
        fn $case() {
            crate::sshd::over_ssh(stringify!($case), crate::$file::$case);
        }
    )*};
}
pub(crate) use cases_over_ssh;

/// Puts a server before the repositories of a world, if its case is to be run over ssh.
pub fn serve(world: &World) {
    if OVER_SSH.with_borrow(Option::is_none) {
        return;
    }
    let sshd = Sshd::start("a case over ssh", world, Some(&world.path("home"))).unwrap();
    let (far, near) = (sshd.url(world, &own_name(world), ""), world.path("").display().to_string());
    world.git(".", &["config", "--global", &format!("url.{far}.insteadOf"), &near]).ok();
    OVER_SSH.with_borrow_mut(|over| over.as_mut().unwrap().push(sshd));
}

/// Tells whether the tests may make users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Tells whether a program is on this machine.
pub fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The name of the user who runs the tests.
pub fn own_name(world: &World) -> String {
    run(command("id", &world.path("home")).arg("-un")).ok().out().to_owned()
}

/// The `PATH` that a command of the harness has.
fn path_of(command: &Command) -> String {
    let value = command.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?));
    value.unwrap().to_str().unwrap().to_owned()
}

/// Gives a file or folder these permission bits.
pub fn open(world: &World, name: &str, mode: u32) {
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// Puts our programs where other users can reach them, whatever folder they were built in, and returns that folder.
///
/// A copy is made by a process of its own, so that no child of another test holds it open for writing.
pub fn programs(world: &World) -> PathBuf {
    let bin = world.path("bin");
    fs::create_dir(&bin).unwrap();
    for program in ["git-cairn", "cairn-pre-receive", "cairn-post-receive"] {
        let (built, here) = (Path::new(GIT_CAIRN).with_file_name(program), bin.join(program));
        if fs::hard_link(&built, &here).is_err() {
            run(command("cp", &world.path("home")).args([built, here])).ok();
        }
    }
    bin
}

/// How many times users were made.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Two users with a group in common, gone when the test ends.
pub struct Users {
    /// The group.
    pub group: String,
    /// The names.
    pub names: [String; 2],
}

impl Users {
    /// Makes them, each with a home of its name in the world.
    pub fn make(world: &World) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let group = format!("cairn-{}-{count}", std::process::id());
        let users = Self { names: ["a", "b"].map(|n| format!("{group}{n}")), group };
        let home = world.path("home");
        run(command("groupadd", &home).arg(&users.group)).ok();
        for name in &users.names {
            // A password that nobody can have: sshd lets nobody in whose account is locked.
            let mut useradd = command("useradd", &home);
            useradd.args(["-M", "-U", "-p", "*", "-s", "/bin/sh", "-G", &users.group, "-d"]).arg(world.path(name));
            run(useradd.arg(name)).ok();
            fs::create_dir(world.path(name)).unwrap();
            let chown = format!("{name}:{name}");
            run(command("chown", &home).arg(chown).arg(world.path(name))).ok();
        }
        users
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        for words in self.names.iter().map(|name| ["userdel", name]).chain([["groupdel", self.group.as_str()]]) {
            let _ = Command::new(words[0]).arg(words[1]).stderr(Stdio::null()).status();
        }
    }
}
