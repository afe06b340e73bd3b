//! The feature flags of the service, read by OFREP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// How often the flags are asked for.
const EVERY: Duration = Duration::from_millis(500);

/// How long is waited for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the flags say, as the last answer had it.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    errors: AtomicBool,
    slow: AtomicBool,
    campaign: AtomicU64,
}

/// Where flags are served.
pub(crate) struct Source {
    /// The address that the paths of OFREP follow.
    pub(crate) url: String,
    /// The key that reads them.
    pub(crate) key: String,
}

/// The answer about all flags.
#[derive(Deserialize)]
struct Answer {
    flags: Vec<Evaluated>,
}

/// One flag, or why it has no value.
#[derive(Deserialize)]
struct Evaluated {
    key: String,
    #[serde(default)]
    value: Value,
}

impl Flags {
    /// Whether every second invocation fails.
    pub(crate) fn inject_errors(&self) -> bool {
        self.errors.load(Ordering::Relaxed)
    }

    /// Whether every call takes twice as long.
    pub(crate) fn slow_down(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Whether the call of this number, counted from 1, is part of the campaign.
    pub(crate) fn is_promoted(&self, number: u64) -> bool {
        let percent = self.campaign.load(Ordering::Relaxed);
        // Evenly spread over all calls.
        number * percent / 100 != (number - 1) * percent / 100
    }

    /// Takes what has a value that it can have; the rest stays as it was.
    fn take(&self, answer: &Answer) {
        for Evaluated { key, value } in &answer.flags {
            match (key.as_str(), value) {
                ("errorInjectionEnabled", Value::Bool(on)) => {
                    self.errors.store(*on, Ordering::Relaxed);
                }
                ("slowResponsesEnabled", Value::Bool(on)) => {
                    self.slow.store(*on, Ordering::Relaxed);
                }
                ("promotionalPercent", Value::Number(percent)) => {
                    let percent = percent.as_u64().unwrap_or(0).min(100);
                    self.campaign.store(percent, Ordering::Relaxed);
                }
                _ => {}
            }
        }
    }
}

/// Asks for all flags again and again. What cannot be read stays as it was.
pub(crate) async fn follow(source: Source, flags: Arc<Flags>) {
    let client = Client::builder().no_proxy().timeout(PATIENCE).build();
    let client = client.expect("a client without settings of its own can be made");
    let (mut known, mut told) = (None, false);
    loop {
        match ask(&client, &source, &mut known).await {
            Ok(answer) => {
                if let Some(answer) = answer {
                    flags.take(&answer);
                }
                told = false;
            }
            Err(error) if !told => {
                tracing::info!("WARNING the flags cannot be read: {error:#}");
                told = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// All flags, unless they are as they were.
async fn ask(
    client: &Client,
    source: &Source,
    known: &mut Option<HeaderValue>,
) -> anyhow::Result<Option<Answer>> {
    let url = format!("{}/ofrep/v1/evaluate/flags", source.url);
    let mut request = client.post(url).bearer_auth(&source.key);
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known.clone());
    }
    let context = json!({"context": {"targetingKey": "sample-app"}});
    let answer = request.json(&context).send().await?;
    if answer.status() == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
    *known = answer.headers().get(ETAG).cloned();
    let answer = answer.json().await.context("it is no answer of OFREP")?;
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(flags: &Value) -> Flags {
        let told = Flags::default();
        told.take(&serde_json::from_value(json!({"flags": flags})).unwrap());
        told
    }

    #[test]
    fn campaign_is_spread_evenly_over_all_calls() {
        for (percent, of_a_hundred, of_ten) in [(0, 0, 0), (10, 10, 1), (50, 50, 5), (100, 100, 10)]
        {
            let flags = told(&json!([{"key": "promotionalPercent", "value": percent}]));
            let promoted = |to: u64| (1..=to).filter(|&call| flags.is_promoted(call)).count();
            assert_eq!((promoted(100), promoted(10)), (of_a_hundred, of_ten));
        }
    }

    #[test]
    fn flag_without_a_value_stays_as_it_was() {
        let flags = told(&json!([
            {"key": "slowResponsesEnabled", "value": true},
            {"key": "errorInjectionEnabled", "value": "true"},
            {"key": "promotionalPercent", "value": 50},
        ]));
        let later = json!({"flags": [
            {"key": "slowResponsesEnabled", "errorCode": "GENERAL"},
            {"key": "promotionalPercent", "value": 20},
            {"key": "another", "value": {}},
        ]});

        flags.take(&serde_json::from_value(later).unwrap());

        assert!(flags.slow_down() && !flags.inject_errors());
        assert_eq!(
            (1..=100).filter(|&call| flags.is_promoted(call)).count(),
            20
        );
    }
}
