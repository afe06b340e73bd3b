//! Everything that the page shows, as it is now.

use fake_aws::pipeline::{ApprovalStatus, ExecutionView};
use jiff::Timestamp;
use lab::live::{Entry, Environment, Point, Scene, Switch};
use release::deployment::{LedgerEntry, Origin, Standing};
use serde::Serialize;

/// How much of everything is shown.
const EXECUTIONS: usize = 8;
const DEPLOYMENTS: usize = 8;
const PROBLEMS: usize = 5;
const LINES: u64 = 150;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    executions: Vec<Execution>,
    environments: [Place; 2],
    switches: Vec<Switch>,
    changes: String,
    problems: Vec<Problem>,
    journal: Vec<Entry>,
    reports: String,
    /// Why no build can be released now, if so.
    busy: Option<String>,
    /// What went wrong in the lab itself since the last release.
    trouble: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    id: String,
    revision: String,
    status: &'static str,
    stages: Vec<Stage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    name: String,
    status: &'static str,
    actions: Vec<Action>,
    /// The environment whose approval waits here for an answer.
    waits: Option<&'static str>,
    /// Why it waits for a person.
    held: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    name: String,
    status: &'static str,
    summary: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    name: &'static str,
    url: String,
    build: Option<u32>,
    points: Vec<Point>,
    ledger: Vec<Deployment>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    id: String,
    version: String,
    at: Timestamp,
    standing: &'static str,
    healed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    id: String,
    title: String,
    opened: Timestamp,
    closed: Option<Timestamp>,
    comments: Vec<String>,
}

pub(super) async fn now(scene: &Scene) -> anyhow::Result<Page> {
    let executions = scene.executions(EXECUTIONS)?;
    let mut shown = Vec::new();
    for view in executions {
        shown.push(execution(scene, view).await?);
    }
    let problems = scene.problems();
    let problems = problems.into_iter().rev().take(PROBLEMS).map(|problem| {
        let comments = scene.comments(&problem.id);
        Problem {
            id: problem.display_id,
            title: problem.title,
            opened: problem.opened,
            closed: problem.closed,
            comments: comments.into_iter().map(|comment| comment.text).collect(),
        }
    });
    let length = *scene.journal.follow().borrow();
    Ok(Page {
        executions: shown,
        environments: [
            place(scene, &scene.staging).await?,
            place(scene, &scene.production).await?,
        ],
        switches: scene.switches().await?,
        changes: scene.changes.clone(),
        problems: problems.collect(),
        journal: scene.journal.since(length.saturating_sub(LINES)),
        reports: scene.reports.clone(),
        busy: scene.busy()?,
        trouble: scene.troubles().borrow().clone(),
    })
}

async fn execution(scene: &Scene, view: ExecutionView) -> anyhow::Result<Execution> {
    let mut stages = Vec::new();
    for (name, status) in &view.stages {
        let actions = view.actions.iter().filter(|action| action.stage == *name);
        let (mut waits, mut held) = (None, None);
        for environment in [&scene.staging, &scene.production] {
            let is_its = *name == format!("Approve{}", environment.name());
            if is_its && scene.approval(environment, &view.id)?.status == ApprovalStatus::Waiting {
                waits = Some(environment.name());
                held = scene.held(environment, &view.id).await?;
            }
        }
        stages.push(Stage {
            name: name.clone(),
            status: status.as_str(),
            actions: actions
                .map(|action| Action {
                    name: action.action.clone(),
                    status: action.status.as_str(),
                    summary: action.summary.clone(),
                })
                .collect(),
            waits,
            held,
        });
    }
    Ok(Execution {
        id: view.id,
        revision: view.revision,
        status: view.status.as_str(),
        stages,
    })
}

async fn place(scene: &Scene, environment: &Environment) -> anyhow::Result<Place> {
    let ledger = scene.ledger(environment).await?;
    Ok(Place {
        name: environment.name(),
        url: environment.url().to_owned(),
        build: environment.build(),
        points: environment.points(),
        ledger: ledger
            .into_iter()
            .take(DEPLOYMENTS)
            .map(deployment)
            .collect(),
    })
}

fn deployment(entry: LedgerEntry) -> Deployment {
    Deployment {
        id: entry.deployment.id,
        version: entry.deployment.version,
        at: entry.deployment.at,
        standing: match entry.standing {
            Standing::Unknown => "unknown",
            Standing::Good => "good",
            Standing::Suspect => "suspect",
            Standing::Bad => "bad",
        },
        healed: entry.deployment.origin == Origin::Heal,
    }
}
