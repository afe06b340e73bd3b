//! What is sent back through a front door.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::{Request, Status};

/// Lambda ends an answer at 6 MB, and what is not letters takes more than a
/// byte in it.
const LARGEST: usize = 5 * 1024 * 1024;

/// What is shorter than this is hardly shorter compressed.
const WORTH_IT: usize = 1_000;

/// A document on its way back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: Status,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The document is longer than a front door can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer of {length} bytes is longer than Lambda can send")]
pub struct TooLong {
    /// How long it is, as it would be sent.
    pub length: usize,
}

impl Reply {
    /// The answer in the shape that every front door takes: compressed where
    /// both ends can, and without a body if none was asked for.
    pub fn to(self, request: &Request) -> Result<Value, TooLong> {
        let mut headers: Map<String, Value> = self
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        headers.insert("vary".to_owned(), "accept, accept-encoding".into());
        let packed = WORTH_IT <= self.body.len() && request.decodes && takes_gzip(request);
        let body = if packed {
            headers.insert("content-encoding".to_owned(), "gzip".into());
            STANDARD.encode(gzip(self.body.as_bytes()))
        } else {
            self.body
        };
        let length = if packed { body.len() } else { as_json(&body) };
        if LARGEST < length {
            return Err(TooLong { length });
        }
        let body = if request.method == "HEAD" {
            String::new()
        } else {
            body
        };
        Ok(json!({
            "statusCode": self.status.code(),
            "headers": headers,
            "isBase64Encoded": packed && !body.is_empty(),
            "body": body,
        }))
    }
}

/// The length of a text between quotes; close enough for what is far away.
fn as_json(text: &str) -> usize {
    let escaped = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    text.len() + text.bytes().filter(|byte| escaped(byte)).count()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(body)
        .and_then(|()| encoder.finish())
        .expect("writing to memory does not fail")
}

/// Whether the sender accepts gzip: it is listed, and not with a weight of zero.
fn takes_gzip(request: &Request) -> bool {
    let listed = request
        .header("accept-encoding")
        .flat_map(|header| header.split(','));
    let mut takes = false;
    for one in listed {
        let (name, weight) = one.split_once(';').unwrap_or((one, "q=1"));
        let weight = weight.trim().strip_prefix("q=").map(str::trim);
        let refused = weight.and_then(|weight| weight.parse().ok()) == Some(0.0_f32);
        if name.trim().eq_ignore_ascii_case("gzip") {
            takes = !refused;
        }
    }
    takes
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn asked(method: &str, encodings: &str) -> Request {
        let event = json!({
            "version": "2.0", "rawPath": "/",
            "headers": {"accept-encoding": encodings},
            "requestContext": {"http": {"method": method, "path": "/"}},
        });
        Request::of(&event).unwrap()
    }

    fn reply(length: usize) -> Reply {
        Reply {
            status: Status::Done,
            headers: vec![("content-type", "text/plain".to_owned())],
            body: "x".repeat(length),
        }
    }

    #[test]
    fn long_answer_is_compressed_for_whoever_takes_it() {
        for encodings in ["gzip", "br, GZIP;q=0.5", "deflate,gzip"] {
            let sent = reply(2_000).to(&asked("GET", encodings)).unwrap();

            assert_eq!(sent["headers"]["content-encoding"], "gzip", "{encodings}");
            assert_eq!(sent["isBase64Encoded"], true);
            let body = STANDARD.decode(sent["body"].as_str().unwrap()).unwrap();
            let mut text = String::new();
            GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
            assert_eq!(text, "x".repeat(2_000));
        }
    }

    #[test]
    fn nobody_else_gets_a_compressed_answer() {
        let plain = |sent: Value| {
            assert_eq!(sent["isBase64Encoded"], false);
            assert!(sent["headers"].get("content-encoding").is_none(), "{sent}");
        };
        for encodings in ["", "br", "gzip;q=0", "gzip; q=0.0", "gzipped"] {
            plain(reply(2_000).to(&asked("GET", encodings)).unwrap());
        }
        plain(reply(100).to(&asked("GET", "gzip")).unwrap());
        let rest = json!({
            "path": "/", "httpMethod": "GET", "requestContext": {},
            "headers": {"Accept-Encoding": "gzip"},
        });
        plain(reply(2_000).to(&Request::of(&rest).unwrap()).unwrap());
    }

    #[test]
    fn answer_without_a_body_has_the_headers_of_one_with_it() {
        let get = reply(2_000).to(&asked("GET", "gzip")).unwrap();
        let head = reply(2_000).to(&asked("HEAD", "gzip")).unwrap();

        assert_eq!(head["headers"], get["headers"]);
        assert_eq!(head["body"], "");
        assert_eq!(head["isBase64Encoded"], false);
    }

    #[test]
    fn answer_that_is_too_long_is_not_sent() {
        let long = 6 * 1024 * 1024;

        assert!(reply(long).to(&asked("GET", "br")).is_err());
        assert!(reply(long).to(&asked("GET", "gzip")).is_ok());
        let quotes = Reply {
            body: "\"".repeat(3 * 1024 * 1024),
            ..reply(0)
        };
        assert!(quotes.to(&asked("GET", "br")).is_err());
    }
}
