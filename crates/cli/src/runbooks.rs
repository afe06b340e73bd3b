//! The runbooks that are listed, and their controllers, as `handle-problem` has
//! them.

use aws_config::SdkConfig;
use lambda::secrets::{NoSecret, Parameters, Secrets};
use lambda::tenant::http;
use release::runbook::{Invalid, Runbooks};
use secrecy::ExposeSecret as _;
use workflows::handle_problem::Automation;

/// The setting that lists them.
pub(crate) const HEAL_RUNBOOKS: &str = "HEAL_RUNBOOKS";

/// Why there are none.
#[derive(Debug)]
pub(crate) enum Unlisted {
    /// The setting is not given, or its parameter does not exist.
    Nothing(String),
    /// The setting or the secrets of controllers cannot be read.
    Unread(NoSecret),
    /// The list cannot be used.
    Wrong(Vec<Invalid>),
}

/// The runbooks that may be run now, with a client for each controller.
pub(crate) async fn automation(sdk: &SdkConfig) -> Result<Automation, Unlisted> {
    let secrets = Secrets::new(sdk.clone(), &[HEAL_RUNBOOKS]);
    let secrets = secrets.read().await;
    let text = match secrets.get(HEAL_RUNBOOKS) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let why = "neither HEAL_RUNBOOKS nor HEAL_RUNBOOKS_PARAMETER is set";
            return Err(Unlisted::Nothing(why.to_owned()));
        }
        Err(missing @ NoSecret::Missing { .. }) => {
            return Err(Unlisted::Nothing(missing.to_string()));
        }
        Err(unread) => return Err(Unlisted::Unread(unread)),
    };
    let listed = Runbooks::read(text.expose_secret()).map_err(Unlisted::Wrong)?;
    let parameters = Parameters::new(sdk.clone());
    let names = listed.parameters();
    let found = parameters.read(&names).await.map_err(Unlisted::Unread)?;
    Ok(Automation::connected(listed, &found, http))
}
