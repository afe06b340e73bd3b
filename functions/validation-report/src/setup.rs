//! Settings and clients, once per process.

use jiff::tz::TimeZone;
use lambda::report::{REPORT_KEYS, is_public};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, required, unusable};
use store::{Flags, Ledger, Remediations, Validations};
use workflows::change_flags::is_set_name;
use workflows::validation_report::Services;

use crate::keys::Keys;

/// Everything this function has before its first request.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) keys: Keys,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let remediations = required("REMEDIATIONS_TABLE", "the name of the table of problems")?;
    let flags = required("FLAGS_TABLE", "the name of the table of flags")?;
    let set = settings::flag_set(is_set_name)?;
    let zone = zone()?;
    let public = is_public()?;

    let sdk = lambda::clients::aws().await?;
    let keys = if public {
        Keys::public()
    } else {
        Keys::signed(Secrets::new(sdk.clone(), &[REPORT_KEYS]))?
    };
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    Ok(Edge {
        services: Services {
            validations: Validations::new(dynamodb.clone(), validations),
            ledger: Ledger::new(dynamodb.clone(), ledger),
            remediations: Remediations::new(dynamodb.clone(), remediations),
            flags: Flags::new(dynamodb, flags),
            set,
            zone,
            freeze: lambda::freeze::read(),
        },
        keys,
    })
}

/// The rules of a zone are written out, because a function has no database of
/// zones to look them up in.
fn zone() -> Result<Option<TimeZone>, SettingError> {
    let Some(rule) = settings::optional("REPORT_TIME_ZONE") else {
        return Ok(None);
    };
    TimeZone::posix(rule.trim()).map(Some).map_err(|_| {
        unusable(
            "REPORT_TIME_ZONE",
            "it is a POSIX rule such as `CET-1CEST,M3.5.0,M10.5.0/3`, the last line of the zone's \
             file in /usr/share/zoneinfo",
        )
    })
}
