//! Open problems whose notification never came. [`release::problem::adoption`]
//! decides which are entered.

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use release::problem::Reported;
use release::problem::adoption::{Adoption, Known, Open, adopt as adopt_or_not};
use store::Noticed;

use super::tools::Pass;

/// How many problems one tick adopts.
const MOST: usize = 25;

/// How many of them are looked up at once.
const AT_ONCE: usize = 25;

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
    let patience = healing.patience;
    let open = open.into_iter().filter_map(|seen| {
        let open = Open {
            began: Timestamp::from_millisecond(seen.start_ms).ok()?,
            is_production: seen.tags.iter().any(|tag| tag.is(&healing.tag)),
            id: seen.id,
            display_id: seen.display_id,
            title: seen.title,
            severity: seen.severity,
        };
        (adopt_or_not(&open, None, patience, now) == Adoption::Ask).then_some(open)
    });
    let remediations = &pass.services.remediations;
    let known = open.map(async |open| (remediations.problem(&open.id).await, open));
    let mut known = stream::iter(known).buffered(AT_ONCE);
    let mut adopted = 0;
    while let Some((known, open)) = known.next().await
        && adopted < MOST
    {
        let known = match &known {
            Ok(None) => Known::No,
            Ok(Some(known)) => Known::As(known),
            // One that cannot be read hides no other.
            Err(_) => Known::Unreadable,
        };
        let is_taken = match adopt_or_not(&open, Some(known), patience, now) {
            Adoption::Leave | Adoption::Ask => false,
            Adoption::Reopen => remediations.reopen(&open.id, now, patience).await?,
            Adoption::Enter => {
                let problem = open.entered(now, patience);
                let noticed = remediations.notice(&problem, Reported::Open, now).await?;
                noticed == Noticed::New
            }
        };
        adopted += usize::from(is_taken);
    }
    Ok(adopted)
}
