//! The result, posted to whoever asked for it.

use std::fmt::Write as _;

use anyhow::Context as _;
use hmac::{Hmac, KeyInit, Mac};
use release::validation::{Hook, Validation};
use release::work::Wait;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use store::{Claimed, StoreError};

use super::Shared;

/// Posts the result. `Some` says that it has to be tried again; a receiver that
/// says no is no fault of ours and holds up nothing else.
pub(super) async fn deliver(
    shared: &Shared<'_>,
    claimed: &mut Claimed<Validation>,
) -> Result<Option<Wait>, StoreError> {
    let store = &shared.services.store;
    if claimed.judgement.is_none() {
        // It was superseded before there was a result.
        store.hooked(claimed, Hook::GivenUp).await?;
        return Ok(None);
    }
    let registration = &claimed.registration;
    let secret = match &shared.connected.hook_secret {
        Ok(secret) => secret,
        Err(error) => {
            return Ok(Some(Wait::for_(format!(
                "the result hook cannot be signed: {error:#}"
            ))));
        }
    };
    let (Some(address), Some(secret)) = (&registration.result_hook, secret) else {
        store.hooked(claimed, Hook::GivenUp).await?;
        return Ok(None);
    };
    let Ok(address) = shared.services.outgoing.allowed(address) else {
        store.hooked(claimed, Hook::GivenUp).await?;
        return Ok(None);
    };
    let posted = async {
        let body = body(shared, claimed).await?;
        let headers = [
            ("x-unbreakable-delivery", claimed.delivery()),
            ("x-unbreakable-signature", signature(secret, &body)),
        ];
        let outgoing = &shared.services.outgoing;
        outgoing
            .post_json(&address, &headers, body, shared.remotes_until)
            .await?;
        anyhow::Ok(())
    };
    match posted.await {
        Ok(()) => {
            store.hooked(claimed, Hook::Delivered).await?;
            Ok(None)
        }
        Err(error) => Ok(Some(Wait::for_(format!(
            "the result hook is not delivered: {error:#}"
        )))),
    }
}

async fn body(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<String> {
    let registration = &validation.registration;
    let judgement = validation
        .judgement
        .as_ref()
        .context("only judged validations are posted")?;
    let evidence = shared
        .services
        .store
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
