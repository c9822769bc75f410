//! Who pushes, and how that is known.

use crate::os;
use std::fmt;
use std::sync::LazyLock;

/// A person as the host knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pusher {
    /// The name.
    pub name: String,
    /// What vouches for it: `gitolite`, `gitlab`, `gitea`, `http`, `ssh` or `unix`.
    pub source: &'static str,
}

impl fmt::Display for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.source)
    }
}

/// Variables in which a front end names the person it has let in, most telling first.
const FRONT_ENDS: [(&str, &str); 5] = [
    ("GL_USERNAME", "gitlab"),
    ("GL_USER", "gitolite"),
    ("GITEA_PUSHER_NAME", "gitea"),
    ("GL_ID", "gitlab"),
    ("REMOTE_USER", "http"),
];

/// Tells who pushes from the environment git gave the hook; `user` is the process's own user.
pub fn who_pushes(get: impl Fn(&str) -> Option<String>, user: impl Fn() -> String) -> Pusher {
    let clean = |name: String| crate::text::shown(name.trim().as_bytes()).chars().take(200).collect::<String>();
    let named = FRONT_ENDS.iter().find_map(|(variable, source)| {
        let name = clean(get(variable)?);
        (!name.is_empty()).then_some(Pusher { name, source })
    });
    let source = if get("SSH_CONNECTION").is_some() { "ssh" } else { "unix" };
    named.unwrap_or_else(|| Pusher { name: clean(user()), source })
}

/// Returns the name of the user this process runs as; its number where it has none.
pub fn own_user() -> String {
    // A directory service takes its time, and a hook asks for the audit, the guard and the deployment.
    static OWN: LazyLock<String> = LazyLock::new(|| user_name(os::user_who_started()));
    OWN.clone()
}

/// Returns the name of a user of this machine by their number; the number where they have none.
pub fn user_name(number: u32) -> String {
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    name.or_else(|| name_elsewhere(number)).unwrap_or_else(|| format!("uid {number}"))
}

/// Users that a directory service knows and /etc/passwd does not.
fn name_elsewhere(number: u32) -> Option<String> {
    let out = crate::process::Command::new("id").args(["-un", &number.to_string()]).read().ok()?;
    let name = String::from_utf8(out).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pusher(variables: &[(&str, &str)]) -> String {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        who_pushes(get, || "git".into()).to_string()
    }

    #[test]
    fn every_front_end() {
        assert_eq!(pusher(&[("GL_USER", "anna")]), "anna (gitolite)");
        assert_eq!(pusher(&[("GL_ID", "user-7"), ("GL_USERNAME", "anna")]), "anna (gitlab)");
        assert_eq!(pusher(&[("GL_ID", "key-7")]), "key-7 (gitlab)");
        assert_eq!(pusher(&[("GITEA_PUSHER_NAME", "anna")]), "anna (gitea)");
        assert_eq!(pusher(&[("REMOTE_USER", "anna")]), "anna (http)");
        assert_eq!(pusher(&[("SSH_CONNECTION", "1.2.3.4 5 6 7")]), "git (ssh)");
        assert_eq!(pusher(&[("REMOTE_USER", " ")]), "git (unix)");
        assert_eq!(pusher(&[("GL_USER", "a\x1b[2Jb")]), "a\\u{1b}[2Jb (gitolite)");
    }
}
