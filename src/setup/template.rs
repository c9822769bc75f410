//! A template of repositories (git-init(1), `init.templateDir`): what is made from it is set up by its first push.

use super::config_file::{ConfigFile, Setting};
use crate::durable::{self, Modes};
use crate::error::Result;
use crate::git::settings_of_file;
use crate::hook::{InstallPlan, plan_template};
use crate::site::HIDDEN_REFS;
use std::path::{Path, PathBuf};

/// Whoever makes a repository must be able to copy it.
const MODES: Modes = Modes { folder: 0o755, file: 0o644 };

/// What a template lacks.
#[derive(Debug)]
pub struct Template {
    /// The folder.
    pub folder: PathBuf,
    /// The hooks.
    pub hooks: InstallPlan,
    /// What its config lacks. git copies that into each new repository, before the first push could set anything.
    pub settings: Vec<Setting>,
}

impl Template {
    /// Looks what is missing; what is there stays, and its hooks go on running.
    ///
    /// Returns [`crate::error::Kind::Unsafe`] where a hook stands that would be lost.
    pub fn look(folder: &Path, git_cairn: &Path) -> Result<Self> {
        let config = settings_of_file(&folder.join("config"))?;
        let hidden = HIDDEN_REFS.trim_end_matches('/');
        let mut settings = Vec::new();
        let mut set = |key: &str, value: &str, add| {
            settings.push(Setting { key: key.into(), value: value.into(), add });
        };
        if config.is_true("cairn", "setupOnPush") != Some(true) {
            set("cairn.setupOnPush", "true", false);
        }
        if config.get("cairn", "guard").is_none() {
            set("cairn.guard", "warn", false);
        }
        if config.is_true("receive", "advertisePushOptions") != Some(true) {
            set("receive.advertisePushOptions", "true", false);
        }
        if !config.all("transfer", "hideRefs").iter().any(|value| value == hidden) {
            set("transfer.hideRefs", hidden, true);
        }
        Ok(Self { folder: folder.to_owned(), hooks: plan_template(folder, git_cairn)?, settings })
    }

    /// Puts it in place. The config comes last: without it the hooks leave a new repository alone.
    pub fn apply(&self) -> Result<()> {
        durable::make_folders(&self.folder, MODES)?;
        self.hooks.apply_to_template(MODES)?;
        ConfigFile::planned(&self.folder.join("config"), &self.settings)?.put()
    }
}
