//! Pages of API v2: a size, and a key that contains the whole query.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::ServiceError;
use super::request::Query;

/// Keys begin with bytes whose base64 form is `+/+/`, which only survives in a
/// query if the client percent-encodes it.
const KEY_PREFIX: [u8; 3] = [0xfb, 0xff, 0xbf];

/// The key of the page that `question` asks for.
pub(super) fn key(question: &impl Serialize) -> String {
    let mut bytes = KEY_PREFIX.to_vec();
    serde_json::to_writer(&mut bytes, question).expect("a page is plain data in memory");
    STANDARD.encode(bytes)
}

/// The question behind a page key, if there is one. Apart from `also`, no other
/// parameter may come with the key.
pub(super) fn follow<T: DeserializeOwned>(
    query: &Query,
    also: &[&str],
) -> Result<Option<T>, ServiceError> {
    let Some(key) = query.get("nextPageKey") else {
        return Ok(None);
    };
    if query
        .pairs()
        .any(|(name, _)| name != "nextPageKey" && !also.contains(&name))
    {
        let message = "must not be combined with other parameters";
        return Err(ServiceError::query("nextPageKey", message));
    }
    read(key)
        .map(Some)
        .ok_or_else(|| ServiceError::query("nextPageKey", "is not a valid page key"))
}

/// The asked page size, or the endpoint's default.
pub(super) fn size(query: &Query, default: usize, max: usize) -> Result<usize, ServiceError> {
    let Some(text) = query.get("pageSize") else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|size| (1..=max).contains(size))
        .ok_or_else(|| ServiceError::query("pageSize", format!("must be in 1..={max}")))
}

fn read<T: DeserializeOwned>(key: &str) -> Option<T> {
    let bytes = STANDARD.decode(key).ok()?;
    serde_json::from_slice(bytes.strip_prefix(&KEY_PREFIX)?).ok()
}
