//! A receiver, which is asked by a signed request to take a change back.

use jiff::Timestamp;
use release::runbook::{Answer, Attempt, Ended, Form, LARGEST_ANSWER, Launched, Means, Run};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use crate::outgoing::{Allowed, Outgoing, OutgoingError, signature};

/// The statuses of a refusal that say only that it was not done now: a time that is over,
/// the same key under way, and a receiver that has no time.
const NOT_NOW: [u16; 4] = [408, 409, 425, 429];

/// The shortest secret that signs, in bytes.
const SHORTEST: usize = 16;

/// A receiver at its listed address, which is the only one that is spoken to.
#[derive(Clone, Debug)]
pub struct Receiver {
    outgoing: Outgoing,
    url: String,
    address: Allowed,
    secret: SecretString,
}

impl Receiver {
    /// The receiver at an address of the operator's list, or why it cannot be asked.
    pub fn new(url: &str, secret: SecretString) -> Result<Self, String> {
        if secret.expose_secret().len() < SHORTEST {
            return Err(format!("its secret has fewer than {SHORTEST} characters"));
        }
        let outgoing = Outgoing::to(url).map_err(|why| why.to_string())?;
        let address = outgoing.allowed(url).map_err(|why| why.to_string())?;
        Ok(Self {
            outgoing,
            url: url.to_owned(),
            address,
            secret,
        })
    }

    /// What it asks for: nothing, at the address that the run was decided with.
    pub(super) fn form(&self, run: &Run) -> Answer<Form> {
        match self.means(run) {
            Ok(()) => Answer::Is(Form::default()),
            Err(why) => Answer::Unheard(why),
        }
    }

    /// Asks it for what `attempt` intends. The key is the same whenever it is asked.
    pub(super) async fn ask(
        &self,
        run: &Run,
        attempt: &Attempt,
        now: Timestamp,
        until: Instant,
    ) -> Launched {
        if let Err(why) = self.means(run) {
            return Launched::NotSent(why);
        }
        if until <= Instant::now() {
            return Launched::NotSent("no time is left".to_owned());
        }
        let body = Value::Object(run.order(attempt).variables).to_string();
        let headers = [
            ("idempotency-key", run.id.clone()),
            ("x-unbreakable-signature", signature(&self.secret, &body)),
        ];
        let posted = self
            .outgoing
            .post_json(&self.address, &headers, body, until);
        match posted.await {
            Ok(posted) => {
                // It is done, whatever else is said.
                let answer = posted.text(LARGEST_ANSWER).await.unwrap_or_default();
                Launched::Done(Box::new(Ended::answered(&answer, now)))
            }
            Err(error) => became(error),
        }
    }

    /// A run goes to the address that it was decided with, or nowhere.
    fn means(&self, run: &Run) -> Result<(), String> {
        match &run.runbook.means {
            Means::Request { url } if *url == self.url => Ok(()),
            Means::Request { .. } | Means::Template(_) => {
                Err("it has another address now".to_owned())
            }
        }
    }
}

/// What became of a request that was not accepted.
fn became(error: OutgoingError) -> Launched {
    match error {
        OutgoingError::Forbidden(_) | OutgoingError::NotSent { .. } => {
            Launched::NotSent(format!("{:#}", anyhow::Error::from(error)))
        }
        OutgoingError::Refused { status, .. }
            if (400..500).contains(&status) && !NOT_NOW.contains(&status) =>
        {
            Launched::Refused {
                status,
                text: String::new(),
            }
        }
        error => Launched::Unknown(format!("{:#}", anyhow::Error::from(error))),
    }
}
