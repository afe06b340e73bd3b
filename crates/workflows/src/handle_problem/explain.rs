//! What a problem would be blamed on and answered with, without answering it.
//! Nothing is written anywhere.

use anyhow::Context as _;
use dynatrace::{EntityType, RecordedEvent, Scope, Window};
use jiff::Timestamp;
use release::attribution::{Attribution, Culprit, Known, attribute};
use release::deployment::{Deployment, LedgerEntry};
use release::explanation::{Weighed, weigh};
use release::grouping::SETTING;
use serde::Serialize;

use super::candidates::{Affected, Case, Dismissed, Gathered, gather};
use super::pass::Pass;
use super::{Connected, Services, cause, target};
use crate::due::Tick;

/// What is to be explained.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A problem of the tenant, by its id.
    Problem(String),
    /// A problem on all of production's services that had begun at this time.
    At(Timestamp),
}

/// What was found out, by what is known today.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The problem, where there is one.
    pub problem: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// Its entities that are production.
    pub entities: Vec<String>,
    /// Every deployment that was announced on them, or that CodeDeploy knows in
    /// the groups behind them.
    pub candidates: Vec<Candidate>,
    /// What would be deployed again, per deployment that is to blame.
    pub answers: Vec<Answer>,
    /// What follows, in a sentence.
    pub outcome: String,
}

/// One deployment that could be the cause.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The deployment.
    pub deployment: String,
    /// Its group.
    pub group: String,
    /// The entity that its group is behind.
    pub entity: String,
    /// When it changed the first instance, or was made where it changed none.
    pub at: Timestamp,
    /// When it ended, where it has.
    pub ended: Option<Timestamp>,
    /// Whether it was announced on the entity.
    pub announced: bool,
    /// Whether it is to blame.
    pub blamed: bool,
    /// Why, or why not.
    pub why: String,
}

/// What would be deployed again in one group.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The deployment that is to blame.
    pub culprit: String,
    /// Its group.
    pub group: String,
    /// Everything that was deployed there.
    pub targets: Vec<Target>,
}

/// One revision that could be deployed again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The deployment.
    pub deployment: String,
    /// What a person calls it.
    pub version: String,
    /// What is known of it.
    pub standing: release::deployment::Standing,
    /// Whether it would be deployed again.
    pub chosen: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains attribution and target choice. `None` if the tenant knows no such
/// problem.
pub async fn explain(
    services: &Services,
    connected: &Connected,
    asked: &Asked,
    tick: Tick,
) -> anyhow::Result<Option<Explained>> {
    let pass = Pass::new(services, connected, tick, &|_| ());
    let Some(past) = past(&pass, asked).await? else {
        return Ok(None);
    };
    let Past {
        problem,
        began,
        root_cause,
        affected,
        evidence,
    } = past;
    let blame = cause::blame(&services.healing, began, root_cause.as_deref());
    let case = Case {
        blame,
        affected: &affected,
        evidence: &evidence,
    };
    let Gathered {
        candidates,
        dismissed,
        undecided,
        views,
        ..
    } = gather(&pass, &case).await?;
    let attribution = attribute(&candidates, blame);
    let weighed = weigh(&candidates, blame).into_iter().map(Candidate::from);
    let dismissed = dismissed.into_iter().map(Candidate::from);
    let mut candidates: Vec<Candidate> = weighed.chain(dismissed).collect();
    candidates.sort_by_key(|one| std::cmp::Reverse(one.at));
    let entities: Vec<String> = affected.into_iter().map(|entity| entity.id).collect();

    let (culprits, outcome) = match attribution {
        Attribution::Nothing if entities.is_empty() => {
            (Vec::new(), "none of its entities is production".to_owned())
        }
        Attribution::Nothing if undecided.is_empty() => {
            (Vec::new(), "no deployment is to blame".to_owned())
        }
        Attribution::Nothing => {
            let names: Vec<String> = undecided.into_iter().collect();
            let outcome = format!(
                "no deployment is to blame; several applications have a group named {}, and \
                 {SETTING} can say which one is meant",
                names.join(", ")
            );
            (Vec::new(), outcome)
        }
        Attribution::Culprits(culprits) => (culprits, String::new()),
        Attribution::TooManyGroups(culprits) => {
            let outcome = format!(
                "{} groups are to blame, and {} may be changed",
                culprits.len(),
                services.healing.most_groups
            );
            (culprits, outcome)
        }
        Attribution::Ambiguous { newest, older, .. } => {
            let outcome = format!(
                "either {} or {} is to blame, and nobody can say which",
                newest.deployment, older.deployment
            );
            (Vec::new(), outcome)
        }
    };
    let answers = answers(services, &views, culprits).await?;
    let outcome = if outcome.is_empty() {
        told(&answers)
    } else {
        outcome
    };
    Ok(Some(Explained {
        problem,
        began,
        entities,
        candidates,
        answers,
        outcome,
    }))
}

/// What is known of the problem itself.
struct Past {
    problem: Option<String>,
    began: Timestamp,
    root_cause: Option<String>,
    affected: Vec<Affected>,
    evidence: Vec<RecordedEvent>,
}

async fn past(pass: &Pass<'_>, asked: &Asked) -> anyhow::Result<Option<Past>> {
    let tenant = &pass.connected.tenant;
    match asked {
        Asked::Problem(id) => {
            let Some(seen) = tenant.problem(id, pass.remotes_until).await? else {
                return Ok(None);
            };
            let began = Timestamp::from_millisecond(seen.start_ms)
                .context("the tenant says that the problem began at no time at all")?;
            Ok(Some(Past {
                began,
                affected: cause::production(pass, &seen).await?,
                root_cause: seen.root_cause.map(|entity| entity.id),
                problem: Some(seen.id),
                evidence: seen.evidence,
            }))
        }
        Asked::At(began) => {
            let scope = Scope {
                entity_type: EntityType::Service,
                tags: vec![pass.services.healing.tag.clone()],
            };
            let to_ms = began.as_millisecond();
            let window = Window {
                from_ms: to_ms - 24 * 3_600_000,
                to_ms,
            };
            let found = tenant.entities(&scope, window, pass.remotes_until).await?;
            let affected = |entity: &dynatrace::Entity| cause::affected(&entity.id, &entity.tags);
            Ok(Some(Past {
                problem: None,
                began: *began,
                root_cause: None,
                affected: found.iter().map(affected).collect(),
                evidence: Vec::new(),
            }))
        }
    }
}

async fn answers(
    services: &Services,
    views: &cause::Views,
    culprits: Vec<Culprit>,
) -> anyhow::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for culprit in culprits {
        let view = views.get(&culprit.group);
        let deployment = view.and_then(|view| view.deployment(&culprit.deployment));
        let (Some(view), Some(deployment)) = (view, deployment) else {
            continue;
        };
        let targets = target::weighed(services, view, &deployment).await?;
        answers.push(Answer {
            culprit: culprit.deployment,
            group: culprit.group.to_string(),
            targets: targets.into_iter().map(Target::from).collect(),
        });
    }
    Ok(answers)
}

fn told(answers: &[Answer]) -> String {
    let told = answers.iter().map(|answer| {
        let chosen = answer.targets.iter().find(|target| target.chosen);
        match chosen {
            Some(target) => format!(
                "{} is to blame, and {} is deployed again",
                answer.culprit, target.deployment
            ),
            None => format!(
                "{} is to blame, and nothing can be deployed again",
                answer.culprit
            ),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

impl From<Weighed> for Candidate {
    fn from(weighed: Weighed) -> Self {
        let Weighed {
            candidate,
            blamed,
            why,
        } = weighed;
        Self {
            deployment: candidate.deployment,
            group: candidate.group.to_string(),
            entity: candidate.entity,
            at: candidate.began,
            ended: candidate.ended,
            announced: candidate.known == Known::Announced,
            blamed,
            why,
        }
    }
}

impl From<Dismissed> for Candidate {
    fn from(dismissed: Dismissed) -> Self {
        Self {
            deployment: dismissed.deployment,
            group: dismissed.group.to_string(),
            entity: dismissed.entity,
            at: dismissed.at,
            ended: None,
            announced: dismissed.announced,
            blamed: false,
            why: dismissed.why.to_owned(),
        }
    }
}

impl From<(LedgerEntry, bool, String)> for Target {
    fn from((entry, chosen, why): (LedgerEntry, bool, String)) -> Self {
        let Deployment { id, version, .. } = entry.deployment;
        Self {
            deployment: id,
            version,
            standing: entry.standing,
            chosen,
            why,
        }
    }
}
