//! The XML-and-headers face of the buckets.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use super::store::{Object, S3};
use crate::protocol::Caller;

/// The name of the operation a method stands for.
pub(crate) fn operation(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT => "PutObject",
        _ => "UnknownOperation",
    }
}

/// An error of S3.
pub(crate) fn failure(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message><RequestId>LAB</RequestId></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

impl S3 {
    pub(crate) fn serve(&self, caller: &Caller, parts: &Parts, body: Bytes) -> Response {
        let Some((bucket, key)) = split(parts.uri.path()) else {
            return failure(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                "No such operation here",
            );
        };
        if !self.admits(&bucket, caller) {
            return failure(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
        }
        match parts.method {
            Method::GET => self.read(&bucket, &key, Content::Sent),
            Method::HEAD => self.read(&bucket, &key, Content::Omitted),
            Method::PUT => self.write(&bucket, &key, &parts.headers, body),
            _ => failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Not served here",
            ),
        }
    }

    fn read(&self, bucket: &str, key: &str, content: Content) -> Response {
        let Some(object) = self.get(bucket, key) else {
            return match content {
                Content::Sent => failure(
                    StatusCode::NOT_FOUND,
                    "NoSuchKey",
                    "The specified key does not exist.",
                ),
                Content::Omitted => StatusCode::NOT_FOUND.into_response(),
            };
        };
        let headers = [
            (header::ETAG, object.etag()),
            (header::CONTENT_LENGTH, object.body.len().to_string()),
            (
                header::CONTENT_TYPE,
                object
                    .content_type
                    .unwrap_or_else(|| "binary/octet-stream".to_owned()),
            ),
        ];
        let body = match content {
            Content::Sent => Body::from(object.body),
            Content::Omitted => Body::empty(),
        };
        (headers, body).into_response()
    }

    fn write(&self, bucket: &str, key: &str, headers: &HeaderMap, body: Bytes) -> Response {
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let chunked = text("content-encoding").is_some_and(|value| value.contains("aws-chunked"));
        let content = if chunked { dechunk(&body) } else { Some(body) };
        let Some(body) = content else {
            return failure(
                StatusCode::BAD_REQUEST,
                "IncompleteBody",
                "The chunks do not add up",
            );
        };
        let object = Object {
            body,
            content_type: text("content-type"),
            encryption: text("x-amz-server-side-encryption"),
            kms_key: text("x-amz-server-side-encryption-aws-kms-key-id"),
        };
        let etag = object.etag();
        self.store(bucket, key, object);
        [(header::ETAG, etag)].into_response()
    }
}

#[derive(Clone, Copy)]
enum Content {
    Sent,
    Omitted,
}

pub(crate) fn split(path: &str) -> Option<(String, String)> {
    let (bucket, key) = path.strip_prefix('/')?.split_once('/')?;
    if bucket.is_empty() || key.is_empty() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(Into::into);
    Some((decoded(bucket)?, decoded(key)?))
}

/// Streaming writers frame their content as `<hex size>[;signature]CRLF data
/// CRLF`, ended by a chunk of size zero and trailers.
fn dechunk(mut framed: &[u8]) -> Option<Bytes> {
    let mut content = Vec::new();
    loop {
        let end = framed.windows(2).position(|pair| pair == b"\r\n")?;
        let header = std::str::from_utf8(&framed[..end]).ok()?;
        let size = usize::from_str_radix(header.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(content.into());
        }
        let data = framed.get(end + 2..end + 2 + size)?;
        content.extend_from_slice(data);
        framed = framed.get(end + 2 + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framed_content_is_joined_without_its_trailer() {
        let framed = b"5\r\nhello\r\n6;sig=x\r\n world\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        assert_eq!(dechunk(framed).as_deref(), Some(&b"hello world"[..]));
    }

    #[test]
    fn cut_off_frames_are_refused() {
        assert_eq!(dechunk(b"5\r\nhel"), None);
        assert_eq!(dechunk(b"5\r\nhello\r\n"), None);
    }
}
