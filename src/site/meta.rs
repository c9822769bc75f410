//! What a clone is told of the site: the blob that `refs/meta/cairn` points to.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The reference that clients see and cannot write.
pub const META_REF: &str = "refs/meta/cairn";
/// The version of the conversation between a clone and a host.
pub const PROTOCOL: u32 = 1;
/// The largest blob that is read as one, in bytes.
pub const META_BYTES_MAX: u64 = 1 << 20;

/// The content of the blob, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The site's name.
    pub site: String,
    /// The environments, the first being where people develop.
    pub environments: Vec<MetaEnvironment>,
    /// The template of deployment tags.
    pub tag_template: String,
}

/// An environment as a clone knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaEnvironment {
    /// Its name.
    pub name: String,
    /// The short name of its branch.
    pub branch: String,
    /// Where a deployment takes its commit from.
    pub from: Option<String>,
}

impl Meta {
    /// Returns the bytes of the blob.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("text serializes");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the blob.
    ///
    /// Returns an error for a protocol that is newer than ours.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let unreadable = |why: String| {
            Error::failed("meta", format!("{META_REF} of the host cannot be read: {why}"))
                .hint("on the host, to write it anew: git cairn setup")
        };
        let meta: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if meta.protocol > PROTOCOL {
            return Err(
                unreadable(format!("it speaks protocol {}", meta.protocol)).hint("install a newer git-cairn here")
            );
        }
        Ok(meta)
    }
}
