//! The result, posted to the hook that asked for it.

use std::fmt::Write as _;

use anyhow::Context as _;
use hmac::{Hmac, KeyInit, Mac};
use release::validation::{Hook, Judgement, Registration, Validation};
use release::work::Wait;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use store::Claimed;

use super::Shared;

/// Posts the result of a verdict. `Some` says that it has to be tried again; a receiver that
/// says no is no fault of ours and holds up nothing else.
pub(super) async fn deliver(
    shared: &Shared<'_>,
    claimed: &mut Claimed<Validation>,
    judgement: &Judgement,
) -> anyhow::Result<Option<Wait>> {
    match post(shared, claimed, judgement).await {
        Ok(hook) => {
            shared.services.validations.hooked(claimed, hook).await?;
            Ok(None)
        }
        Err(wait) => Ok(Some(wait)),
    }
}

/// What becomes of the result; an error, where it is tried again.
async fn post(
    shared: &Shared<'_>,
    validation: &Validation,
    judgement: &Judgement,
) -> Result<Hook, Wait> {
    let again =
        |why: &str, error: &anyhow::Error| Wait::for_(format!("the result hook {why}: {error:#}"));
    let secret = shared.connected.hook_secret.as_ref();
    let secret = secret.map_err(|error| again("cannot be signed", error))?;
    let outgoing = &shared.services.outgoing;
    let (Some(address), Some(secret)) = (&validation.registration.result_hook, secret) else {
        return Ok(Hook::GivenUp);
    };
    let Ok(address) = outgoing.allowed(address) else {
        return Ok(Hook::GivenUp);
    };
    let posted = async {
        let body = body(shared, &validation.registration, judgement).await?;
        let headers = [
            ("x-unbreakable-delivery", validation.delivery()),
            ("x-unbreakable-signature", signature(secret, &body)),
        ];
        outgoing
            .post_json(&address, &headers, body, shared.remotes_until)
            .await?;
        anyhow::Ok(Hook::Delivered)
    };
    posted
        .await
        .map_err(|error| again("is not delivered", &error))
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

/// `sha256=` and the HMAC of the body in hexadecimal. The body carries the
/// validation's id and time, so a replay is recognised by what it says.
fn signature(secret: &SecretString, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}
