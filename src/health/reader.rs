//! Whether whoever looks may see what there is: what is closed to them must not be told as missing.

use crate::audit::Log;
use crate::error::{AtPath, Error, Result};
use crate::git::Repository;
use crate::hook;
use crate::os;
use crate::queue::State;
use crate::site::Site;
use crate::text::shell_word;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Looks whether everything that is judged is open to this user.
///
/// Returns [`crate::error::Kind::Outside`], naming the owner's command, where it is not and the repository is somebody else's;
/// to its owner each thing that is closed has a line of its own.
pub(super) fn may_look(repository: &Repository, site: &Site, state: &State, hooks: &hook::Facts) -> Result<()> {
    let root = repository.common_dir();
    let (owner, me) = (os::owner(&std::fs::metadata(&root).at("read", &root)?), os::user());
    if os::is_root() || me == owner {
        return Ok(());
    }
    let own = hooks.own_folder(&hooks.layout());
    let folders = [
        root.clone(),
        root.join("refs"),
        repository.objects_dir(),
        state.folder().to_owned(),
        own.clone(),
        site.store.clone(),
    ];
    let files = [root.join("config"), own.join("pre-receive"), own.join("post-receive")];
    let audit = Log::of(state).path();
    let closed = first_closed(&folders, |path| std::fs::read_dir(path).map(drop))
        .or_else(|| first_closed(&files, |path| std::fs::File::open(path).map(drop)))
        .or_else(|| first_closed(&[audit], |path| std::fs::OpenOptions::new().append(true).open(path).map(drop)));
    let Some(closed) = closed else { return Ok(()) };
    let (me, owner) = (hook::user_name(me), hook::user_name(owner));
    let message = format!("{} is closed to {me}, so how this host is cannot be told", closed.display());
    let as_owner = owner.strip_prefix("uid ").map_or(owner.clone(), |number| format!("#{number}"));
    let hint =
        format!("its owner sees it: sudo -u {} git -C {} cairn doctor", shell_word(&as_owner), shell_word(&root));
    Err(Error::outside("permission", message).hint(hint))
}

fn first_closed(paths: &[PathBuf], open: impl Fn(&Path) -> io::Result<()>) -> Option<PathBuf> {
    let closed = |path: &&PathBuf| open(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    paths.iter().find(closed).cloned()
}
