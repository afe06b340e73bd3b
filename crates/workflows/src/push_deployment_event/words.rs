//! What an announcement says.

use std::collections::BTreeMap;

use delivery::job::JobContext;
use dynatrace::{Event, EventKind, RecordedEvent, Window};
use jiff::{SignedDuration, Timestamp};
use release::deployment::{Deployment, Origin};
use release::execution::SourceRevision;

use super::Settings;
use super::parameters::Parameters;
use crate::remedy::codedeploy::{DEPLOYMENT, SOURCE, UNSURE, named};

/// The property that tells a heal from a release.
pub const ORIGIN: &str = "Unbreakable.Origin";

/// Events may begin so long ago and no longer.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 29);

/// How far back an earlier attempt may lie: a function that is invoked
/// asynchronously is invoked again for up to six hours.
const EARLIER_ATTEMPTS: SignedDuration = SignedDuration::from_hours(6);

/// An event without entities, and the properties by which it is known again.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) event: Event,
    marker: Vec<&'static str>,
}

impl Message {
    /// When an earlier attempt at it may have begun.
    pub(super) fn window(&self, now: Timestamp) -> Window {
        let start = self.event.start_ms.unwrap_or(i64::MAX);
        let earliest = now.saturating_sub(EARLIER_ATTEMPTS).unwrap_or(now);
        Window {
            from_ms: start.min(earliest.as_millisecond()),
            to_ms: now.as_millisecond() + 60_000,
        }
    }

    /// Others may announce the same thing, and say less about it.
    pub(super) fn is(&self, recorded: &RecordedEvent) -> bool {
        recorded.source.as_ref() == Some(&self.event.source)
            && self.marker.iter().all(|name| {
                let wanted = self.event.properties.get(*name);
                wanted.is_some() && recorded.properties.get(*name) == wanted
            })
    }
}

/// Where in a pipeline something was announced.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) place: JobContext,
    pub(super) execution: String,
    pub(super) sources: Vec<SourceRevision>,
}

/// What is known about the thing to be announced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) kind: EventKind,
    pub(super) says: &'a Parameters,
    pub(super) spot: Option<&'a Spot>,
    pub(super) deployment: Option<&'a Deployment>,
    /// Whether its group surely is behind the targets.
    pub(super) is_sure: bool,
    /// Tells one direct call from another; a repeated one has the same.
    pub(super) request: Option<&'a str>,
    /// When it was asked for first.
    pub(super) asked: Timestamp,
    pub(super) now: Timestamp,
}

/// The event that tells these facts.
pub(super) fn message(facts: &Facts<'_>, settings: &Settings) -> Message {
    let Facts {
        kind,
        says,
        spot,
        deployment,
        ..
    } = facts;
    let pipeline = spot.map(|spot| spot.place.pipeline.as_str());
    let group = deployment.map(|deployment| deployment.group.to_string());
    let name = says
        .name
        .clone()
        .or_else(|| says.title.clone())
        .or_else(|| pipeline.map(str::to_owned))
        .or_else(|| group.clone())
        .unwrap_or_else(|| kind.name().to_owned());
    let version = says
        .version
        .clone()
        .or_else(|| deployment.map(|deployment| deployment.version.clone()));
    let title = says.title.clone().unwrap_or_else(|| match &version {
        Some(version) if *kind == EventKind::Deployment => format!("{name} {version}"),
        _ => name.clone(),
    });
    let (properties, marker) = properties(facts);
    let start = says
        .start
        .or_else(|| deployment.map(|deployment| deployment.at))
        .unwrap_or(facts.asked);
    let earliest = facts.now.saturating_sub(OLDEST).unwrap_or(facts.now);
    let start = start.max(earliest).as_millisecond();

    Message {
        event: Event {
            kind: *kind,
            title,
            description: says.description.clone(),
            entities: Vec::new(),
            start_ms: Some(start),
            end_ms: Some(start),
            source: says.source.clone().unwrap_or_else(|| SOURCE.to_owned()),
            name: Some(name),
            version,
            project: says
                .project
                .clone()
                .or_else(|| pipeline.map(str::to_owned))
                .or_else(|| deployment.map(|deployment| deployment.group.application.clone())),
            ci_back_link: says.ci_back_link.clone().or_else(|| match spot {
                Some(spot) => settings
                    .console
                    .execution(&spot.place.pipeline, &spot.execution),
                None => settings.console.deployment(&deployment.as_ref()?.id),
            }),
            remediation_link: says
                .remediation_link
                .clone()
                .or_else(|| settings.remediation.clone()),
            properties,
        },
        marker,
    }
}

/// The properties, and which of them find the event again.
fn properties(facts: &Facts<'_>) -> (BTreeMap<String, String>, Vec<&'static str>) {
    let mut properties = facts.says.properties.clone();
    let mut marker = Vec::new();
    let mut add = |name: &str, value: &str| {
        properties.insert(name.to_owned(), value.to_owned());
    };
    if let Some(spot) = facts.spot {
        add("PipelineName", &spot.place.pipeline);
        add("PipelineStage", &spot.place.stage);
        add("PipelineAction", &spot.place.action);
        add("PipelineExecutionId", &spot.execution);
        if !spot.sources.is_empty() {
            add("Revision", &revisions(&spot.sources));
        }
        marker = vec!["PipelineExecutionId", "PipelineStage", "PipelineAction"];
    }
    if let Some(deployment) = facts.deployment {
        for (property, value) in named(&deployment.group, &deployment.id) {
            add(property, value);
        }
        add(
            ORIGIN,
            match deployment.origin {
                Origin::Release => "release",
                Origin::Heal => "heal",
            },
        );
        if !facts.is_sure {
            add(UNSURE, "true");
        }
        if facts.spot.is_none() {
            if let Some(execution) = &deployment.execution {
                add("PipelineExecutionId", execution);
            }
            add("Revision", &deployment.identity);
        }
        marker = DEPLOYMENT.to_vec();
        // A pipeline says more than a notice, which may have come before it.
        if facts.spot.is_some() {
            marker.extend(["PipelineName", "PipelineExecutionId"]);
        }
    }
    // A deployment is announced once, but several things may be said of it.
    if let Some(request) = facts.request
        && (marker.is_empty() || facts.kind != EventKind::Deployment)
    {
        add("RequestId", request);
        marker.push("RequestId");
    }
    (properties, marker)
}

fn revisions(sources: &[SourceRevision]) -> String {
    let revisions: Vec<String> = sources
        .iter()
        .map(|source| format!("{}={}", source.name, source.revision))
        .collect();
    revisions.join(";")
}
