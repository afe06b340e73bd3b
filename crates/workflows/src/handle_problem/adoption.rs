//! Open problems whose notification never came.

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Problem, Reported};
use store::Noticed;

use super::cause;
use super::pass::Pass;

/// How long a notification may take: an alerting profile may hold it back.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// How many problems one tick adopts.
const MOST: usize = 25;

/// The kinds of problems that a release can cause and that notifications are
/// set up for.
const SEVERITIES: [&str; 4] = ["AVAILABILITY", "ERROR", "PERFORMANCE", "CUSTOM_ALERT"];

/// Enters open problems of production that nobody told us about. What they ask
/// for is as urgent as if they had been told when they began.
pub(super) async fn adopt(pass: &Pass<'_>) -> anyhow::Result<usize> {
    let now = pass.tick.now;
    let healing = &pass.services.healing;
    let since = now
        .saturating_sub(healing.patience)
        .unwrap_or(Timestamp::MIN);
    let tenant = &pass.connected.tenant;
    let open = tenant
        .open_problems(since.as_millisecond(), pass.remotes_until)
        .await
        .inspect_err(|error| pass.note(error))
        .context("cannot ask the tenant for open problems")?;
    let mut adopted = 0;
    for seen in open {
        let Ok(began) = Timestamp::from_millisecond(seen.start_ms) else {
            continue;
        };
        let age = now.duration_since(began);
        let is_ours = GRACE <= age
            && age < healing.patience
            && SEVERITIES.contains(&seen.severity.as_str())
            && seen
                .tags
                .iter()
                .any(|tag| cause::carries(tag, &healing.tag));
        // One that cannot be read is known, and hides no other.
        let is_known = async || {
            let known = pass.services.store.problem(&seen.id).await;
            !matches!(known, Ok(None))
        };
        if !is_ours || adopted == MOST || is_known().await {
            continue;
        }
        let mut problem = Problem::heard_of(&seen.id, Arrival::Adopted, now, healing.patience);
        problem.noticed = began;
        problem.display_id = Some(seen.display_id).filter(|id| !id.is_empty());
        problem.title = Some(seen.title).filter(|title| !title.is_empty());
        let noticed = pass
            .services
            .store
            .notice(&problem, Reported::Open, now)
            .await?;
        adopted += usize::from(noticed == Noticed::New);
    }
    Ok(adopted)
}
