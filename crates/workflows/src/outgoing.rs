//! Requests to addresses that somebody else wrote down: the URL of a monspec,
//! a result hook, a receiver of runbooks.
//!
//! An address is used only if its exact origin is on the operator's list. A
//! name must be https and may not lead to a private network, which is checked
//! where the connection is made, so that a name cannot change its mind between
//! the check and the connection.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use release::address::{is_https_or_loopback, is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::time::Instant;
use url::Url;

/// The time one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The origins that may be spoken to, and the client that speaks to them.
#[derive(Clone, Debug)]
pub struct Outgoing {
    origins: Vec<url::Origin>,
    /// Made when it is first needed: it reads the root certificates of the
    /// machine, and most validations never speak to such an address.
    http: Arc<LazyLock<reqwest::Client>>,
}

/// Why an address is not used.
#[derive(Debug, thiserror::Error)]
pub enum Forbidden {
    /// It is no address. What it is instead is not repeated: it may be a whole
    /// monspec, or hold a secret.
    #[error("this is not a URL: it must begin with https://")]
    NotAUrl,
    /// It is neither https nor a loopback address.
    #[error("the URL must begin with https://")]
    NotHttps,
    /// It carries a user name or password.
    #[error("the URL must not carry a user name or password")]
    Credentials,
    /// Its origin is not on the list.
    #[error("the origin {0} is not allowed: add it to ALLOWED_ORIGINS")]
    NotListed(String),
}

/// Why the list of origins cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{entry}` is not an origin: write https://host or https://host:port, separated by commas")]
pub struct InvalidOrigin {
    entry: String,
}

/// Why a request had no useful answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// It was not sent.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No connection was made, and nothing was sent.
    #[error("no connection to {origin}")]
    NotSent {
        /// Who was to be asked.
        origin: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// There was no answer.
    #[error("no answer from {origin}")]
    Unreachable {
        /// Who was asked.
        origin: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// The answer says no.
    #[error("{origin} answered {status}")]
    Refused {
        /// Who was asked.
        origin: String,
        /// The status.
        status: u16,
    },
    /// The answer is larger than what is read.
    #[error("the answer of {origin} is larger than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        origin: String,
        /// The limit.
        limit: usize,
    },
    /// The answer is no text.
    #[error("the answer of {origin} is not UTF-8 text")]
    NotText {
        /// Who was asked.
        origin: String,
    },
}

/// What was posted, and accepted.
#[derive(Debug)]
pub struct Posted {
    address: Allowed,
    response: reqwest::Response,
}

/// An address whose origin is on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed(Url);

impl Outgoing {
    /// A client for the origins of a comma-separated list.
    pub fn new(origins: &str) -> Result<Self, InvalidOrigin> {
        let origins = origins
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(origin)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            origins,
            http: Arc::new(LazyLock::new(client)),
        })
    }

    /// A client for the origin of one address alone.
    pub fn to(address: &str) -> Result<Self, Forbidden> {
        let url = Url::parse(address).map_err(|_| Forbidden::NotAUrl)?;
        Ok(Self {
            origins: vec![url.origin()],
            http: Arc::new(LazyLock::new(client)),
        })
    }

    /// The address, if it may be used.
    pub fn allowed(&self, address: &str) -> Result<Allowed, Forbidden> {
        let url = Url::parse(address).map_err(|_| Forbidden::NotAUrl)?;
        if !is_https_or_loopback(&url) {
            return Err(Forbidden::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Credentials);
        }
        if !self.origins.contains(&url.origin()) {
            return Err(Forbidden::NotListed(url.origin().ascii_serialization()));
        }
        Ok(Allowed(url))
    }

    /// The text at an address, at most `limit` bytes of it.
    pub async fn text(&self, address: &Allowed, limit: usize) -> Result<String, OutgoingError> {
        let response = self.http.get(address.0.clone()).send().await;
        let response = address.succeeded(response)?;
        address.text_of(response, limit).await
    }

    /// Posts JSON to an address; any status but 2xx is a refusal. What answers is not
    /// read.
    pub async fn post_json(
        &self,
        address: &Allowed,
        headers: &[(&'static str, String)],
        body: String,
        deadline: Instant,
    ) -> Result<Posted, OutgoingError> {
        let remaining = deadline
            .saturating_duration_since(Instant::now())
            .min(TIMEOUT);
        let mut request = self
            .http
            .post(address.0.clone())
            .timeout(remaining)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = address.succeeded(request.send().await)?;
        Ok(Posted {
            address: address.clone(),
            response,
        })
    }
}

impl Posted {
    /// What was answered, at most `limit` bytes of it.
    pub async fn text(self, limit: usize) -> Result<String, OutgoingError> {
        self.address.text_of(self.response, limit).await
    }
}

impl Allowed {
    fn succeeded(
        &self,
        response: reqwest::Result<reqwest::Response>,
    ) -> Result<reqwest::Response, OutgoingError> {
        let origin = self.origin();
        let response = response.map_err(|cause| {
            let is_sent = !cause.is_connect();
            let cause = cause.without_url();
            if is_sent {
                OutgoingError::Unreachable { origin, cause }
            } else {
                OutgoingError::NotSent { origin, cause }
            }
        })?;
        let status = response.status();
        if !status.is_success() {
            return Err(OutgoingError::Refused {
                origin: self.origin(),
                status: status.as_u16(),
            });
        }
        Ok(response)
    }

    async fn text_of(
        &self,
        mut response: reqwest::Response,
        limit: usize,
    ) -> Result<String, OutgoingError> {
        let origin = self.origin();
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|cause| OutgoingError::Unreachable {
                origin: origin.clone(),
                cause: cause.without_url(),
            })?;
            let Some(chunk) = chunk else { break };
            if bytes.len() + chunk.len() > limit {
                return Err(OutgoingError::TooLarge { origin, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| OutgoingError::NotText { origin })
    }

    /// The origin, which may be told; the rest of a URL can hold secrets.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// `sha256=` and the HMAC of a body in hexadecimal. Each body names what it is about and
/// its time, so a replay is recognised by what it says.
pub(crate) fn signature(secret: &SecretString, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// Resolves names, and leaves out every address that is not on the internet.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| is_public(address.ip()))
                .collect();
            if found.is_empty() {
                return Err("the name resolves to no public address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn origin(entry: &str) -> Result<url::Origin, InvalidOrigin> {
    let invalid = || InvalidOrigin {
        entry: entry.chars().take(100).collect(),
    };
    let url = Url::parse(entry).map_err(|_| invalid())?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    if !bare || !is_https_or_loopback(&url) {
        return Err(invalid());
    }
    Ok(url.origin())
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .dns_resolver(Arc::new(PublicOnly))
        .build()
        .expect("a client without custom certificates can be built")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(origins: &str) -> Outgoing {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Outgoing::new(origins).unwrap()
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let outgoing = outgoing("https://hooks.example, http://127.0.0.1:8080");

        for address in [
            "https://hooks.example/result?x=1",
            "https://hooks.example:443/",
            "http://127.0.0.1:8080/hook",
        ] {
            assert!(outgoing.allowed(address).is_ok(), "{address}");
        }
        for address in [
            "https://hooks.example:8443/",
            "https://hooks.example.evil.example/",
            "https://other.example/",
            "http://hooks.example/",
            "http://127.0.0.1:8081/",
            "http://localhost:8080/",
            "https://user@hooks.example/",
            "https://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "hooks.example",
            "",
        ] {
            assert!(outgoing.allowed(address).is_err(), "{address}");
        }
    }

    #[test]
    fn private_origins_cannot_be_listed() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for entry in [
            "http://hooks.example",
            "https://10.0.0.1",
            "https://[fd00::1]",
            "http://169.254.169.254",
            "https://hooks.example/path",
            "*",
        ] {
            assert!(Outgoing::new(entry).is_err(), "{entry}");
        }
    }

    #[tokio::test]
    async fn name_that_leads_home_is_not_connected_to() {
        let outgoing = outgoing("https://localhost");
        let address = outgoing.allowed("https://localhost/").unwrap();

        let error = outgoing.text(&address, 10).await.unwrap_err();

        let chain = format!("{:#}", anyhow::Error::from(error));
        assert!(chain.contains("no public address"), "{chain}");
    }
}
