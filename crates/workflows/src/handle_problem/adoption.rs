//! Open problems whose notification never came.

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Problem, Reported};
use store::Noticed;

use super::tools::Pass;

/// How long a notification may take: an alerting profile may hold it back.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// How many problems one tick adopts.
const MOST: usize = 25;

/// How many of them are looked up at once.
const AT_ONCE: usize = 25;

/// The kinds of problems that a release can cause and that notifications are
/// set up for.
const SEVERITIES: [&str; 4] = ["AVAILABILITY", "ERROR", "PERFORMANCE", "CUSTOM_ALERT"];

/// Enters open problems of production that were never reported, or were last
/// reported as over. What they ask
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
    let ours = open.into_iter().filter_map(|seen| {
        let began = Timestamp::from_millisecond(seen.start_ms).ok()?;
        let age = now.duration_since(began);
        let is_ours = GRACE <= age
            && age < healing.patience
            && SEVERITIES.contains(&seen.severity.as_str())
            && seen.tags.iter().any(|tag| tag.is(&healing.tag));
        is_ours.then_some((began, seen))
    });
    let remediations = &pass.services.remediations;
    let known = ours.map(async |(began, seen)| (remediations.problem(&seen.id).await, began, seen));
    let mut known = stream::iter(known).buffered(AT_ONCE);
    let mut adopted = 0;
    while let Some((known, began, seen)) = known.next().await
        && adopted < MOST
    {
        match known {
            Ok(None) => {}
            // It was over before anything was done, and is not any more.
            Ok(Some(known)) if known.was_over() => {
                let again = remediations
                    .reopen(&known.id, now, healing.patience)
                    .await?;
                adopted += usize::from(again);
                continue;
            }
            // One that cannot be read is known, and hides no other.
            Ok(Some(_)) | Err(_) => continue,
        }
        let mut problem = Problem::heard_of(&seen.id, Arrival::Adopted, now, healing.patience);
        problem.noticed = began;
        problem.display_id = Some(seen.display_id).filter(|id| !id.is_empty());
        problem.title = Some(seen.title).filter(|title| !title.is_empty());
        let noticed = remediations.notice(&problem, Reported::Open, now).await?;
        adopted += usize::from(noticed == Noticed::New);
    }
    Ok(adopted)
}
