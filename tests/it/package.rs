//! The Debian package: what it brings to a root that has nothing of ours, and that it takes all of it away again.

use crate::support::{GIT_CAIRN, Ran, World, copy_program, host, missing_peer, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn has(program: &str) -> bool {
    run(Command::new("sh").args(["-c", &format!("command -v {program}")])).code == 0
}

/// A root of Debian's essential packages, git and what else is named, in which commands run as root or as the user to whom repositories belong.
struct Root(PathBuf);

impl Root {
    /// Unpacks it; what the first test made of the network is kept beside the build for the next.
    fn new(world: &World, packages: &str) -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap();
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).expect("a Debian");
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{codename}-{packages}.tar"));
        if !kept.exists() {
            let archive = world.path("root.tar");
            let mut make = Command::new("mmdebstrap");
            let include = format!("--include={packages}");
            run(make.args(["--quiet", "--variant=essential", &include, codename]).arg(&archive)).ok();
            std::fs::rename(&archive, &kept).or_else(|_| std::fs::copy(&archive, &kept).map(drop)).unwrap();
        }
        let root = world.path("root");
        std::fs::create_dir(&root).unwrap();
        run(Command::new("tar").arg("-xf").arg(&kept).arg("-C").arg(&root)).ok();
        Self(root)
    }

    /// Runs a line of sh in it; the mounted /proc goes with the line.
    fn run(&self, user: &str, line: &str) -> Ran {
        let inside = format!(
            "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" setpriv --reuid {user} --regid {user} --clear-groups sh -c \"$1\""
        );
        let mut command = Command::new("unshare");
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/srv/home").env("LC_ALL", "C");
        run(command.args(["--mount", "sh", "-c", &inside]).arg(&self.0).arg(line))
    }

    fn root(&self, line: &str) -> Ran {
        self.run("0", line)
    }

    /// Runs it as the user to whom the repositories belong.
    fn git(&self, line: &str) -> Ran {
        self.run("1000", line)
    }

    /// Every path below it, but for what dpkg notes of itself, what lives for a while, and what the tests put there.
    fn paths(&self) -> BTreeSet<String> {
        let listed = self.root("find / -xdev").ok().stdout;
        let others = ["/proc", "/srv", "/tmp/", "/var/lib/dpkg/", "/var/log"];
        let counts = |path: &&str| !others.iter().any(|other| path.starts_with(other));
        listed.lines().filter(counts).map(str::to_owned).collect()
    }
}

/// Makes the package of what was built for these tests, as if it were the release.
fn package(world: &World, to: &Path) {
    let (built, release) = (Path::new(GIT_CAIRN).parent().unwrap(), world.path("target/release"));
    std::fs::create_dir_all(&release).unwrap();
    for program in ["git-cairn", "cairn-pre-receive", "cairn-post-receive"] {
        copy_program(built.join(program), release.join(program));
    }
    let mut make = Command::new(source("packaging/deb"));
    make.env("CARGO_TARGET_DIR", world.path("target")).env("CAIRN_BUILT", "yes");
    run(make.args(["--fast", "--no-strip", "--output"]).arg(to)).ok();
}

/// Tells whether this machine can; what it lacks is told.
fn can_make_roots(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        missing_peer(test, "root");
        return false;
    }
    let lacking = ["cargo-deb", "mmdebstrap", "unshare"].into_iter().find(|program| !has(program));
    lacking.inspect(|program| missing_peer(test, program)).is_none()
}

#[test]
fn the_package_comes_and_goes_and_leaves_no_hook_that_calls_nothing() {
    let test = "the_package_comes_and_goes_and_leaves_no_hook_that_calls_nothing";
    if !can_make_roots(test) {
        return;
    }
    let world = World::new();
    let root = Root::new(&world, "git");
    package(&world, &root.0.join("git-cairn.deb"));
    root.root("mkdir -p /srv/home && chown -R 1000:1000 /srv && git config --system user.name D && git config --system user.email d@e").ok();
    let before = root.paths();
    root.root("dpkg -i /git-cairn.deb").ok();
    let brought: BTreeSet<_> = root.paths().difference(&before).cloned().collect();
    for path in [
        "/usr/bin/git-cairn",
        "/usr/bin/cairn-pre-receive",
        "/usr/bin/cairn-post-receive",
        "/usr/share/man/man1/git-cairn.1.gz",
        "/usr/share/man/man1/git-cairn-backup-list.1.gz",
        "/usr/share/bash-completion/completions/git-cairn",
        "/usr/share/zsh/vendor-completions/_git-cairn",
        "/usr/share/fish/vendor_conf.d/git-cairn.fish",
        "/usr/lib/systemd/system/git-cairn-worker@.service",
        "/usr/lib/systemd/system/git-cairn-worker@.timer",
        "/usr/share/doc/git-cairn/copyright",
        "/usr/share/doc/git-cairn/examples/sites.conf",
        "/var/lib/git-cairn/repositories",
    ] {
        assert!(brought.contains(path), "{path} is not in {brought:?}");
    }
    assert!(root.git("git cairn -h").ok().stdout.starts_with("Live is broken "));

    // Two repositories of a user: one is taken back by him, the other one stays.
    for name in ["one", "two"] {
        root.git(&format!("git init --quiet --bare -b main /srv/{name}.git && cd /srv/{name}.git && git config cairn.reserve 1MiB && git cairn setup")).ok();
        root.git(&format!("git clone --quiet /srv/{name}.git /srv/{name} 2>&1 && cd /srv/{name} && git commit --quiet --allow-empty -m {name}")).ok();
        let push = format!("cd /srv/{name} && git push --quiet origin HEAD:main");
        root.git(&push).ok().says("success: backup ");
    }
    root.git("git cairn hooks list").exits(13).says("Permission denied");
    assert_eq!(root.root("git cairn hooks list").ok().stdout, "/srv/one.git\n/srv/two.git\n");

    let kept = root.root("dpkg -r git-cairn").exits(1);
    assert!(kept.stderr.contains("\n/srv/one.git\n/srv/two.git\nhint: "), "{}", kept.stderr);
    root.git("cd /srv/one && git commit --quiet --allow-empty -m 2 && git push --quiet origin HEAD:main")
        .ok()
        .says("success: backup ");
    root.git("git -C /srv/one.git cairn setup --undo --yes").ok();
    let kept = root.root("dpkg -r git-cairn").exits(1);
    assert!(kept.stderr.contains("\n/srv/two.git\nhint: ") && !kept.stderr.contains("one.git"), "{}", kept.stderr);

    // A new version comes over it without asking.
    root.root("dpkg -i /git-cairn.deb").ok();
    root.git("git -C /srv/two.git cairn backup create").ok();
    // Who insists is heard; a push then says what is missing.
    root.root("rm -r /var/lib/git-cairn/repositories && dpkg -r git-cairn").ok();
    let pushed = root.git("cd /srv/two && git commit --quiet --allow-empty -m 3 && git push --quiet origin HEAD:main");
    pushed.ok().says("warning: ");
    root.root("dpkg -P git-cairn").ok();
    let after = root.paths();
    assert_eq!(after.symmetric_difference(&before).collect::<Vec<_>>(), [""; 0]);
    assert!(root.0.join("srv/two.cairn/RESTORE.md").is_file(), "archives stay");
}

/// The path of a unit of the template, under the name of an instance.
fn unit(world: &World) -> PathBuf {
    let unit = world.path("git-cairn-worker@git.service");
    std::fs::copy(source("packaging/systemd/git-cairn-worker@.service"), &unit).unwrap();
    unit
}

#[test]
fn the_unit_exposes_little() {
    if !has("systemd-analyze") {
        return missing_peer("the_unit_exposes_little", "systemd-analyze");
    }
    let world = World::new();
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--threshold=15", "--no-pager"]);
    run(analyze.arg(unit(&world))).ok();
}

/// The system calls that `SystemCallFilter=` allows in the unit, by what systemd says of its sets.
fn allowed(world: &World) -> BTreeSet<String> {
    let told = run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager"])).ok().stdout;
    let (mut sets, mut name) = (BTreeMap::<String, Vec<String>>::new(), String::new());
    for line in told.lines().map(str::trim_end) {
        match line.strip_prefix("    ") {
            Some(call) if !call.starts_with('#') => sets.entry(name.clone()).or_default().push(call.to_owned()),
            None if line.starts_with('@') => line.clone_into(&mut name),
            _ => {}
        }
    }
    let all = |names: &str| {
        let mut waiting: Vec<String> = names.split(' ').map(str::to_owned).collect();
        let mut calls = BTreeSet::new();
        while let Some(next) = waiting.pop() {
            match sets.get(&next) {
                Some(within) => waiting.extend(within.iter().cloned()),
                None => drop(calls.insert(next)),
            }
        }
        calls
    };
    let text = std::fs::read_to_string(unit(world)).unwrap();
    let mut calls = BTreeSet::new();
    for filter in text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        match filter.strip_prefix('~') {
            Some(taken) => calls = calls.difference(&all(taken)).cloned().collect(),
            None => calls.extend(all(filter)),
        }
    }
    calls.extend(all("@default"));
    assert!(calls.len() > 100, "{calls:?}");
    calls
}

#[test]
fn the_unit_lets_the_worker_work() {
    for program in ["systemd-analyze", "strace"] {
        if !has(program) {
            return missing_peer("the_unit_lets_the_worker_work", program);
        }
    }
    let world = host();
    let allowed = allowed(&world);
    world.git("site.git", &["update-ref", "refs/heads/topic", "main"]).ok();
    let trace = world.path("trace");
    let mut strace = world.in_folder(".", "strace");
    strace.args(["-f", "-qq", "-o"]).arg(&trace).args([GIT_CAIRN, "worker", "--once", "--sites", "."]);
    run(&mut strace).ok().says("1 done");
    let trace = std::fs::read_to_string(trace).unwrap();
    let call = |line: &str| {
        let (_, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    let made: BTreeSet<String> = trace.lines().filter_map(call).collect();
    assert!(made.contains("execve") && made.contains("fsync"), "{made:?}");
    let denied: Vec<_> = made.difference(&allowed).collect();
    assert!(denied.is_empty(), "{denied:?}");
}

#[test]
fn systemd_reads_the_units() {
    if !has("systemd-analyze") {
        return missing_peer("systemd_reads_the_units", "systemd-analyze");
    }
    let world = World::new();
    for name in ["git-cairn-worker@.service", "git-cairn-worker@.timer"] {
        let text = std::fs::read_to_string(source("packaging/systemd").join(name)).unwrap();
        let text = text.replace("/usr/bin/git-cairn", GIT_CAIRN);
        std::fs::write(world.path(&name.replace('@', "@git")), text).unwrap();
    }
    let mut analyze = world.in_folder(".", "systemd-analyze");
    analyze.args(["verify", "--man=no", "./git-cairn-worker@git.service", "./git-cairn-worker@git.timer"]);
    let told = run(&mut analyze).ok();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", ""));
}

/// What is typed on a machine that systemd has booted: the example of the package, and a change for the worker to see.
///
/// The journal may have what a unit said a while after that ended, and systemd adds lines of its own to it, how many is its own
/// affair: so a line is waited for, and all lines are kept. The timer is stopped before anything that it might see first.
const ON_THE_MACHINE: &str = r#"#!/bin/sh
exec >/srv/log 2>&1
worker=git-cairn-worker@git
said() {
    for _ in $(seq 60); do
        journalctl --sync
        journalctl --no-pager --output=cat --unit=$worker.service >/srv/said
        grep -q "$1" /srv/said && break
        sleep 1
    done
    cat /srv/said
}
systemctl start $worker.service
echo "the worker ended with $?"
said '^1 repository: '
systemctl enable --now $worker.timer
systemctl is-active $worker.timer
systemctl stop $worker.timer $worker.service
printf '[Service]\nEnvironment=SITES=/srv/git\nReadWritePaths=\nReadWritePaths=/srv/git\n' \
    >/etc/systemd/system/$worker.service.d/zz.conf
systemctl daemon-reload
runuser -u git -- git -C /srv/git/site.git update-ref refs/heads/other main
systemctl start $worker.service
echo "without its store it ended with $?"
said 'Read-only file system'
systemctl poweroff
"#;

/// Needs systemd-container, and a machine that may boot another; `docs/sweeps.md` has the command.
#[test]
fn the_worker_works_under_a_systemd_that_runs() {
    let test = "the_worker_works_under_a_systemd_that_runs";
    // Asked for or not: without it, the units are read by systemd and held to what strace sees of the worker.
    if std::env::var_os("CAIRN_SYSTEMD").is_none() || !can_make_roots(test) {
        return;
    }
    let world = World::new();
    let root = Root::new(&world, "git,systemd,systemd-sysv,dbus");
    package(&world, &root.0.join("git-cairn.deb"));
    root.root("dpkg -i /git-cairn.deb && useradd --create-home --uid 1000 git && mkdir -p /srv/home /srv/git /var/backups/cairn && chown -R git: /srv/home /srv/git /var/backups/cairn").ok();
    let units = "/etc/systemd/system";
    root.root(&format!("mkdir -p {units}/git-cairn-worker@git.service.d {units}/default.target.wants && cp /usr/share/doc/git-cairn/examples/sites.conf {units}/git-cairn-worker@git.service.d/")).ok();
    root.git("git config --global user.name D && git config --global user.email d@e").ok();
    root.git(
        "git init --quiet --bare -b main /srv/git/site.git && git clone --quiet /srv/git/site.git /srv/home/dev 2>&1",
    )
    .ok();
    root.git("cd /srv/home/dev && git commit --quiet --allow-empty -m 1 && git push --quiet origin HEAD:main").ok();
    root.git("cd /srv/git/site.git && git config cairn.reserve 1MiB && git cairn setup --store /var/backups/cairn")
        .ok();
    root.git("git -C /srv/git/site.git update-ref refs/heads/topic main").ok();
    std::fs::write(root.0.join("srv/trial"), ON_THE_MACHINE).unwrap();
    let unit = "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /srv/trial\n";
    std::fs::write(root.0.join("etc/systemd/system/trial.service"), unit).unwrap();
    // A unit is wanted by a link; a file in that folder would be none.
    root.root(&format!("ln -s ../trial.service {units}/default.target.wants/")).ok();
    let mut boot = Command::new("timeout");
    boot.args(["600", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory"])
        .arg(&root.0);
    run(boot.stdin(std::process::Stdio::null())).ok();
    let told = std::fs::read_to_string(root.0.join("srv/log")).unwrap();
    for line in ["the worker ended with 0", "1 repository: 1 done, 0 unchanged, 0 failed", "active"] {
        assert!(told.lines().any(|one| one == line), "{line:?} is not in:\n{told}");
    }
    let denied = told.split_once("without its store it ended with 1\n").map(|(_, rest)| rest).unwrap_or_default();
    assert!(denied.contains("/var/backups/cairn") && denied.contains("Read-only file system"), "{told}");
    assert_eq!(root.git("git -C /srv/git/site.git cairn backup list").ok().stdout.lines().count(), 3);
}
