//! Which announced configurations could be the cause of a problem, and what would
//! take each of them back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use dynatrace::{EventKind, RecordedEvent, Window};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use release::attribution::{self, Known};
use release::precedence::{Precedence, may_precede};
use release::runbook::{
    Announced, Candidate, Cause, Choice, Draft, Event, Refusal, Runbooks, Wish, choose,
};

use crate::remedy::adapter::{Affected, Case, Context};

/// The longest title and source that are kept, in characters.
const LONGEST: usize = 300;

/// Every kind that a runbook can be for.
const KINDS: [EventKind; 4] = [
    EventKind::Configuration,
    EventKind::Deployment,
    EventKind::Annotation,
    EventKind::Info,
];

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// The newest configuration of each entity, where a runbook takes it back.
    pub(crate) candidates: Vec<attribution::Candidate>,
    /// The run for each of them, by the id of its event.
    pub(crate) drafts: BTreeMap<String, Draft>,
    /// Those that name an action which must not be run.
    pub(crate) refused: Vec<(Cause, Refusal)>,
}

/// Looks at what was announced on the entities of a problem.
pub(crate) async fn found(
    context: Context<'_>,
    listed: &Runbooks,
    case: &Case<'_>,
    names: &BTreeMap<String, String>,
) -> anyhow::Result<Found> {
    let is_wanted = |kind: &EventKind| {
        let mut runbooks = listed.runbooks.values();
        runbooks.any(|runbook| {
            let events = &runbook.causes.events;
            events.iter().any(|event| event == kind.name())
        })
    };
    let kinds: Vec<EventKind> = KINDS.into_iter().filter(is_wanted).collect();
    let mut found = Found::default();
    let mut all: Vec<(EventKind, RecordedEvent)> = Vec::new();
    let window = Window {
        from_ms: case.blame.earliest().as_millisecond(),
        // Events and problems may be told by different clocks.
        to_ms: case.blame.began.as_millisecond() + 120_000,
    };
    let types: BTreeSet<&str> = case.affected.iter().map(type_of).collect();
    let asked = kinds.into_iter().flat_map(|kind| {
        types.iter().map(move |type_| async move {
            let ids = case.affected.iter().filter(|one| type_of(one) == *type_);
            let ids: Vec<String> = ids.map(|one| one.id.clone()).collect();
            let until = context.remotes_until;
            let events = context.tenant.events(kind, &ids, window, until).await;
            let events = events.context("cannot ask the tenant for announced configurations")?;
            anyhow::Ok(events.into_iter().map(move |event| (kind, event)))
        })
    });
    for events in try_join_all(asked).await? {
        all.extend(events);
    }
    for entity in case.affected {
        let of_entity = all.iter().filter(|(_, event)| event.entity == entity.id);
        let name = names.get(&entity.id).map(String::as_str);
        let events: Vec<_> = of_entity.collect();
        one_entity(listed, case, entity, name, &events, &mut found);
    }
    Ok(found)
}

fn one_entity(
    listed: &Runbooks,
    case: &Case<'_>,
    entity: &Affected,
    name: Option<&str>,
    events: &[&(EventKind, RecordedEvent)],
    found: &mut Found,
) {
    let began = case.blame.began;
    let tags = tags(entity);
    let read = |(kind, recorded): &(EventKind, RecordedEvent)| {
        let event = Event {
            announced: Announced {
                kind: kind.name(),
                source: recorded.source.as_deref(),
                tags: &tags,
            },
            properties: &recorded.properties,
            link: recorded.remediation_link.as_deref(),
            entity: name,
        };
        let at = Timestamp::from_millisecond(recorded.start_ms).ok()?;
        let is_before = may_precede(at, began) != Precedence::No;
        let wish = event.wish();
        // What is ours to do is for no controller.
        let is_ours = matches!(wish, Ok(Wish::Ours(_)));
        let counts = is_before && !is_ours && event.is_listened_to(listed);
        let candidate = Candidate {
            id: recorded.id.clone(),
            at,
            has_action: wish != Ok(Wish::Nothing),
            is_return: event.is_return(),
        };
        // Owned, because the event borrows what is made here.
        let answer = counts.then(|| event.runbook(listed));
        answer.map(|answer| (candidate, cause(*kind, recorded, at), answer))
    };
    let mut known: Vec<_> = events.iter().filter_map(|event| read(event)).collect();
    // What was taken back before the problem is not what caused it.
    let returned = known.iter().filter(|(one, ..)| one.is_return);
    let returned: Vec<(String, Timestamp)> = returned
        .map(|(one, cause, _)| (cause.source.clone(), one.at))
        .collect();
    known.retain(|(one, cause, _)| {
        let back = |(source, at): &(String, Timestamp)| *source == cause.source && one.at < *at;
        one.is_return || !returned.iter().any(back)
    });
    let candidates: Vec<Candidate> = known.iter().map(|(one, ..)| one.clone()).collect();
    let look_back = case.blame.look_back;
    let choice = choose(&candidates, began, look_back);
    let id = match choice {
        Choice::Newest(one) | Choice::Older { older: one, .. } => one.id.clone(),
        Choice::Nothing | Choice::NoAction(_) => return,
    };
    let Some((_, cause, answer)) = known.iter().find(|(one, ..)| one.id == id) else {
        return;
    };
    let answer = answer.clone().and_then(|(runbook, input)| {
        choice.permits(&runbook)?;
        Ok((runbook, input))
    });
    match answer {
        Ok((runbook, input)) => {
            let draft = Draft {
                runbook,
                cause: cause.clone(),
                input,
            };
            found.candidates.push(attribution::Candidate {
                entity: entity.id.clone(),
                change: draft.change(),
                began: cause.at,
                ended: None,
                passed: false,
                known: Known::Announced,
                is_sure: true,
            });
            found.drafts.insert(cause.id.clone(), draft);
        }
        Err(refusal) => found.refused.push((cause.clone(), refusal)),
    }
}

fn cause(kind: EventKind, recorded: &RecordedEvent, at: Timestamp) -> Cause {
    let short = |text: &str| text.chars().take(LONGEST).collect::<String>();
    Cause {
        id: short(&recorded.id),
        kind: kind.name().to_owned(),
        at,
        title: short(&recorded.title),
        source: short(recorded.source.as_deref().unwrap_or_default()),
    }
}

/// As `for.tag` of a runbook may write them: with their context, and without.
fn tags(entity: &Affected) -> Vec<String> {
    let tags = entity.tags.iter().flat_map(|tag| {
        let text = match &tag.value {
            Some(value) => format!("{}:{value}", tag.key),
            None => tag.key.clone(),
        };
        let context = tag.context.as_deref().unwrap_or("CONTEXTLESS");
        [format!("[{context}]{text}"), text]
    });
    tags.collect()
}

fn type_of(entity: &Affected) -> &str {
    entity.id.rsplit_once('-').map_or("", |(type_, _)| type_)
}
