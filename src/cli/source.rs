//! Where backups are read from: the store of the repository at hand, or one that was named.

use super::arguments::StoreArguments;
use crate::backup::{Catalog, Manifest, StoreSite, Tenant, host_store, select};
use crate::error::{AtPath, Error, Result};
use crate::git::{NOT_A_REPOSITORY, Place, Repository};
use crate::os;
use crate::queue::State;
use crate::site::{NOT_SET_UP, Site};
use crate::store::LocalStore;
use crate::text::shell_word;
use std::path::{Path, PathBuf};

/// A store, and the site in it.
pub struct Source {
    store: LocalStore,
    name: String,
    /// What was typed to mean it, with a space before each flag.
    flags: String,
    /// The site, where the repository is at hand.
    pub site: Option<Site>,
    state: Option<State>,
    /// The repository at hand, if the store was not named.
    pub repository: Option<Repository>,
}

impl Source {
    /// Opens what was named, else what the repository at hand names.
    pub fn open(place: &Place, named: &StoreArguments) -> Result<Self> {
        if let Some(root) = &named.store {
            let root = os::canonicalize(root).unwrap_or_else(|_| root.clone());
            let store = LocalStore::existing(&root)?;
            let name = StoreSite::find(&store, named.site.as_deref())?.name;
            let flags = format!(" --store {}{}", shell_word(&root), site_flag(named));
            return Ok(Self { store, name, flags, site: None, state: None, repository: None });
        }
        let repository = Repository::discover(place).map_err(or_by_store)?;
        let site = Site::from_config(&repository.config()).map_err(or_by_store)?;
        let store = host_store(&site);
        let store = LocalStore::existing(store.root()).map(|_| store)?;
        let state = State::of(&repository, site.modes);
        let name = named.site.clone().unwrap_or_else(|| site.name.clone());
        let flags = site_flag(named);
        Ok(Self { store, name, flags, site: Some(site), state: Some(state), repository: Some(repository) })
    }

    /// Reads its backups.
    pub fn catalog(&self) -> Result<Catalog<'_>> {
        Catalog::read(&self.store, &self.name)
    }

    /// Finds the backup that a person names, as [`select`] does, whose hints are made to be typed where the store is named.
    pub fn select<'c>(&self, catalog: &'c Catalog<'_>, words: &str) -> Result<&'c Manifest> {
        select(catalog, words).map_err(|error| self.advise(error))
    }

    /// Returns the error with its hint as [`Source::in_full`] has it.
    pub fn advise(&self, error: Error) -> Error {
        match error.next_step().map(|hint| self.in_full(hint)) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Returns a hint in which each command that reads backups is told where they are, as this one was.
    pub fn in_full(&self, hint: &str) -> String {
        let told = |hint: String, verb: &str| {
            let command = format!("git cairn backup {verb}");
            hint.replace(&command, &format!("{command}{}", self.flags))
        };
        ["list", "show", "get", "verify"].into_iter().fold(hint.to_owned(), told)
    }

    /// Returns how a command is begun that only the owner of the repository may run whose store this is.
    pub fn owner_runs(&self) -> String {
        if self.repository.is_some() {
            return "git cairn".into();
        }
        let tenant = Tenant::read(&self.store, &self.name).ok().flatten();
        let repository = tenant.map_or("<repository>".into(), |tenant| shell_word(&tenant.repository));
        format!("git -C {repository} cairn")
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// Returns the name of the site.
    pub fn site_name(&self) -> &str {
        &self.name
    }

    /// Returns the state of the repository at hand, where its store is this user's to write.
    pub fn own_state(&self) -> Option<&State> {
        self.state.as_ref().filter(|state| state.is_ours().unwrap_or(false))
    }

    /// Returns a folder for files that are needed only meanwhile.
    pub fn scratch(&self) -> Result<PathBuf> {
        if let Some(state) = self.own_state() {
            return state.scratch();
        }
        let folder = std::env::temp_dir();
        os::canonicalize(&folder).at("find the folder", &folder)
    }
}

fn site_flag(named: &StoreArguments) -> String {
    named.site.as_ref().map(|site| format!(" --site {}", shell_word(site))).unwrap_or_default()
}

/// A store is read without its repository, which may be on another machine, or lost.
fn or_by_store(error: Error) -> Error {
    match error.code() {
        NOT_A_REPOSITORY => error.hint("name the store: --store <dir>, or the repository on the host: -C <dir>"),
        NOT_SET_UP => error.hint("name the store: --store <dir>; where this is the host, set it up: git cairn setup"),
        _ => error,
    }
}
