//! Links to the report, and what they open.

use crate::link::{InvalidKeys, Keys, LONGEST, Refused, Scope, Ticket};
use crate::validation::ValidationId;
use crate::window::saturating_add;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use url::form_urlencoded::Serializer;

/// How long a signed link is valid.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Who may open a report.
#[derive(Debug)]
pub enum Access {
    /// Everybody with a signed link.
    Signed(Keys),
    /// Everybody who can reach the address. Must be chosen explicitly.
    Public,
}

/// How links to reports are created, if there is a report.
#[derive(Debug)]
pub struct Links {
    base: String,
    access: Access,
}

/// The settings of the report's address.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// The address of the report.
    pub base: String,
    /// Whether everybody may open it.
    pub public: bool,
}

impl Access {
    /// Access by links that these keys have signed.
    pub fn signed(keys: &SecretString) -> Result<Self, InvalidKeys> {
        Keys::parse(keys).map(Self::Signed)
    }

    /// The address of `page` below `base`, which is empty or ends with a slash,
    /// with its own parameters and the signature for `scope` until `expiry`.
    pub fn address(
        &self,
        base: &str,
        page: &str,
        scope: Scope<'_>,
        parameters: &[(&str, &str)],
        expiry: Timestamp,
    ) -> String {
        let mut query = Serializer::new(String::new());
        if let Scope::History {
            pipeline,
            comparison,
        }
        | Scope::Badge {
            pipeline,
            comparison,
        } = scope
        {
            query.append_pair(PIPELINE, pipeline);
            query.append_pair(COMPARISON, comparison);
        }
        let query = query.extend_pairs(parameters).finish();
        let signature = match self {
            Self::Signed(keys) => keys.sign(scope, expiry),
            Self::Public => String::new(),
        };
        let parts: Vec<&str> = [query.as_str(), &signature]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let separator = if parts.is_empty() { "" } else { "?" };
        format!("{base}{page}{separator}{}", parts.join("&"))
    }

    /// The expiry of a ticket for `scope`, if it opens it.
    pub fn opens(
        &self,
        scope: Scope<'_>,
        ticket: Option<Ticket<'_>>,
        now: Timestamp,
    ) -> Result<Timestamp, Refused> {
        let Self::Signed(keys) = self else {
            return Ok(saturating_add(now, OPEN_FOR));
        };
        let ticket = ticket.ok_or(Refused::Forged)?;
        keys.check(scope, ticket, now)?;
        Timestamp::from_second(ticket.expiry).map_err(|_| Refused::Forged)
    }
}

/// The parameter that names the pipeline, since 2018.
pub const PIPELINE: &str = "pipelineName";
/// The parameter that names the comparison, since 2018.
pub const COMPARISON: &str = "comparisonName";

impl Links {
    /// Links according to the settings, signed by `keys` unless public.
    pub fn new(settings: &LinkSettings, keys: &SecretString) -> Result<Self, InvalidKeys> {
        let access = if settings.public {
            Access::Public
        } else {
            Access::signed(keys)?
        };
        let base = settings.base.trim_end_matches('/');
        if let Access::Signed(keys) = &access
            && LONGEST < base.len() + keys.evaluation_adds()
        {
            return Err(InvalidKeys::NoRoom);
        }
        Ok(Self {
            base: format!("{base}/"),
            access,
        })
    }

    /// The link to the report of exactly this validation.
    pub fn to(&self, id: ValidationId, now: Timestamp) -> String {
        self.until(Scope::Evaluation(id), saturating_add(now, OPEN_FOR))
    }

    /// The link that opens `scope` until `expiry`.
    pub fn until(&self, scope: Scope<'_>, expiry: Timestamp) -> String {
        let page = match scope {
            Scope::Start => String::new(),
            Scope::History { .. } => "history".to_owned(),
            Scope::Evaluation(id) => format!("v/{id}"),
            Scope::Changes => "changes".to_owned(),
            Scope::Flag(name) => format!("changes/{name}"),
            Scope::Problems => "problems".to_owned(),
            Scope::Problem(id) => format!("problems/{id}"),
            Scope::Remedies => "remedies".to_owned(),
            Scope::Badge { .. } => "badge.svg".to_owned(),
        };
        self.access.address(&self.base, &page, scope, &[], expiry)
    }
}
