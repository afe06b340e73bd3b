//! Requests to addresses that somebody else wrote down: the URL of a monspec,
//! a result hook.
//!
//! An address is used only if its exact origin is on the operator's list. A
//! name must be https and may not lead to a private network, which is checked
//! where the connection is made, so that a name cannot change its mind between
//! the check and the connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use tokio::time::Instant;
use url::{Host, Url};

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
        let origin = address.origin();
        let unreachable = |cause: reqwest::Error| OutgoingError::Unreachable {
            origin: address.origin(),
            cause: cause.without_url(),
        };
        let mut response = self
            .http
            .get(address.0.clone())
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(OutgoingError::Refused {
                origin,
                status: status.as_u16(),
            });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > limit {
                return Err(OutgoingError::TooLarge { origin, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| OutgoingError::NotText { origin })
    }

    /// Posts JSON to an address; any status but 2xx is a refusal.
    pub async fn post_json(
        &self,
        address: &Allowed,
        headers: &[(&'static str, String)],
        body: String,
        deadline: Instant,
    ) -> Result<(), OutgoingError> {
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
        let response = request
            .send()
            .await
            .map_err(|cause| OutgoingError::Unreachable {
                origin: address.origin(),
                cause: cause.without_url(),
            })?;
        let status = response.status();
        if !status.is_success() {
            return Err(OutgoingError::Refused {
                origin: address.origin(),
                status: status.as_u16(),
            });
        }
        Ok(())
    }
}

impl Allowed {
    /// The origin, which may be told; the rest of a URL can hold secrets.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
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

/// An address that is written as a number is not resolved, so a private one is
/// refused here; the loopback is for what runs on the same machine.
fn is_https_or_loopback(url: &Url) -> bool {
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match (url.scheme(), literal) {
        ("https", None) => true,
        ("https", Some(address)) => is_public(address) || address.is_loopback(),
        ("http", Some(address)) => address.is_loopback(),
        _ => false,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..=127).contains(&b);
            let benchmark = a == 198 && (18..=19).contains(&b);
            let protocol = (a, b, c) == (192, 0, 0);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || shared
                || benchmark
                || protocol)
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
            // Global unicast is 2000::/3; 64:ff9b::/96 and 2002::/16 hide IPv4
            // addresses that were not looked at.
            let global = segments[0] & 0xe000 == 0x2000;
            global && !documentation && segments[0] != 0x2002
        }
    }
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

    #[test]
    fn addresses_that_are_not_on_the_internet_are_recognised() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "2600:1f18::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
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
