//! What of a repository is in no object and no reference: its config, its description, the hooks it had.

use super::{HookFile, RepositoryRecord};
use crate::error::{AtPath, Result};
use crate::git::{Key, Repository};
use crate::store::sha256;
use crate::text::{json_text, shown};
use std::path::{Path, PathBuf};

/// Words in a key's name that mean its value is a secret; git has no list of its own.
const SECRET_WORDS: [&str; 10] =
    ["password", "passwd", "secret", "token", "credential", "extraheader", "apikey", "privatekey", "webhook", "auth"];
/// The largest file `description` and the largest hook that is read, in bytes.
const SMALL_FILE_MAX: u64 = 64 << 20;

/// Takes it down. What cannot be read is named in `warnings`, and stops no backup.
pub fn record(repository: &Repository, warnings: &mut Vec<String>) -> RepositoryRecord {
    let mut record = RepositoryRecord::default();
    for (key, value) in repository.config().local() {
        let value = json_text(value);
        if is_secret(key, &value) {
            record.config_left_out.push(without_secret(key));
        } else {
            record.config.push((key.to_string(), value));
        }
    }
    let folder = repository.common_dir();
    let mut read = |path: &Path| {
        read_small(path).unwrap_or_else(|error| {
            warnings.push(error.to_string());
            None
        })
    };
    record.description = read(&folder.join("description")).map(|bytes| json_text(&bytes));
    record.hooks = hooks(&folder.join("hooks"), "", &mut read);
    record
}

fn is_secret(key: &Key, value: &str) -> bool {
    let subsection = key.subsection.as_ref().map(|text| json_text(text)).unwrap_or_default();
    names_secret(&key.name) || names_user(value) || names_user(&subsection)
}

/// Tells whether the last word of a key means that its value is a secret.
pub fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    // sendemail.smtpPass, imap.pass
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name.ends_with("pass")
}

/// `https://user:password@host` and `https://token@host`; the user of ssh is no secret.
fn names_user(url: &str) -> bool {
    let web = url.split_once("://").filter(|(scheme, _)| scheme.starts_with("http") || scheme.starts_with("ftp"));
    let secret_in_any =
        url.split_once("://").is_some_and(|(_, rest)| authority(rest).is_some_and(|user| user.contains(':')));
    secret_in_any || web.is_some_and(|(_, rest)| authority(rest).is_some())
}

/// The part of a URL before the `@` of its host.
fn authority(rest: &str) -> Option<&str> {
    rest.split('/').next()?.rsplit_once('@').map(|(user, _)| user)
}

/// The key's name for a person, without what may be a secret in its middle.
fn without_secret(key: &Key) -> String {
    let hidden = key.subsection.as_ref().is_some_and(|text| names_user(&json_text(text)));
    if hidden { format!("{}.***.{}", key.section, key.name) } else { key.to_string() }
}

/// The hooks below a folder, and those one folder deeper, where front ends and we keep them.
fn hooks(folder: &Path, prefix: &str, read: &mut dyn FnMut(&Path) -> Option<Vec<u8>>) -> Vec<HookFile> {
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Err(_) => return vec![],
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
    };
    paths.retain(|path| path.extension().is_none_or(|extension| extension != "sample"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_name().map(|name| shown(name.as_encoded_bytes())).unwrap_or_default();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            if prefix.is_empty() {
                found.extend(hooks(&path, &format!("{name}/"), read));
            }
        } else {
            found.push(HookFile { name, sha256: read(&path).map(|bytes| sha256(&bytes)) });
        }
    }
    found
}

fn read_small(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= SMALL_FILE_MAX => {
            std::fs::read(path).at("read", path).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        let (section, rest) = text.split_once('.').unwrap();
        let (subsection, name) = rest.rsplit_once('.').map_or((None, rest), |(sub, name)| (Some(sub.into()), name));
        Key { section: section.into(), subsection, name: name.into() }
    }

    #[test]
    fn secrets_are_told_by_key_and_by_url() {
        for (name, value) in [
            ("remote.o.url", "https://me:hunter2@host/x"),
            ("remote.o.url", "https://ghp_token@host/x"),
            ("remote.o.url", "ssh://me:hunter2@host/x"),
            ("url.https://me:hunter2@host/.insteadof", "x:"),
            ("http.extraheader", "Authorization: x"),
            ("cairn.live.dbpassword", "x"),
            ("sendemail.smtppass", "x"),
            ("notify.webhook", "https://chat/x"),
        ] {
            assert!(is_secret(&key(name), value), "{name}");
        }
        for (name, value) in [
            ("remote.o.url", "https://host/x"),
            ("remote.o.url", "ssh://git@host:22/x"),
            ("remote.o.url", "git@host:x"),
            ("core.bare", "true"),
        ] {
            assert!(!is_secret(&key(name), value), "{name}");
        }
        assert_eq!(without_secret(&key("url.https://me:hunter2@host/.insteadof")), "url.***.insteadof");
    }
}
