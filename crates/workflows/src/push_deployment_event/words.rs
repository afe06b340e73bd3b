//! What an announcement says.

use std::collections::BTreeMap;

use delivery::job::JobContext;
use dynatrace::{Event, EventKind, RecordedEvent, Window};
use jiff::{SignedDuration, Timestamp};
use release::deployment::{Deployment, Origin};
use release::execution::SourceRevision;

use super::{Plan, Services};
use crate::remedy::codedeploy::{DEPLOYMENT, SOURCE, UNSURE, named};

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

/// Where in a pipeline something is announced.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) place: JobContext,
    pub(super) execution: String,
    pub(super) sources: Vec<SourceRevision>,
}

/// The events of a plan.
pub(super) fn messages(plan: &Plan, services: &Services, now: Timestamp) -> Vec<Message> {
    let remark = plan.deployments.is_empty().then_some(None);
    let deployments = plan.deployments.iter().map(Some).chain(remark);
    deployments
        .map(|deployment| message(plan, deployment, services, now))
        .collect()
}

fn message(
    plan: &Plan,
    deployment: Option<&Deployment>,
    services: &Services,
    now: Timestamp,
) -> Message {
    let Plan { kind, spot, .. } = plan;
    let says = plan.says.clone();
    let pipeline = spot.as_ref().map(|spot| spot.place.pipeline.clone());
    let name = says
        .name
        .or_else(|| says.title.clone())
        .or_else(|| pipeline.clone())
        .or_else(|| deployment.map(|deployment| deployment.group.to_string()))
        .unwrap_or_else(|| kind.name().to_owned());
    let version = says.version;
    let version = version.or_else(|| deployment.map(|deployment| deployment.version.clone()));
    let title = says.title.unwrap_or_else(|| match &version {
        Some(version) if *kind == EventKind::Deployment => format!("{name} {version}"),
        _ => name.clone(),
    });
    let project = says.project.or(pipeline);
    let project = project.or_else(|| deployment.map(|it| it.group.application.clone()));
    let console = &services.console;
    let seen_at = || match spot {
        Some(spot) => console.execution(&spot.place.pipeline, &spot.execution),
        None => console.deployment(&deployment?.id),
    };
    let (properties, marker) = properties(plan, deployment);
    let began = deployment.map_or(plan.asked, |deployment| deployment.at);
    let earliest = now.saturating_sub(OLDEST).unwrap_or(now);
    let start = says.start.unwrap_or(began).max(earliest).as_millisecond();
    let remediation = says.remediation_link;
    let event = Event {
        kind: *kind,
        title,
        description: says.description,
        entities: Vec::new(),
        start_ms: Some(start),
        end_ms: Some(start),
        source: says.source.unwrap_or_else(|| SOURCE.to_owned()),
        name: Some(name),
        version,
        project,
        ci_back_link: says.ci_back_link.or_else(seen_at),
        remediation_link: remediation.or_else(|| services.remediation.clone()),
        properties,
    };
    Message { event, marker }
}

/// The properties, and which of them find the event again.
fn properties(
    plan: &Plan,
    deployment: Option<&Deployment>,
) -> (BTreeMap<String, String>, Vec<&'static str>) {
    let mut properties = plan.says.properties.clone();
    let mut marker = Vec::new();
    let mut add = |name: &str, value: &str| {
        properties.insert(name.to_owned(), value.to_owned());
    };
    if let Some(spot) = &plan.spot {
        add("PipelineName", &spot.place.pipeline);
        add("PipelineStage", &spot.place.stage);
        add("PipelineAction", &spot.place.action);
        add("PipelineExecutionId", &spot.execution);
        if !spot.sources.is_empty() {
            add("Revision", &revisions(&spot.sources));
        }
        marker = vec!["PipelineExecutionId", "PipelineStage", "PipelineAction"];
    }
    if let Some(deployment) = deployment {
        for (property, value) in named(&deployment.group, &deployment.id) {
            add(property, value);
        }
        let origin = match deployment.origin {
            Origin::Release => "release",
            Origin::Heal => "heal",
        };
        add("Unbreakable.Origin", origin);
        if !plan.is_sure {
            add(UNSURE, "true");
        }
        marker = DEPLOYMENT.to_vec();
        if plan.spot.is_some() {
            // A pipeline says more than a notice, which may have come before it.
            marker.extend(["PipelineName", "PipelineExecutionId"]);
        } else {
            if let Some(execution) = &deployment.execution {
                add("PipelineExecutionId", execution);
            }
            add("Revision", &deployment.identity);
        }
    }
    // A deployment is announced once, but several things may be said of it.
    if let Some(request) = &plan.request
        && (marker.is_empty() || plan.kind != EventKind::Deployment)
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
