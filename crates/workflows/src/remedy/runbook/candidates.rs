//! Which announced configurations could be the cause of a problem, and what would
//! take each of them back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use dynatrace::{EventKind, RecordedEvent, Window};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use release::attribution::{Candidate, Known};
use release::precedence::{Precedence, may_precede};
use release::runbook::{
    Announced, Candidate as Listed, Cause, Choice, Draft, Event, Refusal, Runbooks, Wish, choose,
};

use super::{View, Views};
use crate::remedy::adapter::{Affected, Case, Context, Dismissed, Gathered};

/// The longest title and source that are kept, in characters.
const LONGEST: usize = 300;

/// Every kind that a runbook can be for.
const KINDS: [EventKind; 4] = [
    EventKind::Configuration,
    EventKind::Deployment,
    EventKind::Annotation,
    EventKind::Info,
];

/// What was found on the entities.
#[derive(Default)]
struct Found {
    /// The newest configuration of each entity that a runbook takes back.
    of_entities: Vec<(String, Draft)>,
    /// Those that name an action which must not be run, or none.
    refused: Vec<(String, Cause, Option<Refusal>)>,
}

/// The candidates among the configurations that were announced on the entities.
pub(in crate::remedy) async fn gather(
    context: Context<'_>,
    case: &Case<'_>,
) -> anyhow::Result<(Gathered, Views)> {
    let found = announced(context, case).await?;
    let mut drafts: BTreeMap<&str, &Draft> = BTreeMap::new();
    for (_, draft) in &found.of_entities {
        drafts.insert(&draft.cause.id, draft);
    }
    let known = drafts.into_iter().map(async |(id, draft)| {
        let known = context.ledger.known_of(&draft.cause).await?;
        let draft = draft.clone();
        anyhow::Ok((id.to_owned(), View { draft, known }))
    });
    let known: Vec<_> = known.collect();
    let views: Views = try_join_all(known).await?.into_iter().collect();
    let candidates = found.of_entities.iter().map(|(entity, draft)| {
        let view = &views[&draft.cause.id];
        Candidate {
            entity: entity.clone(),
            change: draft.change(),
            began: draft.cause.at,
            ended: None,
            passed: false,
            known: Known::Announced,
            is_sure: true,
            kept: view.draft.kept(&view.known, case.runs),
        }
    });
    let refused = found.refused.iter();
    let dismissed = refused.clone().map(|(entity, cause, refusal)| Dismissed {
        change: cause.id.clone(),
        place: cause.source.clone(),
        entity: entity.clone(),
        at: cause.at,
        announced: true,
        why: match refusal {
            Some(refusal) => refusal.to_string(),
            None => "it names no action".to_owned(),
        },
    });
    let newest = refused
        .filter_map(|(_, cause, refusal)| Some((cause.clone(), refusal.clone()?)))
        .max_by_key(|(cause, _)| cause.at);
    let gathered = Gathered {
        candidates: candidates.collect(),
        dismissed: dismissed.collect(),
        refused: newest,
        ..Gathered::default()
    };
    Ok((gathered, views))
}

/// Looks at what was announced on the entities of a problem.
async fn announced(context: Context<'_>, case: &Case<'_>) -> anyhow::Result<Found> {
    let listed = &context.connected.automation.listed;
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
            let events = context
                .connected
                .tenant
                .events(kind, &ids, window, until)
                .await;
            let events = events.context("cannot ask the tenant for announced configurations")?;
            anyhow::Ok(events.into_iter().map(move |event| (kind, event)))
        })
    });
    for events in try_join_all(asked).await? {
        all.extend(events);
    }
    for entity in case.affected {
        let of_entity = all.iter().filter(|(_, event)| event.entity == entity.id);
        let events: Vec<_> = of_entity.collect();
        one_entity(listed, case, entity, &events, &mut found);
    }
    Ok(found)
}

fn one_entity(
    listed: &Runbooks,
    case: &Case<'_>,
    entity: &Affected,
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
            entity: Some(entity.name.as_str()).filter(|name| !name.is_empty()),
        };
        let at = Timestamp::from_millisecond(recorded.start_ms).ok()?;
        let is_before = may_precede(at, began) != Precedence::No;
        let wish = event.wish();
        // What is ours to do is for no controller.
        let is_ours = matches!(wish, Ok(Wish::Ours(_)));
        let counts = is_before && !is_ours && event.is_listened_to(listed);
        let candidate = Listed {
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
    let candidates: Vec<Listed> = known.iter().map(|(one, ..)| one.clone()).collect();
    let look_back = case.blame.look_back;
    let choice = choose(&candidates, began, look_back);
    let id = match choice {
        Choice::Newest(one) | Choice::Older { older: one, .. } | Choice::NoAction(one) => {
            one.id.clone()
        }
        Choice::Nothing => return,
    };
    let Some((_, cause, answer)) = known.iter().find(|(one, ..)| one.id == id) else {
        return;
    };
    let entity = entity.id.clone();
    if let Choice::NoAction(_) = choice {
        found.refused.push((entity, cause.clone(), None));
        return;
    }
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
            found.of_entities.push((entity, draft));
        }
        Err(refusal) => found.refused.push((entity, cause.clone(), Some(refusal))),
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
