//! A validation: what was asked for, how far it is, and its verdict.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use monspec::Verdict;
use release::approval::Answer;
use release::execution::{self, ExecutionMode};
use release::otherwise;
use release::outbox::Entry;
use release::validation::{self, Judged, Progress, State, Validation, ValidationId};
use release::work::Counts;
use serde::{Deserialize, Serialize};

use super::change::{Deployment, Group, Groups};
use super::window::Window;
use super::{answer, record};
use crate::StoreError;
use crate::error::missing;
use crate::item::{self, Item, STUCK_SINCE};
use crate::item_update::ItemUpdate;

/// How the result was posted, where there is something to say of it.
pub(crate) const POSTING: &str = "posting";

/// What was asked for, as an attribute.
pub(crate) fn registration(registration: &validation::Registration) -> AttributeValue {
    item::json_attribute(&Registration::from(registration.clone()))
}

/// The verdict, as an attribute.
pub(crate) fn judgement(judgement: &validation::Judgement) -> AttributeValue {
    item::json_attribute(&Judgement::from(judgement.clone()))
}

/// What is stored of what was asked for.
pub(crate) fn registered(item: &Item) -> Result<validation::Registration, StoreError> {
    item::json::<Registration>(item, "registration").map(Into::into)
}

/// How far it is in a word, as an attribute.
pub(crate) fn phase(phase: validation::Phase) -> AttributeValue {
    item::word(Phase::from(phase))
}

/// What is stored of how far it is, in a word.
pub(crate) fn phase_of(item: &Item) -> Result<validation::Phase, StoreError> {
    item::plain::<Phase>(item, "phase").map(Into::into)
}

/// What became of the result hook in a word, as an attribute.
pub(crate) fn hook(hook: validation::Hook) -> AttributeValue {
    item::word(Hook::from(hook))
}

/// What became of the result hook: the word, and how where there is more to say.
pub(crate) fn result(validation: &Validation) -> ItemUpdate {
    let change = ItemUpdate::set("hook", hook(validation.hook()));
    match validation.result.as_ref().map(Posting::of) {
        Some(posting) if posting != Posting::default() => {
            change.and(POSTING, item::json_attribute(&posting))
        }
        _ => change.remove(&[POSTING]),
    }
}

/// What is stored of what became of the result hook.
pub(crate) fn hook_of(item: &Item) -> Result<validation::Hook, StoreError> {
    item::plain::<Hook>(item, "hook").map(Into::into)
}

/// The result, if a hook asked for it. Earlier versions stored the word alone.
fn result_of(
    item: &Item,
    registration: &validation::Registration,
    rejudged: &[validation::PersonsDecision],
) -> Result<Option<Entry>, StoreError> {
    let hook = hook_of(item)?;
    let posting = item::optional_json::<Posting>(item, POSTING)?.unwrap_or_default();
    let at = rejudged
        .last()
        .map_or(registration.registered_at, |word| word.at);
    let text = validation::delivery(registration.id, rejudged.len());
    Ok((hook != validation::Hook::None).then(|| Entry {
        attempts: posting.attempts,
        posted: (hook == validation::Hook::Delivered).then(|| posting.posted.unwrap_or(at)),
        given_up: (hook == validation::Hook::GivenUp).then(|| posting.given_up.unwrap_or_default()),
        ..Entry::new(text, at)
    }))
}

/// The approval that it answers, as an attribute.
pub(crate) fn approval(approval: &validation::ApprovalAction) -> AttributeValue {
    item::json_attribute(&ApprovalAction::from(approval.clone()))
}

/// What is stored of the approval that it answers.
pub(crate) fn approval_of(item: &Item) -> Result<Option<validation::ApprovalAction>, StoreError> {
    let approval = item::optional_json::<ApprovalAction>(item, "approval")?;
    Ok(approval.map(Into::into))
}

/// What is stored of a whole validation.
pub(crate) fn read(item: &Item) -> Result<Validation, StoreError> {
    let registration = registered(item)?;
    let rejudged = answer::decisions_of(item, "rejudged")?;
    Ok(Validation {
        inherited: answer::intent_of(item, "inherited")?,
        state: state(item)?,
        result: result_of(item, &registration, &rejudged)?,
        registration,
        rejudged,
        counts: Counts {
            faults: item::number(item, "faults")?,
            waits: item::number(item, "waits")?,
        },
        stuck_since: item
            .contains_key(STUCK_SINCE)
            .then(|| item::timestamp(item, STUCK_SINCE))
            .transpose()?,
    })
}

/// Every version wrote the verdict together with its phase, and how it ended
/// before it settled it, or with the same write where it was superseded. A phase
/// without what belongs to it is damage.
fn state(item: &Item) -> Result<State, StoreError> {
    let phase = phase_of(item)?;
    let ending = answer::ending_of(item)?;
    let intent = answer::intent_of(item, "intent")?;
    let released = answer::decision_of(item, "released")?;
    let Some(judgement) = item::optional_json::<Judgement>(item, "judgement")? else {
        return match (phase, ending) {
            // Earlier versions stored that it gave up, and settled it with a later
            // write. One that died in between left it waiting: its time was over,
            // and a verdict would not be sent. Whoever has it judged again removes
            // the ending with the same write.
            (validation::Phase::Waiting | validation::Phase::Settled, Some(ending)) => {
                Ok(State::Unjudged(ending))
            }
            (validation::Phase::Waiting, None) => Ok(State::Waiting),
            (validation::Phase::Judged, _) => Err(missing("judgement")),
            (validation::Phase::Settled, None) => Err(missing("ending")),
        };
    };
    let progress = match (phase, ending) {
        (validation::Phase::Waiting, _) => return Err(missing("phase")),
        (validation::Phase::Judged, None) => Progress::Owed,
        (validation::Phase::Judged, Some(ending)) => Progress::Ended(ending),
        (validation::Phase::Settled, Some(ending)) => Progress::Settled(ending),
        (validation::Phase::Settled, None) => return Err(missing("ending")),
    };
    Ok(State::Judged(Judged {
        judgement: judgement.into(),
        told: item.contains_key("told"),
        released,
        intent,
        progress,
    }))
}

/// How many bytes of its item a registration takes.
pub fn registration_len(registration: &validation::Registration) -> usize {
    item::json_text(&Registration::from(registration.clone())).len()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    id: ValidationId,
    pipeline: String,
    execution: Option<String>,
    mode: ExecutionMode,
    registrant: Registrant,
    comparison: String,
    window: Window,
    approval: Option<ApprovalAction>,
    spec: String,
    sources: Vec<SourceRevision>,
    version: String,
    deployments: Vec<Deployment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untaught: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    otherwise: Vec<Otherwise>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    compare_groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    compared: BTreeMap<String, Groups>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environments: Vec<Environments>,
    result_hook: Option<String>,
    registered_at: Timestamp,
    due_at: Timestamp,
    give_up_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Registrant {
    Action { stage: String, action: String },
    Direct,
}

#[derive(Serialize, Deserialize)]
struct ApprovalAction {
    stage: String,
    action: String,
}

#[derive(Serialize, Deserialize)]
struct SourceRevision {
    name: String,
    revision: String,
    summary: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Otherwise {
    stage: String,
    action: String,
    since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Environments {
    source: String,
    compare: Option<String>,
    entries: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Judgement {
    verdict: Verdict,
    answer: Answer,
    summary: String,
    at: Timestamp,
}

record!(Registration = validation::Registration {
    same: id, pipeline, execution, mode, comparison, spec, version, untaught,
        result_hook, registered_at, due_at, give_up_at, expires_at;
    inner: registrant, window;
    maybe: approval;
    each: sources, deployments, source_groups, otherwise, compare_groups, environments;
    values: compared;
});

record!(ApprovalAction = validation::ApprovalAction {
    same: stage, action;
});

record!(SourceRevision = execution::SourceRevision {
    same: name, revision, summary;
});

record!(Otherwise = otherwise::Otherwise {
    same: stage, action, since;
});

record!(Environments = validation::Environments {
    same: source, compare, entries;
});

record!(Judgement = validation::Judgement {
    same: verdict, answer, summary, at;
});

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Waiting,
    Judged,
    Settled,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Hook {
    None,
    Owed,
    Delivered,
    GivenUp,
}

/// How the result was posted, or not.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Posting {
    #[serde(skip_serializing_if = "Option::is_none")]
    posted: Option<Timestamp>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_up: Option<String>,
}

impl Posting {
    fn of(result: &Entry) -> Self {
        Self {
            posted: result.posted,
            attempts: result.attempts,
            given_up: result.given_up.clone(),
        }
    }
}

record!(enum Phase = validation::Phase {
    Waiting,
    Judged,
    Settled,
});

record!(enum Hook = validation::Hook {
    None,
    Owed,
    Delivered,
    GivenUp,
});

impl From<validation::Registrant> for Registrant {
    fn from(registrant: validation::Registrant) -> Self {
        match registrant {
            validation::Registrant::Action { stage, action } => Self::Action { stage, action },
            validation::Registrant::Direct => Self::Direct,
        }
    }
}

impl From<Registrant> for validation::Registrant {
    fn from(registrant: Registrant) -> Self {
        match registrant {
            Registrant::Action { stage, action } => Self::Action { stage, action },
            Registrant::Direct => Self::Direct,
        }
    }
}
