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
    Approval, Call, Given, Move, Observed, Question, Receipt, Run, Step, ahead, answered_since,
    step,
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
use crate::walk::{Walk, walk};

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
    answering: Answering<'_>,
    ahead: Option<Ahead>,
) -> anyhow::Result<Option<Wait>> {
    let mut look = Look {
        shared,
        held,
        answering,
        observed: Observed::default(),
        token: None,
    };
    if let Some(Ahead { run, token, .. }) = ahead {
        let earlier = Vec::new();
        look.observed.approval = Some(Approval::Open { run, earlier });
        look.token = Some(token);
    }
    walk(&mut look).await
}

/// One look at an approval.
struct Look<'a> {
    shared: &'a Shared<'a>,
    held: &'a Held,
    answering: Answering<'a>,
    observed: Observed,
    /// Answers the open run, once.
    token: Option<SecretString>,
}

impl Walk for Look<'_> {
    type Question = Question;
    type Move = Move;
    type Call = Call;

    fn decide(&self) -> Step {
        step(&self.answering, &self.observed, self.shared.tick.now)
    }

    async fn find_out(&mut self, question: Question) -> anyhow::Result<()> {
        let services = self.shared.services;
        let approval =
            reference(self.answering.registration).context("only an approval is answered")?;
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
                self.observed.answers = Some(
                    services
                        .validations
                        .answers(self.answering.registration)
                        .await?,
                );
            }
            Question::Agreement => {
                let (answers, stopped) = try_join(
                    services.validations.answers(self.answering.registration),
                    self.shared.stopped(&self.answering.registration.pipeline),
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

    async fn write(&mut self, what: Move) -> anyhow::Result<Option<Step>> {
        let Self {
            shared,
            held,
            answering,
            ..
        } = self;
        let validations = &shared.services.validations;
        match what {
            Move::Intend(intent) => {
                validations.intend(held, answering, intent).await?;
                Ok(None)
            }
            Move::End(ending, waits) => {
                let ledger = &shared.services.ledger;
                validations.ended(ledger, held, answering, ending).await?;
                let waits = waits.map(|what| Step::Wait(Wait::for_(what)));
                Ok(Some(waits.unwrap_or(Step::Rest)))
            }
        }
    }

    async fn call(&mut self, Call::Send(answer): Call) -> anyhow::Result<Option<Step>> {
        let decision = match answer {
            Answer::Approve => Decision::Approve,
            Answer::Reject => Decision::Reject,
            Answer::Hold => anyhow::bail!("a held verdict is never sent"),
        };
        let answering = &self.answering;
        let approval = reference(answering.registration).context("only an approval is answered")?;
        let token = self.token.as_ref().context("the approval is not open")?;
        let text = summary_text(self.shared, answering);
        let pipeline = &self.shared.services.pipeline;
        let told = pipeline.answer(approval, token, decision, &text).await?;
        self.observed.told = Some(match told {
            delivery::approval::Receipt::Taken => Receipt::Taken,
            delivery::approval::Receipt::TooLate => Receipt::TooLate,
        });
        Ok(None)
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
