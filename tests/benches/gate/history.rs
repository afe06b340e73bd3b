//! A gate that has judged hundreds of builds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use monspec::Verdict;
use release::evidence::Evidence;
use release::execution::ExecutionMode;
use release::plot::Plotted;
use release::validation::life::{Next, Seen, next};
use release::validation::{Ending, Judgement, Registrant, Registration, ValidationId};
use release::window::Window;
use store::{Claimed, Spec, Validations, tables};

use crate::world::{SAMPLE, Tables, World};

pub(crate) const PIPELINE: &str = "Long";
pub(crate) const COMPARISON: &str = "StagingToProduction";

/// What its builds were judged.
const VERDICT: Verdict = Verdict::Passed;

impl World {
    /// Builds that were judged, one an hour, the last one an hour ago.
    pub(crate) async fn history(
        &self,
        tables: &Tables,
        builds: usize,
        signatures: usize,
    ) -> anyhow::Result<()> {
        let (validations, ledger) = (self.validations(tables), self.ledger(tables));
        let spec = Spec::new(SAMPLE.to_owned());
        let answer = release::approval::answer(VERDICT, monspec::WhenInconclusive::Hold);
        for build in 0..builds {
            let ago = SignedDuration::from_hours(i64::try_from(builds - build)?);
            let registration = registered(self.now() - ago, &spec);
            validations
                .register(&ledger, &registration, &spec, None)
                .await?;
            let mut claimed = claim(&validations, registration.due_at).await?;
            let judgement = Judgement {
                verdict: VERDICT,
                answer,
                summary: format!("{VERDICT}: {signatures} of {signatures} signatures held."),
                at: registration.due_at,
            };
            let evidence = Evidence {
                verdict: VERDICT,
                answer,
                reason: None,
                note: None,
                findings: Vec::new(),
                entities: BTreeMap::new(),
                judged_at: registration.due_at,
                context: release::evidence::Context::default(),
            };
            let plot: Vec<_> = (0..signatures).map(|one| point(one, build)).collect();
            validations
                .judged(&ledger, &mut claimed, judgement, &evidence, &plot)
                .await?;
            let held = claimed.held();
            let Next::Answer(mut answering) = next(&mut claimed, &Seen::default()) else {
                anyhow::bail!("a judged validation answers first");
            };
            validations
                .ended(&ledger, &held, &mut answering, Ending::NothingToAnswer)
                .await?;
            validations.queue().settle(claimed).await?;
        }
        Ok(())
    }
}

fn registered(at: Timestamp, spec: &Spec) -> Registration {
    Registration {
        id: ValidationId::new(at, [0; 10]),
        pipeline: PIPELINE.to_owned(),
        execution: Some("3b2f1c9e-5c1d-4e8a-9b7e-2f6a1c0d9e84".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Direct,
        comparison: COMPARISON.to_owned(),
        window: Window::from_registration(at, SignedDuration::from_mins(5)),
        approval: None,
        spec: spec.hash().to_owned(),
        sources: Vec::new(),
        version: "4f2a9c1e77aa Change the cart".to_owned(),
        deployments: Vec::new(),
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: std::collections::BTreeMap::new(),
        environments: Vec::new(),
        result_hook: None,
        registered_at: at,
        due_at: at + SignedDuration::from_mins(7),
        give_up_at: at + SignedDuration::from_hours(24),
        expires_at: at + SignedDuration::from_hours(24 * 90),
    }
}

async fn claim(
    validations: &Validations,
    due: Timestamp,
) -> anyhow::Result<Claimed<release::validation::Validation>> {
    for shard in 0..tables::SHARDS {
        if let Some(found) = validations.queue().due(shard, due, 1, None).await?.first() {
            let lease = due + SignedDuration::from_mins(1);
            return Ok(validations
                .queue()
                .claim(found, "bench", due, lease)
                .await?);
        }
    }
    anyhow::bail!("nothing is due")
}

/// One point of a chart; numbers of builds differ.
fn point(signature: usize, build: usize) -> Plotted {
    let observation = 100.0 + (build * 7 % 31) as f64;
    Plotted {
        name: format!("SampleJSonService - service.metric{signature}(AVG,UPPER)"),
        outcome: monspec::Outcome::Held,
        observation: Some(observation),
        baseline: Some(observation * 0.97),
        upper_limit: Some(140.0),
        lower_limit: None,
    }
}
