//! Links to the report of one validation.

use jiff::{SignedDuration, Timestamp};
use release::link::{InvalidKeys, Keys};
use release::validation::ValidationId;
use release::window::saturating_add;
use secrecy::SecretString;

/// How long a signed link opens its report.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Who may open a report.
#[derive(Debug)]
pub enum Access {
    /// Whoever holds a signed link.
    Signed(Keys),
    /// Everybody who reaches the address. Must be chosen explicitly.
    Public,
}

/// How links to reports are made, where there is a report at all.
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

impl Links {
    /// Links as the settings want them, signed by `keys` unless public.
    pub fn new(settings: &LinkSettings, keys: &SecretString) -> Result<Self, InvalidKeys> {
        let access = if settings.public {
            Access::Public
        } else {
            Access::Signed(Keys::parse(keys)?)
        };
        Ok(Self {
            base: settings.base.trim_end_matches('/').to_owned(),
            access,
        })
    }

    /// The link to the report of exactly this validation.
    pub fn to(&self, id: ValidationId, now: Timestamp) -> String {
        let path = format!("/v/{id}");
        match &self.access {
            Access::Signed(keys) => keys.sign(&self.base, &path, saturating_add(now, OPEN_FOR)),
            Access::Public => format!("{}{path}", self.base),
        }
    }
}
