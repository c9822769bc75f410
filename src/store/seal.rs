//! Documents that carry their own digest, so that a flipped bit is seen without another file.

use super::sha256;
use bstr::ByteSlice;
use serde::Serialize;

/// What stands in place of a document's digest while that is computed.
pub const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns the bytes of a document in which [`NO_DIGEST`] stands where its digest belongs, with the SHA-256 of themselves
/// in that place, and that digest.
pub fn seal(document: &impl Serialize) -> (Vec<u8>, String) {
    let mut bytes = serde_json::to_vec_pretty(document).expect("text serializes");
    bytes.push(b'\n');
    let digest = sha256(&bytes);
    let sealed = replace_once(&bytes, NO_DIGEST, &digest).expect("the document has a place for its digest");
    (sealed, digest)
}

/// Tells whether a document is the one that was sealed with `digest`.
pub fn is_sealed(bytes: &[u8], digest: &str) -> bool {
    digest.len() == NO_DIGEST.len()
        && replace_once(bytes, digest, NO_DIGEST).is_some_and(|bytes| sha256(&bytes) == digest)
}

fn replace_once(bytes: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let position = bytes.find(from)?;
    Some([&bytes[..position], to.as_bytes(), &bytes[position + from.len()..]].concat())
}
