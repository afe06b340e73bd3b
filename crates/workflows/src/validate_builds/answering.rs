//! From a judged validation to an answered approval.

use anyhow::Context as _;
use delivery::approval::{ApprovalRef, ApprovalState, Decision, Told};
use delivery::pipeline::{ActionRun, Mode, RunStatus};
use futures_util::future::{try_join, try_join3};
use jiff::Timestamp;
use release::approval::{Agreement, Answer, agree};
use release::summary;
use release::validation::{
    ApprovalAction, Duty, Ending, ExecutionMode, Intent, PersonsAnswer, Registration, Validation,
};
use secrecy::SecretString;
use store::Claimed;

use super::Shared;
use crate::due::Wait;

/// What was learnt, while its build was measured, of an open approval that one
/// validation alone answers.
pub(super) struct Ahead {
    run: ActionRun,
    token: SecretString,
    /// Whether nothing is approved now.
    is_stopped: bool,
}

/// Looks at the approval before there is a verdict, so that what is about to be
/// answered can be stored with it. It decides nothing: what is not open, or
/// cannot be had, is asked for once the verdict is stored. Of several
/// validations, whoever is judged last answers once all are stored.
pub(super) async fn look_ahead(shared: &Shared<'_>, validation: &Validation) -> Option<Ahead> {
    let registration = &validation.registration;
    let (Some(approval), Some(execution), None) = (
        &registration.approval,
        registration.execution.as_deref(),
        &validation.intent,
    ) else {
        return None;
    };
    let approval = reference(registration, approval, execution);
    let (state, others, stopped) = try_join3(
        async { anyhow::Ok(shared.services.pipeline.approval(approval).await?) },
        async { Ok(shared.services.store.others(registration).await?) },
        async { Ok(shared.stopped(&registration.pipeline).await?) },
    )
    .await
    .ok()?;
    match state {
        ApprovalState::Open {
            run,
            token,
            earlier,
        } if others.is_empty() && answered_since(registration, &earlier).is_none() => Some(Ahead {
            run,
            token,
            is_stopped: stopped.is_some(),
        }),
        _ => None,
    }
}

impl Ahead {
    /// What is about to be answered with this verdict.
    pub(super) fn intent(&self, own: Answer, now: Timestamp) -> Option<Intent> {
        let answer = match agree(&[Some(own)]) {
            Agreement::Approve if self.is_stopped => return None,
            Agreement::Approve => Answer::Approve,
            Agreement::Reject => Answer::Reject,
            Agreement::Hold | Agreement::Undecided => return None,
        };
        Some(Intent {
            action_execution: self.run.id.clone(),
            answer,
            at: now,
        })
    }
}

/// Sends what was stored with the verdict.
pub(super) async fn send_intended(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    ahead: &Ahead,
    intent: &Intent,
) -> anyhow::Result<Option<Wait>> {
    let registration = claimed.validation.registration.clone();
    let (Some(approval), Some(execution)) =
        (&registration.approval, registration.execution.as_deref())
    else {
        anyhow::bail!("only an approval is answered");
    };
    let approval = reference(&registration, approval, execution);
    send(shared, claimed, approval, intent, &ahead.token).await
}

/// Takes the approval of a judged validation as far as it goes; `Some` says
/// what it waits for.
pub(super) async fn pursue(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
) -> anyhow::Result<Option<Wait>> {
    let registration = claimed.validation.registration.clone();
    let (Some(approval), Some(execution)) =
        (&registration.approval, registration.execution.as_deref())
    else {
        if claimed.validation.ending.is_none() {
            shared
                .services
                .store
                .ended(claimed, Ending::NothingToAnswer)
                .await?;
        }
        return Ok(None);
    };
    let approval = reference(&registration, approval, execution);
    match claimed.validation.duty() {
        Duty::Answer => answer(shared, claimed, approval).await,
        Duty::Watch => watch(shared, claimed, approval).await,
        Duty::Hook | Duty::None => Ok(None),
    }
}

async fn answer(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    approval: ApprovalRef<'_>,
) -> anyhow::Result<Option<Wait>> {
    let state = shared.services.pipeline.approval(approval).await?;
    match state {
        ApprovalState::NotReached => not_reached(shared, claimed, approval).await,
        ApprovalState::Open {
            run,
            token,
            earlier,
        } => match claimed.validation.intent.clone() {
            Some(intent) if intent.action_execution == run.id => {
                send(shared, claimed, approval, &intent, &token).await
            }
            // Our run is no longer the open one: it was answered, and somebody
            // pressed Retry. The new run is theirs to answer.
            Some(intent) => {
                let ours = earlier.iter().find(|run| run.id == intent.action_execution);
                let ending = match ours {
                    Some(run) => attributed(shared, claimed, run).await?,
                    None => answered(&intent),
                };
                ended(shared, claimed, ending).await
            }
            None => match answered_since(&claimed.validation.registration, &earlier) {
                Some(earlier) => {
                    let ending = attributed(shared, claimed, earlier).await?;
                    ended(shared, claimed, ending).await
                }
                None => decide(shared, claimed, approval, &run, &token).await,
            },
        },
        // Answered before this validation was asked for: a retry of the stage
        // is on its way to a run that is still to come.
        ApprovalState::Answered { run, .. }
            if answered_before(&claimed.validation.registration, &run) =>
        {
            not_reached(shared, claimed, approval).await
        }
        ApprovalState::Answered { run, .. } => {
            let ending = attributed(shared, claimed, &run).await?;
            ended(shared, claimed, ending).await
        }
    }
}

/// Says what all validations of the approval agree on, or waits until they do.
async fn decide(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    approval: ApprovalRef<'_>,
    run: &ActionRun,
    token: &SecretString,
) -> anyhow::Result<Option<Wait>> {
    let own = own_answer(&claimed.validation)?;
    let (answers, stopped) = try_join(
        shared.services.store.answers(claimed),
        shared.stopped(&claimed.validation.registration.pipeline),
    )
    .await?;
    let answer = match (agree(&answers), own) {
        (Agreement::Approve, _) => match stopped {
            Some(stopped) => return Ok(Some(Wait::for_(format!("an end: {stopped}")))),
            None => Answer::Approve,
        },
        // The one that rejects says why; the others wait for it to do so.
        (Agreement::Reject, Answer::Reject) => Answer::Reject,
        (Agreement::Reject, _) => {
            return Ok(Some(Wait::for_(
                "another validation of the approval rejects it",
            )));
        }
        (Agreement::Hold, _) => {
            return Ok(Some(Wait::for_("the verdict is held for a person")));
        }
        (Agreement::Undecided, _) => {
            return Ok(Some(Wait::for_(
                "another validation of the approval is not judged yet",
            )));
        }
    };
    let intent = Intent {
        action_execution: run.id.clone(),
        answer,
        at: shared.tick.now,
    };
    shared
        .services
        .store
        .intend(claimed, intent.clone())
        .await?;
    send(shared, claimed, approval, &intent, token).await
}

async fn send(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    approval: ApprovalRef<'_>,
    intent: &Intent,
    token: &SecretString,
) -> anyhow::Result<Option<Wait>> {
    let decision = match intent.answer {
        Answer::Approve => Decision::Approve,
        Answer::Reject => Decision::Reject,
        Answer::Hold => anyhow::bail!("a held verdict is never sent"),
    };
    let text = summary_text(shared, &claimed.validation)?;
    match shared
        .services
        .pipeline
        .answer(approval, token, decision, &text)
        .await?
    {
        Told::Taken => ended(shared, claimed, answered(intent)).await,
        // Somebody was faster, or an earlier attempt of ours arrived after all:
        // the next look at the approval tells which.
        Told::TooLate => Ok(Some(Wait::for_(
            "the approval was answered meanwhile, by whom is to be learnt",
        ))),
    }
}

/// After a rejection: did a person decide otherwise?
async fn watch(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    approval: ApprovalRef<'_>,
) -> anyhow::Result<Option<Wait>> {
    let Some(Ending::Answered {
        action_execution, ..
    }) = claimed.validation.ending.clone()
    else {
        return Ok(None);
    };
    // Whoever retried and rejected again agrees with the verdict.
    if let ApprovalState::Answered { run, .. } = shared.services.pipeline.approval(approval).await?
        && run.id != action_execution
        && run.status == RunStatus::Succeeded
    {
        shared
            .services
            .store
            .overridden(claimed, person(&run))
            .await?;
        return Ok(None);
    }
    if beyond_retry(shared, approval).await? {
        return Ok(None);
    }
    Ok(Some(Wait::for_("rejected, a person may decide otherwise")))
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

async fn not_reached(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    approval: ApprovalRef<'_>,
) -> anyhow::Result<Option<Wait>> {
    let execution = shared
        .services
        .pipeline
        .execution(approval.pipeline, approval.execution)
        .await?;
    if execution.is_over() {
        let ending = Ending::ExecutionEnded {
            status: execution.status,
        };
        return ended(shared, claimed, ending).await;
    }
    Ok(Some(Wait::for_(
        "the execution has not reached its approval",
    )))
}

/// Who gave the answer that was found.
async fn attributed(
    shared: &Shared<'_>,
    claimed: &Claimed,
    run: &ActionRun,
) -> anyhow::Result<Ending> {
    let given = match run.status {
        RunStatus::Succeeded => Some(Answer::Approve),
        RunStatus::Failed => Some(Answer::Reject),
        RunStatus::InProgress | RunStatus::Abandoned => {
            return Ok(Ending::ExecutionEnded {
                status: "Abandoned".to_owned(),
            });
        }
    };
    if let Some(intent) = &claimed.validation.intent
        && (intent.action_execution != run.id || given == Some(intent.answer))
    {
        return Ok(answered(intent));
    }
    if let Some(inherited) = &claimed.validation.inherited
        && inherited.action_execution == run.id
        && given == Some(inherited.answer)
    {
        return Ok(answered(inherited));
    }
    let answers = shared.services.store.answers(claimed).await?;
    let agreed = match agree(&answers) {
        Agreement::Approve => Some(Answer::Approve),
        Agreement::Reject => Some(Answer::Reject),
        Agreement::Hold | Agreement::Undecided => None,
    };
    match given {
        // One of several validations of this approval spoke for all.
        Some(answer) if answers.len() > 1 && agreed == given => Ok(Ending::Answered {
            answer,
            action_execution: run.id.clone(),
        }),
        _ => Ok(Ending::Person(person(run))),
    }
}

async fn ended(
    shared: &Shared<'_>,
    claimed: &mut Claimed,
    ending: Ending,
) -> anyhow::Result<Option<Wait>> {
    shared.services.store.ended(claimed, ending).await?;
    match claimed.validation.duty() {
        Duty::Watch => Ok(Some(Wait::for_("rejected, a person may decide otherwise"))),
        _ => Ok(None),
    }
}

fn answered(intent: &Intent) -> Ending {
    Ending::Answered {
        answer: intent.answer,
        action_execution: intent.action_execution.clone(),
    }
}

/// The newest run that was answered while this validation was already asked
/// for. Runs answered before are of no concern to it.
fn answered_since<'a>(
    registration: &Registration,
    earlier: &'a [ActionRun],
) -> Option<&'a ActionRun> {
    earlier
        .iter()
        .find(|run| !answered_before(registration, run))
}

fn answered_before(registration: &Registration, run: &ActionRun) -> bool {
    run.updated.unwrap_or(run.started) < registration.registered_at
}

fn person(run: &ActionRun) -> PersonsAnswer {
    PersonsAnswer {
        status: match run.status {
            RunStatus::Succeeded => "Approved",
            _ => "Rejected",
        }
        .to_owned(),
        who: run.updated_by.clone(),
        why: run.summary.clone(),
        at: run.updated,
    }
}

fn own_answer(validation: &Validation) -> anyhow::Result<Answer> {
    validation
        .answer()
        .context("only judged validations answer")
}

fn summary_text(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<String> {
    let judgement = validation
        .judgement
        .as_ref()
        .context("only judged validations answer")?;
    let id = validation.registration.id;
    let link = shared
        .connected
        .links
        .as_ref()
        .map(|links| links.to(id, judgement.at));
    let text = match &validation.released {
        Some(word) => summary::released(word, &judgement.summary),
        None => judgement.summary.clone(),
    };
    Ok(summary::with_link(&text, link.as_deref()))
}

fn reference<'a>(
    registration: &'a Registration,
    approval: &'a ApprovalAction,
    execution: &'a str,
) -> ApprovalRef<'a> {
    ApprovalRef {
        pipeline: &registration.pipeline,
        mode: match registration.mode {
            ExecutionMode::Superseded => Mode::Superseded,
            ExecutionMode::Queued => Mode::Queued,
            ExecutionMode::Parallel => Mode::Parallel,
        },
        execution,
        stage: &approval.stage,
        action: &approval.action,
    }
}
