//! A pipeline action waits for the verdict on its build and publishes what led
//! to it as an artifact.
//!
//! # Transitions
//!
//! Nothing is stored: the validation is what `validate-builds` makes of it, and
//! since when is waited stands in the token of a continued job. What is written
//! follows from the verdict alone, so doing it twice leaves the same bytes under
//! the same key.
//!
//! | Row | Met | Event | External call | Killed before it | Killed after it |
//! |---|---|---|---|---|---|
//! | `story.unregistered` | what is meant is registered by nobody yet, or again in this attempt (`attempt` has the table) | job | job continues, with since when | delivered again | next job, the same patience |
//! | `story.unjudged` | a validation that is not judged | job | job continues, with since when and the execution | delivered again | next job, the same patience |
//! | `story.over` | the same, patience is over | job | job fails: its result is that there is none | delivered again: fails | – |
//! | `story.ended` | a validation that ended without a verdict | job | job fails: its result is that there is none | delivered again: fails | – |
//! | `story.refused` | nothing that is meant, or several | job | job fails with what there is | delivered again: fails | – |
//! | `story.written` | a verdict | job | the artifact is written | delivered again | written again, the same bytes |
//! | `story.published` | a verdict, written | – | job succeeds with variables, or fails where `failOn` says so | delivered again: written again | – |
//! | `story.rollback` | an execution that takes a stage back | job | job succeeds, nothing is written | delivered again | – |
//! | `story.fault` | – | a fault of a remote | job fails at once | delivered again | – |
//!
//! `tests/tests/it/rows.rs` names the test of each row.
//!
//! A validation that was superseded gave its slot to its successor, and the slot
//! is read by every job: what is published is what the action registered last.

mod attempt;
mod bundle;
mod output;
mod parameters;
mod place;
mod wanted;

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::artifact::{Artifacts, zipped};
use delivery::job::Job;
use jiff::Timestamp;
use monspec::{Outcome as Judged, Verdict};
use release::evidence::Evidence;
use release::summary::with_link;
use release::validation::{Ending, Judgement, State, Validation, ValidationId};
use store::{Slot, Validations};

use crate::Refusal;
use crate::execution::context_of;
use crate::refusal::Stop;
use crate::token::Token;
use attempt::{SlotState, slot_state};
use output::Output;
use parameters::Parameters;
use place::Place;
use release::links::Links;

/// What publishing speaks to.
#[derive(Debug)]
pub struct Services {
    /// Where verdicts are.
    pub validations: Validations,
    /// Where the job came from.
    pub pipeline: CodePipeline,
    /// Where evidence is written.
    pub artifacts: Artifacts,
}

/// What became of the job.
#[derive(Debug)]
pub enum Outcome {
    /// There is no verdict yet.
    Later {
        /// What the next job has to know.
        token: String,
        /// What is waited for.
        waiting_for: String,
    },
    /// The evidence is written.
    Published(Published),
    /// The evidence is written, and the action fails on such a verdict.
    Stopped(Published),
    /// There was no verdict in time.
    GaveUp(String),
    /// There is nothing to publish, and that is right.
    NotNeeded(String),
    /// The request cannot be fulfilled until somebody corrects something.
    Refused(Refusal),
}

/// A verdict whose evidence is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// The validation.
    pub id: ValidationId,
    /// Its verdict.
    pub verdict: Verdict,
    /// How many signatures were violated.
    pub violations: usize,
    /// Where the report is, if it is anywhere.
    pub report: Option<String>,
    /// The summary, as in the answer to the approval.
    pub summary: String,
}

/// Publishes the verdict that a job asks for. `connect` makes links to reports,
/// once there is a verdict.
pub async fn publish_validation(
    services: &Services,
    connect: impl AsyncFnOnce() -> Option<Links>,
    job: &Job,
    now: Timestamp,
) -> anyhow::Result<Outcome> {
    let outcome = published(services, connect, job, now).await;
    outcome.or_else(|stop| stop.told(Outcome::Refused, Outcome::NotNeeded))
}

/// Errors that can be seen at once are reported before anything is waited for.
async fn published(
    services: &Services,
    connect: impl AsyncFnOnce() -> Option<Links>,
    job: &Job,
    now: Timestamp,
) -> Result<Outcome, Stop> {
    let parameters = parameters::read(job.user_parameters())?;
    let output = Output::of(&job.data)?;
    let token = Token::read(job.data.continuation_token.as_deref(), now);
    let context = context_of(&services.pipeline, job).await?;
    let place = match &token.execution {
        Some(execution) => Place::known(execution),
        None => place::of_job(&services.pipeline, &context, &parameters).await?,
    };

    let wait = Wait {
        parameters: &parameters,
        token,
        now,
    };
    // The history was read before the slots are: whatever had ended by then has
    // left its slot.
    let slots = services
        .validations
        .slots(&context.pipeline, &place.execution)
        .await
        .context("cannot read what this execution registered")?;
    let waited = wait.token.waited(now);
    let slot = match slot_state(&parameters.wanted, &slots, place.attempt.as_ref(), waited)? {
        SlotState::Registered(slot) => slot,
        SlotState::Awaited(waiting_for) => return Ok(wait.outcome(None, waiting_for)),
    };
    let validation = validation(services, slot).await?;
    let judgement = match &validation.state {
        State::Judged(judged) => &judged.judgement,
        State::Unjudged(Ending::GaveUp { waiting_for }) => {
            return Ok(Outcome::GaveUp(never_judged(&validation, waiting_for)));
        }
        // A superseded one has a successor, which the next look finds.
        State::Waiting | State::Unjudged(_) => {
            let waiting_for = unjudged(&validation);
            return Ok(wait.outcome(Some(place.execution), waiting_for));
        }
    };
    let evidence = evidence(services, &validation).await?;
    write(services, &output, &validation, judgement, &evidence).await?;

    let links = connect().await;
    let published = published_as(&validation, judgement, &evidence, links.as_ref());
    Ok(if parameters.fail_on.contains(&published.verdict) {
        Outcome::Stopped(published)
    } else {
        Outcome::Published(published)
    })
}

async fn validation(services: &Services, slot: &Slot) -> Result<Validation, Stop> {
    let found = services
        .validations
        .validation(slot.id)
        .await
        .context("cannot read the validation")?;
    found.ok_or_else(|| {
        Refusal::configuration(format!(
            "validation {} of this execution is no longer stored: register it again",
            slot.id
        ))
        .into()
    })
}

async fn evidence(services: &Services, validation: &Validation) -> Result<Evidence, Stop> {
    let found = services
        .validations
        .evidence(validation.registration.id)
        .await
        .context("cannot read what led to the verdict")?;
    let evidence = found.context("a verdict is stored with its evidence, but there is none")?;
    Ok(evidence)
}

async fn write(
    services: &Services,
    output: &Output<'_>,
    validation: &Validation,
    judgement: &Judgement,
    evidence: &Evidence,
) -> Result<(), Stop> {
    let spec = services
        .validations
        .spec(&validation.registration.spec)
        .await
        .context("cannot read the monspec that judged the build")?
        .context("the monspec that judged the build is not stored any more")?;
    let files = bundle::files(validation, judgement, evidence, &spec)
        .context("cannot write the findings into the monspec")?;
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, content)| (*name, content.as_str()))
        .collect();
    output.write(&services.artifacts, zipped(&files)).await
}

fn published_as(
    validation: &Validation,
    judgement: &Judgement,
    evidence: &Evidence,
    links: Option<&Links>,
) -> Published {
    let id = validation.registration.id;
    let report = links.map(|links| links.to(id, judgement.at));
    let violated = |outcome: Judged| outcome == Judged::Violated;
    Published {
        id,
        verdict: judgement.verdict,
        violations: evidence
            .findings
            .iter()
            .filter(|finding| violated(finding.finding.outcome))
            .count(),
        summary: with_link(&judgement.summary, report.as_deref()),
        report,
    }
}

/// Why there will be no verdict.
fn never_judged(validation: &Validation, waiting_for: &str) -> String {
    let registration = &validation.registration;
    format!(
        "validation {} of `{}` ended without a verdict; its time limit passed: {waiting_for}",
        registration.id, registration.comparison
    )
}

fn unjudged(validation: &Validation) -> String {
    let registration = &validation.registration;
    format!(
        "validation {} of `{}` has no verdict; the first look at its window is due at {}",
        registration.id, registration.comparison, registration.due_at
    )
}

/// How long there may be no verdict.
struct Wait<'a> {
    parameters: &'a Parameters,
    token: Token,
    now: Timestamp,
}

impl Wait<'_> {
    fn outcome(self, execution: Option<String>, waiting_for: String) -> Outcome {
        let patience = self.parameters.patience;
        if self.token.is_over(patience, self.now) {
            let minutes = patience.as_mins();
            return Outcome::GaveUp(format!(
                "no verdict within {minutes} minutes: {waiting_for}. \
                 The log of validate-builds shows what it waits for; set `waitMinutes` to wait \
                 longer, or retry the stage"
            ));
        }
        Outcome::Later {
            token: Token {
                execution,
                ..self.token
            }
            .to_string(),
            waiting_for,
        }
    }
}
