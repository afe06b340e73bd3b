//! Where a tenant is and how a request proves that it may ask.

use std::str::FromStr;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// The settings of one Dynatrace tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The address: `https://{id}.live.dynatrace.com`, a Managed or `ActiveGate`
    /// address with `/e/{id}`, or `https://{id}.apps.dynatrace.com`.
    pub url: String,
    /// A classic token (`dt0c01.…`), or a platform token (`dt0s16.…`).
    pub token: SecretString,
    /// The API that is spoken.
    pub api: Api,
    /// How many requests may be under way at the same time, at least one.
    pub calls_in_flight: usize,
    /// How many requests may be sent in any minute, where that is limited.
    pub calls_per_minute: Option<u32>,
}

/// A generation of the Dynatrace environment API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// Metrics, entities, events and problems v2, the default.
    #[default]
    V2,
    /// Timeseries, Smartscape, events and problems v1, for tenants that still
    /// answer them.
    V1,
}

impl FromStr for Api {
    type Err = UnknownApi;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "v2" => Ok(Self::V2),
            "v1" => Ok(Self::V1),
            _ => Err(UnknownApi),
        }
    }
}

/// The text names no generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Dynatrace API is either `v2` or `v1`")]
pub struct UnknownApi;

/// Whether a tenant can be at this address, without asking it and without its
/// token: a wrong address is told before anything needs it.
pub fn check_address(url: &str, api: Api) -> Result<(), InvalidTenant> {
    Address::parse(url, api).map(|_| ())
}

/// Why a client cannot be built from the settings, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenant {
    /// The address is not one at all.
    #[error("the tenant URL cannot be read; write it like `https://abc12345.live.dynatrace.com`")]
    Unreadable(#[source] url::ParseError),
    /// A token would travel in the clear.
    #[error(
        "the tenant URL must begin with `https://`; \
         `http://` is accepted for `127.0.0.1` and `[::1]` only"
    )]
    Unencrypted,
    /// The address carries a user name, a query or a fragment.
    #[error(
        "the tenant URL carries more than an address; \
         remove the user name, the query and the fragment, the token is a setting of its own"
    )]
    NotBare,
    /// The address already names an API.
    #[error("the tenant URL names an API; remove everything from `/{0}` on")]
    NamesApi(&'static str),
    /// The platform host does not serve API v1.
    #[error(
        "the host `*.apps.dynatrace.com` does not serve API v1; \
         use the address with `.live.` and a classic token, or set DT_API=v2"
    )]
    PlatformWithoutV1,
    /// The token is missing, or cannot be sent in a header.
    #[error("the API token is empty or has characters that no token has; store it again")]
    Token,
}

/// The API addresses of a tenant. Both are kept as text and extended by
/// concatenation, because joining URLs would drop the path of a Managed
/// environment.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    v1: String,
    v2: String,
}

impl Address {
    pub(crate) fn of(tenant: &Tenant) -> Result<Self, InvalidTenant> {
        Self::parse(&tenant.url, tenant.api)
    }

    fn parse(url: &str, api: Api) -> Result<Self, InvalidTenant> {
        let url = Url::parse(url.trim()).map_err(InvalidTenant::Unreadable)?;
        check(&url)?;

        let base = url.as_str().trim_end_matches('/');
        let platform = url
            .host_str()
            .is_some_and(|host| host.ends_with(".apps.dynatrace.com"));
        match api {
            Api::V1 if platform => Err(InvalidTenant::PlatformWithoutV1),
            _ => Ok(Self {
                v1: format!("{base}/api/v1"),
                v2: if platform {
                    format!("{base}/platform/classic/environment-api/v2")
                } else {
                    format!("{base}/api/v2")
                },
            }),
        }
    }

    pub(crate) fn base(&self, api: Api) -> &str {
        match api {
            Api::V1 => &self.v1,
            Api::V2 => &self.v2,
        }
    }
}

fn check(url: &Url) -> Result<(), InvalidTenant> {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();

    if !encrypted {
        return Err(InvalidTenant::Unencrypted);
    }
    if !bare {
        return Err(InvalidTenant::NotBare);
    }
    for name in ["api", "platform"] {
        if url.path().split('/').any(|segment| segment == name) {
            return Err(InvalidTenant::NamesApi(name));
        }
    }
    Ok(())
}

/// The `Authorization` header: platform tokens and OAuth tokens are bearer
/// tokens, everything else is opaque and belongs to the classic scheme.
pub(crate) fn authorization(token: &SecretString) -> Result<HeaderValue, InvalidTenant> {
    let token = token.expose_secret().trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(InvalidTenant::Token);
    }
    let scheme = if is_of_platform(token) {
        "Bearer"
    } else {
        "Api-Token"
    };
    let mut value =
        HeaderValue::from_str(&format!("{scheme} {token}")).map_err(|_| InvalidTenant::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn is_of_platform(token: &str) -> bool {
    token.trim().starts_with("dt0s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(url: &str, api: Api) -> Tenant {
        Tenant {
            url: url.into(),
            token: "dt0c01.PUBLIC.SECRET".into(),
            api,
            calls_in_flight: 4,
            calls_per_minute: None,
        }
    }

    fn base(url: &str, api: Api) -> Result<String, InvalidTenant> {
        Address::of(&tenant(url, api)).map(|address| address.base(api).to_owned())
    }

    #[test]
    fn every_kind_of_deployment_keeps_its_path() {
        for (url, v2) in [
            (
                "https://abc12345.live.dynatrace.com",
                "https://abc12345.live.dynatrace.com/api/v2",
            ),
            (
                "https://managed.example.com/e/0a1b2c/",
                "https://managed.example.com/e/0a1b2c/api/v2",
            ),
            (
                "https://gate.example.com:9999/e/0a1b2c",
                "https://gate.example.com:9999/e/0a1b2c/api/v2",
            ),
            (
                "https://abc12345.apps.dynatrace.com/",
                "https://abc12345.apps.dynatrace.com/platform/classic/environment-api/v2",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v2"),
            ("http://[::1]:8080", "http://[::1]:8080/api/v2"),
        ] {
            assert_eq!(base(url, Api::V2).as_deref(), Ok(v2));
        }
        assert_eq!(
            base("https://managed.example.com/e/0a1b2c", Api::V1).as_deref(),
            Ok("https://managed.example.com/e/0a1b2c/api/v1")
        );
    }

    #[test]
    fn addresses_that_would_leak_or_miss_are_refused() {
        for (url, refusal) in [
            ("http://abc.live.dynatrace.com", InvalidTenant::Unencrypted),
            ("http://localhost:8080", InvalidTenant::Unencrypted),
            ("http://10.0.0.1", InvalidTenant::Unencrypted),
            ("ftp://127.0.0.1", InvalidTenant::Unencrypted),
            ("https://me:pw@abc.example.com", InvalidTenant::NotBare),
            (
                "https://abc.example.com?api-token=x",
                InvalidTenant::NotBare,
            ),
            (
                "https://abc.example.com/api/v2",
                InvalidTenant::NamesApi("api"),
            ),
        ] {
            assert_eq!(base(url, Api::V2), Err(refusal), "{url}");
        }
        assert!(matches!(
            base("abc12345.live.dynatrace.com", Api::V2),
            Err(InvalidTenant::Unreadable(_))
        ));
        assert_eq!(
            base("https://abc12345.apps.dynatrace.com", Api::V1),
            Err(InvalidTenant::PlatformWithoutV1)
        );
    }

    #[test]
    fn address_is_checked_without_a_token() {
        let platform = "https://abc12345.apps.dynatrace.com";

        assert_eq!(check_address(platform, Api::V2), Ok(()));
        assert_eq!(
            check_address(platform, Api::V1),
            Err(InvalidTenant::PlatformWithoutV1)
        );
        assert_eq!(
            check_address("http://abc.live.dynatrace.com", Api::V2),
            Err(InvalidTenant::Unencrypted)
        );
    }

    #[test]
    fn the_kind_of_token_decides_the_scheme() {
        let header = |token: &str| authorization(&token.into()).unwrap();

        assert_eq!(header("dt0c01.A.B"), "Api-Token dt0c01.A.B");
        assert_eq!(header("opaque21characters"), "Api-Token opaque21characters");
        assert_eq!(header("dt0s16.A.B\n"), "Bearer dt0s16.A.B");
        assert!(header("dt0c01.A.B").is_sensitive());
    }

    #[test]
    fn tokens_that_cannot_be_sent_are_refused() {
        for token in ["", "  ", "two words", "a\u{7f}b"] {
            assert_eq!(authorization(&token.into()), Err(InvalidTenant::Token));
        }
    }

    #[test]
    fn debug_output_hides_the_token() {
        let shown = format!("{:?}", tenant("https://abc.example.com", Api::V2));

        assert!(!shown.contains("SECRET"), "{shown}");
    }

    #[test]
    fn only_the_two_known_apis_are_read() {
        assert_eq!("v2".parse(), Ok(Api::V2));
        assert_eq!(" v1 ".parse(), Ok(Api::V1));
        assert_eq!("3".parse::<Api>(), Err(UnknownApi));
    }
}
