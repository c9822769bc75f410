//! Where git, or the front end that runs it, looks for the hooks of a repository, and where ours may stand.

use super::record::Record;
use super::shim::is_ours;
use crate::error::Result;
use crate::git::Repository;
use crate::hook::Event;
use crate::os::{self, OsStrExt};
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder of ours for a repository whose own hooks folder serves others too.
const OUR_FOLDER: &str = "cairn-hooks";

/// A front end that runs every file of a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitLab: `custom_hooks/<hook>.d` (docs.gitlab.com, "Git server hooks").
    GitLab,
    /// Gitea and Forgejo: `hooks/<hook>.d`, in which the file `gitea` is theirs.
    Gitea,
}

/// Where our files stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In the hooks folder, which is this repository's alone.
    Own,
    /// In a folder of ours that `core.hooksPath` names, and from which each hook of the found folder is run.
    Beside {
        /// The folder that serves other repositories too, and in which nothing is ever written.
        found: PathBuf,
    },
    /// In the folders that a front end runs.
    Forge(Forge),
}

/// What was seen of a repository's hooks.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The repository, with every link followed.
    pub common_dir: PathBuf,
    /// The folder that git looks in, as git names it.
    pub folder: PathBuf,
    /// The same with every link followed.
    pub resolved: PathBuf,
    /// `core.hooksPath` in the repository's own config.
    pub hooks_path: Option<PathBuf>,
    /// What an earlier installation noted.
    pub record: Option<Record>,
    /// Whose repository it is, if a front end's that runs folders of its own.
    pub forge: Option<Forge>,
    /// Whether gitolite has put its own hook here.
    pub gitolite: bool,
    /// Whether a file of ours stands in the folder of the repository itself.
    pub inside: bool,
}

/// Looks at a repository's hooks.
pub fn facts(repository: &Repository) -> Result<Facts> {
    let out = repository.git().args(["rev-parse", "--git-path", "hooks"]).in_folder(repository.git_dir()).read()?;
    let folder = repository.git_dir().join(OsStr::from_bytes(out.trim_end_with(|c| c == '\n')));
    let common_dir = repository.common_dir();
    let config = repository.config();
    let local = config.local().filter(|(key, _)| key.to_string() == "core.hookspath").last();
    let own = common_dir.join("hooks");
    let ours = |event: Event| std::fs::read(own.join(event.name())).is_ok_and(|bytes| is_ours(&bytes));
    let gitlab = common_dir.join("custom_hooks").is_dir()
        || config.get("gitlab", "fullpath").is_some()
        || common_dir.components().any(|part| part.as_os_str() == "@hashed");
    let gitea = folder.join("pre-receive.d/gitea").is_file();
    Ok(Facts {
        resolved: os::canonicalize(&folder).unwrap_or_else(|_| folder.clone()),
        hooks_path: local.map(|(_, value)| PathBuf::from(OsStr::from_bytes(value))),
        record: Record::read(&common_dir)?,
        forge: if gitlab { Some(Forge::GitLab) } else { gitea.then_some(Forge::Gitea) },
        gitolite: is_gitolites(&common_dir),
        inside: Event::ALL.into_iter().any(ours),
        common_dir,
        folder,
    })
}

/// Tells whether a repository is one of gitolite's, by the link that it makes for its own hook.
pub(in crate::hook) fn is_gitolites(common_dir: &Path) -> bool {
    let update = std::fs::read_link(common_dir.join("hooks/update")).unwrap_or_default();
    update.as_os_str().as_bytes().contains_str(".gitolite/hooks/")
}

impl Facts {
    /// Decides where our files may stand.
    pub fn layout(&self) -> Layout {
        if let Some(forge) = self.forge {
            return Layout::Forge(forge);
        }
        // Where we stand beside a folder already, that one counts, and not ours.
        if let Some(found) = self.record.as_ref().and_then(Record::found_folder) {
            return Layout::Beside { found: self.common_dir.join(found) };
        }
        // `gitolite setup` puts a link over every name in this folder that its common hooks have.
        if self.gitolite && !self.inside && self.resolved == self.common_dir.join("hooks") {
            return Layout::Beside { found: self.resolved.clone() };
        }
        // A link may lead to a folder that other repositories share.
        if self.resolved.starts_with(&self.common_dir) {
            return Layout::Own;
        }
        // One inside is named from the repository, so that it is still found where that moves.
        Layout::Beside { found: self.folder.clone() }
    }

    /// Returns the folder in which the file of a hook stands, or for a front end the folder above its `<hook>.d`.
    pub fn own_folder(&self, layout: &Layout) -> PathBuf {
        match layout {
            Layout::Own | Layout::Forge(Forge::Gitea) => self.resolved.clone(),
            Layout::Beside { .. } => self.common_dir.join(OUR_FOLDER),
            Layout::Forge(Forge::GitLab) => self.common_dir.join("custom_hooks"),
        }
    }

    /// Returns the file of ours for a hook.
    pub fn file(&self, layout: &Layout, event: &str) -> PathBuf {
        let folder = self.own_folder(layout);
        match layout {
            Layout::Forge(_) => folder.join(format!("{event}.d")).join("cairn"),
            Layout::Own | Layout::Beside { .. } => folder.join(event),
        }
    }

    /// Returns the name by which a hook of a found folder is run.
    ///
    /// gitolite's multi-hook-driver refuses a push only where it is called `hooks/pre-receive`, as git calls it in a bare
    /// repository, in whose folder the hooks of a push are always run.
    pub fn called(&self, found: &Path, event: &str) -> PathBuf {
        let of_a_push = ["pre-receive", "update", "post-receive", "post-update"].contains(&event);
        let inside = found.strip_prefix(&self.common_dir).ok().filter(|_| self.gitolite && of_a_push);
        inside.unwrap_or(found).join(event)
    }

    /// Says, for a person, what was recognized.
    pub fn told(&self, layout: &Layout) -> String {
        let folder = |path: &Path| path.display().to_string();
        match layout {
            Layout::Own if self.gitolite => format!("{}, in which gitolite has its own", folder(&self.resolved)),
            Layout::Own => folder(&self.resolved),
            Layout::Beside { found } if self.gitolite => format!(
                "{}, named by core.hooksPath, because gitolite writes its own into {}",
                folder(&self.own_folder(layout)),
                folder(found)
            ),
            Layout::Beside { found } => format!(
                "{}, named by core.hooksPath, because {} serves other repositories too",
                folder(&self.own_folder(layout)),
                folder(found)
            ),
            Layout::Forge(Forge::GitLab) => format!("{}, which GitLab runs", folder(&self.own_folder(layout))),
            Layout::Forge(Forge::Gitea) => format!("{}, which Gitea or Forgejo runs", folder(&self.own_folder(layout))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(folder: &str) -> Facts {
        Facts { common_dir: "/srv/a.git".into(), folder: folder.into(), resolved: folder.into(), ..Facts::default() }
    }

    #[test]
    fn a_folder_of_others_is_stood_beside() {
        assert_eq!(seen("/srv/a.git/hooks").layout(), Layout::Own);
        assert_eq!(seen("/srv/a.git/own").layout(), Layout::Own);
        assert_eq!(seen("/etc/hooks").layout(), Layout::Beside { found: "/etc/hooks".into() });
        // The folder is a link that leads out.
        let link = Facts { folder: "/srv/a.git/hooks".into(), ..seen("/etc/hooks") };
        assert_eq!(link.layout(), Layout::Beside { found: "/srv/a.git/hooks".into() });
        assert_eq!(link.file(&link.layout(), "update"), Path::new("/srv/a.git/cairn-hooks/update"));
    }

    #[test]
    fn where_we_stand_beside_a_folder_that_one_counts() {
        let record = Record { found: Some("/etc/hooks".into()), ..Record::default() };
        let again = Facts { record: Some(record), ..seen("/srv/a.git/cairn-hooks") };
        assert_eq!(again.layout(), Layout::Beside { found: "/etc/hooks".into() });
    }

    #[test]
    fn what_gitolite_may_write_over_is_stood_beside() {
        let gitolite = Facts { gitolite: true, ..seen("/srv/a.git/hooks") };
        assert_eq!(gitolite.layout(), Layout::Beside { found: "/srv/a.git/hooks".into() });
        assert_eq!(gitolite.called(&gitolite.folder, "pre-receive"), Path::new("hooks/pre-receive"));
        assert_eq!(gitolite.called(&gitolite.folder, "post-merge"), Path::new("/srv/a.git/hooks/post-merge"));
        assert_eq!(seen("/etc/hooks").called(Path::new("/etc/hooks"), "update"), Path::new("/etc/hooks/update"));
        // It came when we were here already.
        let later = Facts { gitolite: true, inside: true, ..seen("/srv/a.git/hooks") };
        assert_eq!(later.layout(), Layout::Own);
    }

    #[test]
    fn front_ends_have_folders_of_their_own() {
        let gitlab = Facts { forge: Some(Forge::GitLab), ..seen("/srv/a.git/hooks") };
        let file = gitlab.file(&gitlab.layout(), "pre-receive");
        assert_eq!(file, Path::new("/srv/a.git/custom_hooks/pre-receive.d/cairn"));
        let gitea = Facts { forge: Some(Forge::Gitea), ..seen("/srv/a.git/hooks") };
        let file = gitea.file(&gitea.layout(), "post-receive");
        assert_eq!(file, Path::new("/srv/a.git/hooks/post-receive.d/cairn"));
    }
}
