//! The acts of the demo. Each says what it shows, does it with the commands a person would type, and looks for itself.

use super::stage::Stage;
use crate::cli::style::Style;
use crate::error::{AtPath, Error, Result};
use crate::os;

/// How many acts there are.
pub const COUNT: usize = 7;

/// The operator's own hook: it serves Live. git-cairn keeps it running.
const SERVE: &str = "#!/bin/sh
# Serve what live stands on.
git rev-parse --quiet --verify live >/dev/null || exit 0
GIT_WORK_TREE=../served GIT_INDEX_FILE=$PWD/index.live git read-tree --reset -u live
";

/// Plays them all.
pub fn play(stage: &mut Stage<'_>) {
    let mut before = String::new();
    stage.act("A bare repository becomes a host", set_up);
    stage.act("A developer pushes; the push is backed up", push);
    stage.act("Test and Live are deployed, each deployment marked", deploy);
    stage.act("Live breaks and is back with one command", roll_back);
    stage.act("Every backup is read back, object by object", verify);
    stage.act("The repository is lost", |stage| {
        before = identity(stage)?;
        stage.tell_as(Style::Typed, "$ rm -rf site.git");
        let path = stage.path("site.git");
        std::fs::remove_dir_all(&path).at("remove", &path)?;
        Ok("site.git is gone".into())
    });
    stage.act("It comes back from the store alone, and deploys on", |stage| restore(stage, &before));
}

fn set_up(stage: &mut Stage<'_>) -> Result<String> {
    stage.types(&["git", "init", "--quiet", "--bare", "--initial-branch=main", "site.git"])?;
    let served = stage.path("served");
    std::fs::create_dir_all(&served).at("create the folder", &served)?;
    put_hook(stage, "site.git/hooks/post-receive")?;
    stage.tell("  (its operator has a post-receive hook there that serves live from served/)");
    stage.types(&["git", "-C", "site.git", "config", "cairn.reserve", "10MiB"])?;
    stage.types(&["git", "-C", "site.git", "cairn", "setup"])?;
    Ok("hooks, config, a store beside it, a first backup".into())
}

fn put_hook(stage: &Stage<'_>, name: &str) -> Result<()> {
    let hook = stage.path(name);
    let folder = hook.parent().unwrap_or(&hook);
    std::fs::create_dir_all(folder).at("create the folder", folder)?;
    std::fs::write(&hook, SERVE).at("write", &hook)?;
    os::set_permissions(&hook, 0o755).at("set the mode of", &hook)
}

fn push(stage: &mut Stage<'_>) -> Result<String> {
    stage.types(&["git", "clone", "--quiet", "site.git", "clone"])?;
    stage.asks(&["git", "-C", "clone", "symbolic-ref", "HEAD", "refs/heads/main"])?;
    change(stage, "a fine page", "Begin the site")?;
    stage.types(&["git", "-C", "clone", "push", "origin", "main"])?;
    expect_lines(stage, &["git", "-C", "site.git", "cairn", "backup", "list", "dev"], 2 + 1)?;
    Ok("the push made a verified backup".into())
}

fn deploy(stage: &mut Stage<'_>) -> Result<String> {
    stage.types(&["git", "-C", "clone", "cairn", "deploy", "test", "--yes"])?;
    stage.types(&["git", "-C", "clone", "cairn", "deploy", "live", "--yes", "--note", "opening day"])?;
    served(stage, "a fine page")?;
    stage.types(&["git", "-C", "clone", "cairn", "deployments"])?;
    expect_lines(stage, &["git", "-C", "site.git", "tag", "--list", "live_1", "test_1"], 2)?;
    Ok("tags test_1 and live_1, a backup of each".into())
}

fn roll_back(stage: &mut Stage<'_>) -> Result<String> {
    change(stage, "error 500", "Improve everything")?;
    stage.asks(&["git", "-C", "clone", "push", "--quiet", "origin", "main"])?;
    stage.asks(&["git", "-C", "clone", "cairn", "deploy", "test", "--yes"])?;
    stage.types(&["git", "-C", "clone", "cairn", "deploy", "live", "--yes"])?;
    served(stage, "error 500")?;
    stage.types(&["git", "-C", "clone", "cairn", "rollback", "live", "--yes"])?;
    served(stage, "a fine page")?;
    Ok("live_2 was broken, live_3 is what live_1 was".into())
}

fn verify(stage: &mut Stage<'_>) -> Result<String> {
    stage.types(&["git", "-C", "site.git", "cairn", "backup", "list"])?;
    stage.types(&["git", "-C", "site.git", "cairn", "backup", "verify", "--all"])?;
    Ok("every digest, object and reference".into())
}

fn restore(stage: &mut Stage<'_>, before: &str) -> Result<String> {
    let out =
        stage.types(&["git", "cairn", "restore", "live", "--store", "site.cairn", "--to", "site.git", "--bare"])?;
    if identity(stage)? != before {
        return Err(Error::failed("demo", "the restored repository differs from the lost one"));
    }
    stage.tell("  (the same references, the same HEAD, the same objects as before)");
    let next = out.lines().last().unwrap_or_default().to_owned();
    let words: Vec<&str> = next.split(' ').collect();
    stage.types(&words)?;
    put_hook(stage, "site.git/hooks/found-by-cairn/post-receive")?;
    stage.tell("  (its operator puts that hook back)");
    change(stage, "a finer page", "Improve one thing")?;
    stage.asks(&["git", "-C", "clone", "push", "--quiet", "origin", "main"])?;
    stage.asks(&["git", "-C", "clone", "cairn", "deploy", "test", "--yes"])?;
    stage.types(&["git", "-C", "clone", "cairn", "deploy", "live", "--yes"])?;
    served(stage, "a finer page")?;
    expect_lines(stage, &["git", "-C", "site.git", "tag", "--list", "live_4"], 1)?;
    Ok("identical, and the next deployment is live_4".into())
}

fn change(stage: &mut Stage<'_>, content: &str, subject: &str) -> Result<()> {
    stage.writes("clone/index.html", content)?;
    stage.asks(&["git", "-C", "clone", "add", "index.html"])?;
    stage.types(&["git", "-C", "clone", "commit", "--quiet", "-m", subject]).map(drop)
}

/// Looks at what is served.
fn served(stage: &mut Stage<'_>, expected: &str) -> Result<()> {
    let page = stage.types(&["cat", "served/index.html"])?;
    if page.trim() == expected {
        return Ok(());
    }
    Err(Error::failed("demo", format!("{:?} is served instead of {expected:?}", page.trim())))
}

fn expect_lines(stage: &Stage<'_>, words: &[&str], number: usize) -> Result<()> {
    let lines = stage.asks(words)?.lines().count();
    if lines == number {
        return Ok(());
    }
    Err(Error::failed("demo", format!("{} prints {lines} lines, not {number}", words.join(" "))))
}

/// All references, HEAD and all objects of the host.
fn identity(stage: &Stage<'_>) -> Result<String> {
    let refs = stage.asks(&["git", "-C", "site.git", "for-each-ref", "--format=%(refname) %(objectname) %(symref)"])?;
    let head = stage.asks(&["git", "-C", "site.git", "symbolic-ref", "HEAD"])?;
    let objects = stage.asks(&["git", "-C", "site.git", "rev-list", "--objects", "--all"])?;
    stage.asks(&["git", "-C", "site.git", "fsck", "--full", "--no-dangling"])?;
    let mut objects: Vec<_> = objects.lines().collect();
    objects.sort_unstable();
    Ok(format!("{refs}{head}{}", objects.join("\n")))
}
