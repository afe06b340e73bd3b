//! The last chapter: a campaign harms production, and no build is to blame.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use flags::Cause;
use lab::live::{APPLICATION, Scene};
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::answered::{Heal, tenths};
use super::{PATIENCE, heal, is_answered, until};

/// The percentage of calls that are part of the campaign.
const FLAG: &str = "promotionalPercent";

/// What it is at first; not its default, which would be no proof that a value was
/// given back.
const USUAL: u64 = 5;

/// What it is set to.
const TOO_MUCH: u64 = 50;

/// The seconds of one measurement.
const MEASURED: i64 = 3;

/// Longer than the service takes to read a flag and one measurement takes.
const SETTLING: Duration = Duration::from_secs(4);

/// Slow is so many times as long as before.
const SLOW: f64 = 1.5;

/// What became of the campaign.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Campaign {
    pub(crate) as_expected: bool,
    /// How long the slowest tenth of the requests took at least, in milliseconds:
    /// before, during and after the campaign.
    pub(crate) slowest_tenth_ms: [f64; 3],
    /// Whether the tenant has the event of its change.
    pub(crate) announced: bool,
    /// The problems that it caused, and what was done about them.
    pub(crate) problems: Vec<Heal>,
    /// How many transactions took it back.
    pub(crate) taken_back: usize,
    /// The percentage afterwards.
    pub(crate) percent: Json,
    /// Whether production runs what it ran before, by the same deployment.
    pub(crate) build_unchanged: bool,
    pub(crate) seconds: f64,
}

/// Sets the campaign too high and waits for all that follows.
pub(super) async fn tell(scene: &Scene) -> anyhow::Result<Campaign> {
    let began = Instant::now();
    scene
        .switch(FLAG, &json!(USUAL), None, "a small campaign")
        .await?;
    tokio::time::sleep(SETTLING).await;
    let before = slowest_tenth(scene)?;
    let deployed = deployed(scene)?;
    let known = scene.problems().len();

    scene
        .switch(FLAG, &json!(TOO_MUCH), None, "half of all calls")
        .await?;
    // Its event is required, so the tenant has it by now.
    let change = last_change(scene).await?;
    let is_slow = until(async || Ok(before * SLOW <= slowest_tenth(scene)?)).await?;
    ensure!(
        is_slow,
        "a campaign at {TOO_MUCH} % made nothing slow within {} s",
        PATIENCE.as_secs()
    );
    let during = slowest_tenth(scene)?;
    ensure!(
        until(async || Ok(known < scene.problems().len())).await?,
        "a campaign at {TOO_MUCH} % caused no problem within {} s",
        PATIENCE.as_secs()
    );
    for problem in scene.problems().split_off(known) {
        // A problem without an answer is reported as it is then.
        until(async || is_answered(scene, &problem.id).await).await?;
    }
    until(async || Ok(slowest_tenth(scene)? < before * SLOW)).await?;

    let mut problems = Vec::new();
    for problem in scene.problems().split_off(known) {
        problems.push(heal(scene, problem).await?);
    }
    let switches = scene.switches().await?;
    let switch = switches.into_iter().find(|switch| switch.name == FLAG);
    let told = Campaign {
        as_expected: false,
        slowest_tenth_ms: [before, during, slowest_tenth(scene)?],
        announced: is_announced(scene, &change),
        problems,
        taken_back: times_taken_back(scene).await?,
        percent: switch.context("the flag is gone")?.value,
        build_unchanged: deployed == self::deployed(scene)?,
        seconds: tenths(began.elapsed()),
    };
    Ok(Campaign {
        as_expected: told.is_as_expected(),
        ..told
    })
}

impl Campaign {
    /// It made production slow and was taken back because of that, once, with a
    /// word on the problem; nothing was deployed.
    fn is_as_expected(&self) -> bool {
        let [before, during, after] = self.slowest_tenth_ms;
        let [problem] = &self.problems[..] else {
            return false;
        };
        let is_told = [
            format!("prod/{FLAG} from {USUAL} to {TOO_MUCH}"),
            format!("has been {USUAL} again since"),
            "stays taken back".to_owned(),
        ]
        .iter()
        .all(|said| problem.comments.iter().any(|text| text.contains(said)));
        before * SLOW <= during
            && after < before * SLOW
            && self.announced
            && problem.confirmed
            && is_told
            && self.taken_back == 1
            && self.percent == json!(USUAL)
            && self.build_unchanged
    }
}

fn slowest_tenth(scene: &Scene) -> anyhow::Result<f64> {
    let slowest = scene.production.slowest_tenth(MEASURED);
    slowest.context("nobody calls production")
}

/// The build that runs in production, and the deployment that brought it there.
fn deployed(scene: &Scene) -> anyhow::Result<(Option<u32>, Option<String>)> {
    let codedeploy = scene.world.aws.codedeploy();
    let history = codedeploy.history(APPLICATION, scene.production.name())?;
    let newest = history.into_iter().next();
    Ok((scene.production.build(), newest.map(|made| made.id)))
}

/// The id of the flag's last change.
async fn last_change(scene: &Scene) -> anyhow::Result<String> {
    let history = scene.world.flags().history("prod", FLAG).await?;
    let last = history.into_iter().next_back();
    Ok(last.context("the flag has no history")?.record.change)
}

/// Whether the tenant has an event of a change on the service of production.
fn is_announced(scene: &Scene, change: &str) -> bool {
    let events = scene.world.tenant.events();
    events.iter().any(|event| {
        let id = event.properties.get("change.id");
        event.event_type.starts_with("CUSTOM_")
            && event.entity == lab::world::PRODUCTION
            && id.is_some_and(|id| id == change)
    })
}

async fn times_taken_back(scene: &Scene) -> anyhow::Result<usize> {
    let history = scene.world.flags().history("prod", FLAG).await?;
    let taken_back = history
        .iter()
        .filter(|entry| entry.record.cause == Cause::TakenBack);
    Ok(taken_back.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_back() -> Campaign {
        Campaign {
            as_expected: true,
            slowest_tenth_ms: [103.0, 203.0, 104.0],
            announced: true,
            problems: vec![Heal {
                problem: "P-2".to_owned(),
                title: "Slow".to_owned(),
                confirmed: true,
                comments: vec![
                    "The change of flag prod/promotionalPercent from 5 to 50 is blamed; it has \
                     been 5 again since 10:00."
                        .to_owned(),
                    "It stays taken back.".to_owned(),
                ],
            }],
            taken_back: 1,
            percent: json!(5),
            build_unchanged: true,
            seconds: 20.0,
        }
    }

    #[test]
    fn campaign_is_taken_back_with_a_word_and_without_a_deployment() {
        assert!(taken_back().is_as_expected());

        let unexpected: [fn(&mut Campaign); 10] = [
            |told| told.slowest_tenth_ms[1] = 110.0,
            |told| told.slowest_tenth_ms[2] = 203.0,
            |told| told.announced = false,
            |told| told.problems.clear(),
            |told| told.problems[0].confirmed = false,
            |told| told.problems[0].comments.truncate(1),
            |told| told.taken_back = 0,
            |told| told.taken_back = 2,
            |told| told.percent = json!(50),
            |told| told.build_unchanged = false,
        ];
        for (number, change) in unexpected.iter().enumerate() {
            let mut told = taken_back();
            change(&mut told);
            assert!(!told.is_as_expected(), "change {number}");
        }
    }
}
