//! The report: who may open it, and the links that do.

use anyhow::Context as _;
use release::link::LONGEST;
use release::links::{Access, LinkSettings, Links};
use secrecy::SecretString;

use crate::secrets::{Origin, Resolved, Secrets};
use crate::settings::{self, SettingError, unusable};

/// The setting that holds the keys.
pub const REPORT_KEYS: &str = "REPORT_KEYS";

/// Longer addresses leave no room for what a link says, however short its key's
/// id is.
const LONGEST_BASE: usize = LONGEST - 81;

/// Where the report is, if there is one, and who may open it. The keys that
/// sign links are secrets and come when a link is made.
#[derive(Debug)]
pub struct ReportLinks {
    links: Option<LinkSettings>,
}

impl ReportLinks {
    /// Reads the settings.
    pub fn read() -> Result<Self, SettingError> {
        let public = is_public()?;
        let base = settings::address("DT_BUILD_REPORT_URL", "the report", LONGEST_BASE)?;
        let links = base.map(|base| LinkSettings { base, public });
        Ok(Self { links })
    }

    /// Fails at start where links are to be signed and cannot be.
    pub fn require_keys(&self, secrets: &Secrets) -> Result<(), SettingError> {
        match &self.links {
            Some(links) if !links.public => {
                require_keys(secrets)?;
                if let Some(keys) = secrets.direct(REPORT_KEYS) {
                    Links::new(links, keys).map_err(|error| unusable(REPORT_KEYS, error))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What makes links. Without it the work goes on, without links.
    pub fn links(&self, known: &Resolved) -> Option<Links> {
        match signed(self.links.as_ref()?, known) {
            Ok(links) => Some(links),
            Err(error) => {
                if known.origin == Origin::Fetched {
                    tracing::error!(
                        setting = REPORT_KEYS,
                        "No links to the report are made: {error:#}"
                    );
                }
                None
            }
        }
    }
}

/// Whether everybody may open reports.
pub fn is_public() -> Result<bool, SettingError> {
    match settings::optional("REPORT_ACCESS").as_deref() {
        None | Some("signed") => Ok(false),
        Some("public") => Ok(true),
        Some(_) => Err(unusable(
            "REPORT_ACCESS",
            "it is `signed`, the default, or `public`",
        )),
    }
}

/// Fails at start for keys that are missing, or are seen to be unusable.
pub fn require_keys(secrets: &Secrets) -> Result<(), SettingError> {
    secrets.require(
        REPORT_KEYS,
        "the keys that sign report links, `<id>:<secret>`, or set REPORT_KEYS_PARAMETER; \
         reports that everybody may open need REPORT_ACCESS=public",
    )?;
    if let Some(keys) = secrets.direct(REPORT_KEYS) {
        Access::signed(keys).map_err(|error| unusable(REPORT_KEYS, error))?;
    }
    Ok(())
}

fn signed(settings: &LinkSettings, known: &Resolved) -> anyhow::Result<Links> {
    let none = SecretString::default();
    let keys = if settings.public {
        &none
    } else {
        known.get(REPORT_KEYS)?.unwrap_or(&none)
    };
    Links::new(settings, keys).context("REPORT_KEYS cannot be used")
}
