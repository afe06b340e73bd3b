//! From a judged validation to an answered approval.
//! [`release::approval::step`] decides; what it asks for is found out here, what
//! it says is written, and the answer is sent.

use anyhow::Context as _;
use delivery::approval::{ApprovalRef, ApprovalState, Decision};
use delivery::pipeline::{ActionRun, Mode, RunStatus};
use futures_util::future::{try_join, try_join3};
use jiff::Timestamp;
use release::approval::Answer;
use release::approval::step::{
    Approval, Given, Observed, Question, Receipt, Run, Step, ahead, answered_since, step,
};
use release::execution::ExecutionMode;
use release::summary;
use release::validation::{
    Answering, ApprovalAction, Intent, PersonsAnswer, Registration, Validation,
};
use release::work::Wait;
use secrecy::SecretString;
use store::Held;

use super::Shared;

/// How many steps one look may take, questions included. Far more than an
/// approval has; a row that led to itself would end here.
const MOST_STEPS: usize = 20;

/// What was learnt, while its build was measured, of an open approval that one
/// validation alone answers.
pub(super) struct Ahead {
    run: Run,
    token: SecretString,
    /// Whether nothing is approved now.
    is_stopped: bool,
}

/// Looks at the approval before there is a verdict, so that what is about to be
/// answered can be stored with it. It decides nothing: what is not open, or
/// cannot be had, is asked for once the verdict is stored. Of several
/// validations, the one that is judged last answers once all are stored.
pub(super) async fn look_ahead(shared: &Shared<'_>, validation: &Validation) -> Option<Ahead> {
    let registration = &validation.registration;
    let approval = reference(registration)?;
    let (state, others, stopped) = try_join3(
        async { anyhow::Ok(shared.services.pipeline.approval(approval).await?) },
        async { Ok(shared.services.validations.others(registration).await?) },
        async { Ok(shared.stopped(&registration.pipeline).await?) },
    )
    .await
    .ok()?;
    match outward(state) {
        (Approval::Open { run, earlier }, Some(token))
            if others.is_empty() && answered_since(registration, &earlier).is_none() =>
        {
            Some(Ahead {
                run,
                token,
                is_stopped: stopped.is_some(),
            })
        }
        _ => None,
    }
}

impl Ahead {
    /// What is about to be answered with this verdict.
    pub(super) fn intent(&self, own: Answer, now: Timestamp) -> Option<Intent> {
        ahead(own, &self.run, self.is_stopped, now)
    }
}

/// Takes the approval of a judged validation as far as it goes; `Some` says
/// what it waits for. What was learnt ahead of the verdict is not asked for
/// again where an intent was stored with it.
pub(super) async fn pursue(
    shared: &Shared<'_>,
    held: &Held,
    mut answering: Answering<'_>,
    ahead: Option<Ahead>,
) -> anyhow::Result<Option<Wait>> {
    let mut walk = Walk {
        shared,
        observed: Observed::default(),
        token: None,
    };
    if let Some(Ahead { run, token, .. }) = ahead {
        let earlier = Vec::new();
        walk.observed.approval = Some(Approval::Open { run, earlier });
        walk.token = Some(token);
    }
    let validations = &shared.services.validations;
    let ledger = &shared.services.ledger;
    for _ in 0..MOST_STEPS {
        match step(&answering, &walk.observed, shared.tick.now) {
            Step::Ask(question) => walk.find_out(answering.registration, question).await?,
            Step::Intend(intent) => validations.intend(held, &mut answering, intent).await?,
            Step::Send(answer) => walk.send(&answering, answer).await?,
            Step::End(ending, waits) => {
                validations.ended(ledger, held, answering, ending).await?;
                return Ok(waits.map(Wait::for_));
            }
            Step::Wait(what) => return Ok(Some(Wait::for_(what))),
            Step::Rest => return Ok(None),
        }
    }
    Ok(Some(Wait::for_(
        "a record that keeps changing; retrying later",
    )))
}

/// One look at an approval.
struct Walk<'a> {
    shared: &'a Shared<'a>,
    observed: Observed,
    /// Answers the open run, once.
    token: Option<SecretString>,
}

impl Walk<'_> {
    async fn find_out(
        &mut self,
        registration: &Registration,
        question: Question,
    ) -> anyhow::Result<()> {
        let services = self.shared.services;
        let approval = reference(registration).context("only an approval is answered")?;
        match question {
            Question::Approval => {
                let state = services.pipeline.approval(approval).await?;
                let (state, token) = outward(state);
                self.observed.approval = Some(state);
                self.token = token;
            }
            Question::Execution => {
                let pipeline = &services.pipeline;
                let execution = pipeline
                    .execution(approval.pipeline, approval.execution)
                    .await?;
                self.observed.over = Some(execution.is_over().then_some(execution.status));
            }
            Question::Answers => {
                self.observed.answers = Some(services.validations.answers(registration).await?);
            }
            Question::Agreement => {
                let (answers, stopped) = try_join(
                    services.validations.answers(registration),
                    self.shared.stopped(&registration.pipeline),
                )
                .await?;
                self.observed.answers = Some(answers);
                self.observed.stopped = Some(stopped);
            }
            Question::Retry => {
                self.observed.beyond_retry = Some(beyond_retry(self.shared, approval).await?);
            }
        }
        Ok(())
    }

    async fn send(&mut self, answering: &Answering<'_>, answer: Answer) -> anyhow::Result<()> {
        let decision = match answer {
            Answer::Approve => Decision::Approve,
            Answer::Reject => Decision::Reject,
            Answer::Hold => anyhow::bail!("a held verdict is never sent"),
        };
        let registration = answering.registration;
        let approval = reference(registration).context("only an approval is answered")?;
        let token = self.token.as_ref().context("the approval is not open")?;
        let text = summary_text(self.shared, answering);
        let pipeline = &self.shared.services.pipeline;
        let told = pipeline.answer(approval, token, decision, &text).await?;
        self.observed.told = Some(match told {
            delivery::approval::Receipt::Taken => Receipt::Taken,
            delivery::approval::Receipt::TooLate => Receipt::TooLate,
        });
        Ok(())
    }
}

/// An approval in the terms of `release`, and the run that answers it.
fn outward(state: ApprovalState) -> (Approval, Option<SecretString>) {
    match state {
        ApprovalState::NotReached => (Approval::NotReached, None),
        ApprovalState::Changing => (Approval::Changing, None),
        ApprovalState::Open {
            run: open,
            token,
            earlier,
        } => {
            let earlier = earlier.iter().map(run).collect();
            let run = run(&open);
            (Approval::Open { run, earlier }, Some(token))
        }
        ApprovalState::Answered { run: answered, .. } => (Approval::Answered(run(&answered)), None),
    }
}

fn run(run: &ActionRun) -> Run {
    let given = match run.status {
        RunStatus::Succeeded => Given::Approved,
        RunStatus::Failed => Given::Rejected,
        RunStatus::InProgress | RunStatus::Abandoned => Given::Nothing,
    };
    let status = match run.status {
        RunStatus::Succeeded => "Approved",
        _ => "Rejected",
    };
    Run {
        id: run.id.clone(),
        given,
        changed: run.updated.unwrap_or(run.started),
        person: PersonsAnswer {
            status: status.to_owned(),
            who: run.updated_by.clone(),
            why: run.summary.clone(),
            at: run.updated,
        },
    }
}

/// Whether nobody can retry the stage for this execution any more.
async fn beyond_retry(shared: &Shared<'_>, approval: ApprovalRef<'_>) -> anyhow::Result<bool> {
    let pipeline = &shared.services.pipeline;
    let execution = pipeline
        .execution(approval.pipeline, approval.execution)
        .await?;
    if execution.is_over() {
        return Ok(true);
    }
    // Executions in parallel have each stage to themselves.
    if approval.mode == Mode::Parallel {
        return Ok(false);
    }
    let latest = pipeline
        .execution_in_stage(approval.pipeline, approval.stage)
        .await?;
    Ok(latest.is_some_and(|latest| latest != approval.execution))
}

fn summary_text(shared: &Shared<'_>, answering: &Answering<'_>) -> String {
    let id = answering.registration.id;
    let judgement = &answering.judged.judgement;
    let link = shared
        .connected
        .links
        .as_ref()
        .map(|links| links.to(id, judgement.at));
    let text = match &answering.judged.released {
        Some(word) => summary::released(word, &judgement.summary),
        None => judgement.summary.clone(),
    };
    summary::with_link(&text, link.as_deref())
}

/// The approval of a registration that asks for one.
fn reference(registration: &Registration) -> Option<ApprovalRef<'_>> {
    let ApprovalAction { stage, action } = registration.approval.as_ref()?;
    Some(ApprovalRef {
        pipeline: &registration.pipeline,
        mode: match registration.mode {
            ExecutionMode::Superseded => Mode::Superseded,
            ExecutionMode::Queued => Mode::Queued,
            ExecutionMode::Parallel => Mode::Parallel,
        },
        execution: registration.execution.as_deref()?,
        stage,
        action,
    })
}
