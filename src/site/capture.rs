//! What a capture of a served work tree may hold, and how long it may take.

use super::{EnvironmentName, parse_size};
use crate::clock;
use crate::error::{Error, Result};
use crate::git::{Config, wildmatch};
use bstr::{BStr, BString, ByteSlice};
use std::time::Duration;

/// Where sites keep what people upload and programs make, unless the config says otherwise.
const DEFAULT_EXCLUDE: [&str; 3] = ["sites/*/files", "wp-content/uploads", "wp-content/cache"];
/// What a capture may hold in all unless the config says otherwise, in bytes.
const DEFAULT_LIMIT: u64 = 200 << 20;
/// What one file of a capture may have, in bytes.
pub const CAPTURE_FILE_MAX: u64 = 20 << 20;
/// How long a push waits for a capture unless the config says otherwise.
const DEFAULT_BUDGET: Duration = Duration::from_secs(30);

/// The rules of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRules {
    /// `cairn.<env>.captureExclude`: patterns of files and folders that are left out.
    pub exclude: Vec<BString>,
    /// `cairn.<env>.captureLimit`, in bytes.
    pub limit_bytes: u64,
    /// `cairn.<env>.captureBudget`, for a push.
    pub budget: Duration,
}

impl CaptureRules {
    /// Reads them; where a value makes no sense, the default is taken and its error returned beside.
    pub fn of(config: &Config, environment: &EnvironmentName) -> (Self, Vec<Error>) {
        let mut unclear = Vec::new();
        let limit_bytes = read(config, environment, "captureLimit", parse_size, &mut unclear).unwrap_or(DEFAULT_LIMIT);
        let budget = read(config, environment, "captureBudget", clock::parse_span, &mut unclear);
        let given = config.section("cairn").filter(|(key, _)| {
            key.name == "captureexclude" && key.subsection.as_ref().is_some_and(|name| name == environment.as_str())
        });
        let mut exclude: Vec<BString> = given.map(|(_, pattern)| pattern.clone()).collect();
        if exclude.is_empty() {
            exclude = DEFAULT_EXCLUDE.map(BString::from).to_vec();
        }
        (Self { exclude, limit_bytes, budget: budget.unwrap_or(DEFAULT_BUDGET) }, unclear)
    }

    /// Returns the file or folder, the path itself or one above it, that a pattern names.
    pub fn excluded<'a>(&self, path: &'a BStr) -> Option<&'a BStr> {
        let ends = path.find_iter("/").chain([path.len()]);
        let mut above = ends.map(|end| path[..end].as_bstr());
        above.find(|above| self.exclude.iter().any(|pattern| wildmatch(pattern.trim_end_with(|c| c == '/'), above)))
    }
}

fn read<T>(
    config: &Config,
    environment: &EnvironmentName,
    key: &str,
    parse: impl Fn(&str) -> Result<T>,
    unclear: &mut Vec<Error>,
) -> Option<T> {
    let text = config.get_in("cairn", environment.as_str(), key)?;
    match parse(&text) {
        Ok(value) => Some(value),
        Err(error) => {
            unclear.push(error.while_doing(format!("cairn.{environment}.{key}")));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &[&str]) -> (CaptureRules, Vec<Error>) {
        CaptureRules::of(&Config::of(lines), &EnvironmentName::new("live").unwrap())
    }

    #[test]
    fn uploads_are_left_out_unless_the_config_says_otherwise() {
        let (standard, unclear) = rules(&[]);
        assert!(unclear.is_empty());
        let excluded = |rules: &CaptureRules, path: &str| rules.excluded(path.into()).map(ToString::to_string);
        assert_eq!(excluded(&standard, "sites/default/files/a/b.jpg").as_deref(), Some("sites/default/files"));
        assert_eq!(excluded(&standard, "wp-content/uploads").as_deref(), Some("wp-content/uploads"));
        for path in ["sites/default/settings.php", "sites/files", "deep/wp-content/uploads/x", "sites/a/b/files/x"] {
            assert_eq!(excluded(&standard, path), None, "{path}");
        }
        let (own, _) =
            rules(&["cairn.live.captureExclude=*.log", "cairn.live.captureExclude=var/", "cairn.dev.captureExclude=x"]);
        assert_eq!(excluded(&own, "var/cache/x").as_deref(), Some("var"));
        assert_eq!(excluded(&own, "a.log").as_deref(), Some("a.log"));
        assert_eq!(excluded(&own, "x"), None);
        assert_eq!(excluded(&own, "sites/default/files/x"), None);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_told_and_the_default_taken() {
        let (rules, unclear) = rules(&["cairn.live.captureLimit=much", "cairn.live.captureBudget=5s"]);
        assert_eq!((rules.limit_bytes, rules.budget), (200 << 20, Duration::from_secs(5)));
        assert!(unclear[0].to_string().contains("cairn.live.captureLimit"), "{}", unclear[0]);
    }
}
