//! Where a controller is and how a request proves that it may ask.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Client, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// How long it may take until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);

/// The settings of one controller.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address of the API: `https://awx.example.com/api/v2`, or
    /// `https://gateway.example.com/api/controller/v2`.
    pub base: String,
    /// How a request proves that it may ask.
    pub credentials: Credentials,
}

/// How a request proves that it may ask.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token of the controller or of the gateway in front of it.
    Bearer(SecretString),
    /// A user and a password, as `user:password`.
    Basic(SecretString),
}

/// Why a client cannot be built from the settings, and what to change.
#[derive(Debug, thiserror::Error)]
pub enum InvalidServer {
    /// The address is not one at all.
    #[error("the address cannot be read; write it like `https://awx.example.com/api/v2`")]
    Unreadable(#[source] url::ParseError),
    /// A secret would travel in the clear.
    #[error(
        "the address must begin with `https://`; \
         `http://` is accepted for `127.0.0.1` and `[::1]` only"
    )]
    Unencrypted,
    /// The address carries a user name, a query or a fragment.
    #[error(
        "the address carries more than an address; remove the user name, the query and the fragment"
    )]
    NotBare,
    /// The address names no API.
    #[error(
        "the address must end in `/api/v2`, \
         or in `/api/controller/v2` where a gateway is in front of the controller"
    )]
    NamesNoApi,
    /// The secret is missing, or cannot be sent in a header.
    #[error("the secret is empty or has characters that none has; store it again")]
    Secret,
    /// There is no colon between user and password.
    #[error("the secret of basic authentication is written as `user:password`; store it again")]
    NoPassword,
    /// The roots cannot be read.
    #[error(
        "the roots are not certificates in PEM; store `-----BEGIN CERTIFICATE-----` and what follows"
    )]
    Roots(#[source] Option<reqwest::Error>),
}

/// Whether a controller can be at this address, without asking it.
pub fn check_base(base: &str) -> Result<(), InvalidServer> {
    address(base).map(|_| ())
}

/// An HTTP client that follows no redirect and uses no proxy; with `roots`, in
/// PEM, one that trusts what they signed and nothing else.
pub fn http(roots: Option<&str>) -> Result<Client, InvalidServer> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT);
    if let Some(pem) = roots {
        let roots = Certificate::from_pem_bundle(pem.as_bytes());
        let roots = roots.map_err(|error| InvalidServer::Roots(Some(error)))?;
        if roots.is_empty() {
            return Err(InvalidServer::Roots(None));
        }
        builder = builder.tls_certs_only(roots);
    }
    builder
        .build()
        .map_err(|error| InvalidServer::Roots(Some(error)))
}

/// The address of the API, without a slash at its end.
pub(crate) fn address(base: &str) -> Result<String, InvalidServer> {
    let url = Url::parse(base.trim()).map_err(InvalidServer::Unreadable)?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err(InvalidServer::Unencrypted);
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidServer::NotBare);
    }
    let address = url.as_str().trim_end_matches('/');
    if !["/api/v2", "/api/controller/v2"]
        .iter()
        .any(|api| url.path().trim_end_matches('/').ends_with(api))
    {
        return Err(InvalidServer::NamesNoApi);
    }
    Ok(address.to_owned())
}

/// The `Authorization` header.
pub(crate) fn authorization(credentials: &Credentials) -> Result<HeaderValue, InvalidServer> {
    let text = match credentials {
        Credentials::Bearer(token) => {
            let token = token.expose_secret().trim();
            if token.is_empty() || token.contains(char::is_whitespace) {
                return Err(InvalidServer::Secret);
            }
            format!("Bearer {token}")
        }
        Credentials::Basic(pair) => {
            let pair = pair.expose_secret().trim();
            match pair.split_once(':') {
                Some((user, password)) if !user.is_empty() && !password.is_empty() => {}
                _ => return Err(InvalidServer::NoPassword),
            }
            format!("Basic {}", STANDARD.encode(pair))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| InvalidServer::Secret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What must not be shown of the credentials, wherever it turns up.
pub(crate) fn secret(credentials: &Credentials) -> &str {
    match credentials {
        Credentials::Bearer(token) => token.expose_secret().trim(),
        Credentials::Basic(pair) => {
            let pair = pair.expose_secret().trim();
            pair.split_once(':').map_or(pair, |(_, password)| password)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_keeps_its_path_and_names_an_api() {
        for (base, expected) in [
            ("https://awx.example/api/v2", "https://awx.example/api/v2"),
            ("https://awx.example/api/v2/", "https://awx.example/api/v2"),
            (
                "https://gateway.example:8443/api/controller/v2",
                "https://gateway.example:8443/api/controller/v2",
            ),
            (
                "https://all.example/tower/api/v2",
                "https://all.example/tower/api/v2",
            ),
            (
                "http://127.0.0.1:8052/api/v2",
                "http://127.0.0.1:8052/api/v2",
            ),
        ] {
            assert_eq!(address(base).unwrap(), expected);
        }
    }

    #[test]
    fn addresses_that_would_leak_or_miss_are_refused() {
        let refused = |base: &str| address(base).unwrap_err().to_string();
        for (base, says) in [
            ("awx.example/api/v2", "cannot be read"),
            ("http://awx.example/api/v2", "must begin with `https://`"),
            ("http://localhost/api/v2", "must begin with `https://`"),
            ("https://me@awx.example/api/v2", "remove the user name"),
            ("https://awx.example/api/v2?x=1", "remove the user name"),
            ("https://awx.example", "must end in `/api/v2`"),
            ("https://awx.example/api/v1", "must end in `/api/v2`"),
        ] {
            assert!(refused(base).contains(says), "{base}: {}", refused(base));
        }
    }

    #[test]
    fn credentials_that_cannot_be_sent_are_refused_and_none_is_shown() {
        let bearer = |token: &str| authorization(&Credentials::Bearer(token.into()));
        let basic = |pair: &str| authorization(&Credentials::Basic(pair.into()));

        assert_eq!(bearer("t0k3n\n").unwrap(), "Bearer t0k3n");
        assert_eq!(basic("me:pass:word").unwrap(), "Basic bWU6cGFzczp3b3Jk");
        assert!(basic("me:pass").unwrap().is_sensitive());
        for refused in [bearer(""), bearer("two words"), bearer("a\u{7f}b")] {
            assert!(matches!(refused, Err(InvalidServer::Secret)));
        }
        for refused in [basic("me"), basic(":x"), basic("me:")] {
            assert!(matches!(refused, Err(InvalidServer::NoPassword)));
        }
        let server = Server {
            base: "https://awx.example/api/v2".to_owned(),
            credentials: Credentials::Basic("me:hunter2".into()),
        };
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn roots_that_are_none_are_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for pem in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
        ] {
            assert!(
                matches!(http(Some(pem)), Err(InvalidServer::Roots(_))),
                "{pem}"
            );
        }
        assert!(http(None).is_ok());
    }
}
