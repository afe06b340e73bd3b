//! The result, posted to the hook that asked for it.

use anyhow::{Context as _, anyhow};
use release::outbox::{self, Failed};
use release::validation::{Judgement, Registration, Validation};
use release::work::{Outcome, Wait};
use store::Claimed;

use super::Shared;
use crate::outgoing::signature;

/// Why a result was not posted.
enum NotPosted {
    /// It is tried again.
    Yet(anyhow::Error),
    /// Nobody can ever post it.
    Ever(String),
}

/// Posts the result of a verdict. `Some` says that it has to be tried again; a receiver that
/// says no is no fault of ours and holds up nothing else. It knows a repetition by its id, so
/// that nothing is looked for.
pub(super) async fn deliver(
    shared: &Shared<'_>,
    claimed: &mut Claimed<Validation>,
    judgement: &Judgement,
) -> anyhow::Result<Option<Wait>> {
    let Some(mut result) = claimed.result.clone() else {
        return Ok(None);
    };
    let now = shared.tick.now;
    let entries = std::slice::from_mut(&mut result);
    match post(shared, claimed, judgement).await {
        Ok(()) => entries[0].posted = Some(now),
        Err(NotPosted::Ever(why)) => outbox::give_up(entries, &why),
        Err(NotPosted::Yet(error)) => {
            let time = claimed.time(&Outcome::Fault, now);
            let failed = outbox::failed(entries, &format!("{error:#}"), time, now);
            if let Failed::Again { attempts, until } = failed {
                let id = claimed.registration.id;
                tracing::warn!(
                    validation.id = %id, attempts,
                    "The result of validation `{id}` could not be posted: {error:#}"
                );
                // Stored with the deferral.
                claimed.result = Some(result);
                return Ok(Some(Wait {
                    until: Some(until),
                    ..Wait::for_(format!("the result hook: {error:#}"))
                }));
            }
        }
    }
    let validations = &shared.services.validations;
    validations.hooked(claimed, result).await?;
    Ok(None)
}

/// Gives up the result of what ended without one.
pub(super) async fn give_up(
    shared: &Shared<'_>,
    claimed: &mut Claimed<Validation>,
) -> anyhow::Result<()> {
    if let Some(mut result) = claimed.result.clone() {
        let why = "it ended before it was judged";
        outbox::give_up(std::slice::from_mut(&mut result), why);
        let validations = &shared.services.validations;
        validations.hooked(claimed, result).await?;
    }
    Ok(())
}

async fn post(
    shared: &Shared<'_>,
    validation: &Validation,
    judgement: &Judgement,
) -> Result<(), NotPosted> {
    let secret = match &shared.connected.hook_secret {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            let why = "RESULT_HOOK_SECRET, which signs it, is not set any more";
            return Err(NotPosted::Ever(why.to_owned()));
        }
        Err(error) => return Err(NotPosted::Yet(anyhow!("it cannot be signed: {error:#}"))),
    };
    let outgoing = &shared.services.outgoing;
    let address = validation.registration.result_hook.as_deref();
    let address = outgoing
        .allowed(address.unwrap_or_default())
        .map_err(|why| NotPosted::Ever(why.to_string()))?;
    let posting = async {
        let body = body(shared, &validation.registration, judgement).await?;
        let headers = [
            ("x-unbreakable-delivery", validation.delivery()),
            ("x-unbreakable-signature", signature(secret, &body)),
        ];
        let until = shared.remotes_until;
        let posted = outgoing.post_json(&address, &headers, body, until).await;
        posted?;
        anyhow::Ok(())
    };
    posting.await.map_err(NotPosted::Yet)
}

async fn body(
    shared: &Shared<'_>,
    registration: &Registration,
    judgement: &Judgement,
) -> anyhow::Result<String> {
    let evidence = shared
        .services
        .validations
        .evidence(registration.id)
        .await?
        .context("a judged validation has evidence")?;
    let link = shared
        .connected
        .links
        .as_ref()
        .map(|links| links.to(registration.id, judgement.at));
    Ok(report::json::posted(
        registration,
        judgement,
        &evidence,
        link.as_deref(),
    ))
}
