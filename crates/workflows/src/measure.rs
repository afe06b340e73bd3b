//! Turns a service entry and two windows into measurements.
//!
//! Identical questions are asked once as long as the same [`Asking`] is used,
//! which is one tick of the schedule or one command of a person.

mod counted;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use dynatrace::{
    Dynatrace, Entity, Problem, Question, Relationships, Scope, SeriesAnswer, SeriesError,
};
use futures_util::future::try_join;
use monspec::{
    Address, Answered, Comparison, Environment, Gap, Measured, Measurement, Merge, Metric,
    ServiceEntry, Signature,
};
use release::evidence::Asked;
use release::window::Window;
use tokio::time::Instant;

use crate::once::Once;
pub use words::scope;
use words::series;
pub(crate) use words::tenant_window;

/// The questions of one tick, and their answers.
#[derive(Debug)]
pub struct Asking {
    tenant: Dynatrace,
    deadline: Instant,
    series: Memory<Question, Vec<SeriesAnswer>>,
    problems: Memory<dynatrace::Window, Vec<Problem>>,
    entities: Memory<(Scope, dynatrace::Window), Vec<Entity>>,
    relationships: Memory<dynatrace::EntityType, Option<Relationships>>,
}

type Memory<Q, A> = Once<Q, Result<A, TenantRefusal>>;

/// The tenant will not answer this: an answer of a kind, the same for everybody
/// who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TenantRefusal {
    /// The token must be corrected.
    Token(String),
    /// The question must be corrected.
    Question(String),
}

impl TenantRefusal {
    fn gap(&self) -> Gap {
        match self {
            Self::Token(why) => Gap::Unavailable(why.clone()),
            Self::Question(why) => Gap::Unanswerable(why.clone()),
        }
    }
}

impl fmt::Display for TenantRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(why) | Self::Question(why) => f.write_str(why),
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The name of the environment.
    pub name: &'a str,
    /// The environment.
    pub environment: &'a Environment,
    /// The window, shifted.
    pub window: Window,
}

/// What one side of a service entry measured.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// The number, or the gap, per signature.
    pub values: BTreeMap<Address, Measurement>,
    /// How each was obtained.
    pub asked: BTreeMap<Address, Asked>,
    /// The entities that were asked for or answered.
    pub entities: BTreeSet<String>,
    /// Whether the tenant refused the token.
    pub token_refused: bool,
}

impl Asking {
    /// Asks `tenant`, and gives up at `deadline`.
    pub fn new(tenant: Dynatrace, deadline: Instant) -> Self {
        Self {
            tenant,
            deadline,
            series: Once::default(),
            problems: Once::default(),
            entities: Once::default(),
            relationships: Once::default(),
        }
    }

    /// Everything that the signatures of `entry` need from one side.
    ///
    /// A gap is a reading; an `Err` is a tenant that could not answer now.
    pub async fn readings(
        &self,
        entry: &ServiceEntry,
        side: Side<'_>,
    ) -> Result<Readings, dynatrace::Error> {
        let scope = scope(entry, side.environment);
        let window = tenant_window(side.window);
        let mut readings = Readings::default();

        let (counted, measured): (Vec<_>, Vec<_>) = monspec::addresses(entry)
            .partition(|(_, signature)| matches!(signature.metric, Metric::Smartscape { .. }));
        if !measured.is_empty() {
            let question = Question {
                scope: scope.clone(),
                window,
                series: measured
                    .iter()
                    .map(|(address, signature)| series(address, signature))
                    .collect(),
            };
            // Who is silent shows only beside all that there are.
            let is_mean = |(_, signature): &(_, &Signature)| signature.merge == Merge::Mean;
            let all = async {
                if measured.iter().any(is_mean) {
                    self.entities(scope.clone(), window).await
                } else {
                    Ok(Ok(Vec::new()))
                }
            };
            let (answers, all) = try_join(self.ask(question), all).await?;
            match answers {
                Ok(answers) => {
                    for (signature, answer) in measured.iter().zip(answers) {
                        readings.answered(signature, side, answer, &all);
                    }
                }
                Err(refusal) => readings.refused(&measured, side, &refusal),
            }
        }
        if !counted.is_empty() {
            match self.entities(scope, window).await? {
                Ok(entities) => {
                    for (address, signature) in &counted {
                        let count = self.count(entry, signature, side, &entities).await?;
                        readings.counted(address, signature, side, count);
                    }
                    let ids = entities.into_iter().map(|entity| entity.id);
                    readings.entities.extend(ids);
                }
                Err(refusal) => readings.refused(&counted, side, &refusal),
            }
        }
        Ok(readings)
    }

    /// Whether any entity carries the tags of an environment in a window: what
    /// a person wants to know when there is no data.
    pub async fn somebody_is_there(
        &self,
        entry: &ServiceEntry,
        side: Side<'_>,
    ) -> Result<bool, dynatrace::Error> {
        let found = self
            .entities(scope(entry, side.environment), tenant_window(side.window))
            .await?;
        Ok(found.map_or(true, |entities| !entities.is_empty()))
    }

    /// The problems that were open on the entities of an environment in a
    /// window, or why nobody may know. Those that became a part of another one
    /// are left out for it.
    pub(crate) async fn problems_on(
        &self,
        entry: &ServiceEntry,
        side: Side<'_>,
    ) -> Result<Result<Vec<Problem>, String>, dynatrace::Error> {
        let window = tenant_window(side.window);
        let cell = self.problems.cell(window);
        let asked = cell
            .get_or_try_init(|| async {
                settled(self.tenant.problems(window, self.deadline).await)
            })
            .await?;
        let mut problems = match asked {
            Ok(problems) => problems.clone(),
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        problems.retain(|problem| {
            let over = problem.end_ms.is_some_and(|end| end <= window.from_ms);
            problem.start_ms < window.to_ms && !over && problem.merged_into.is_none()
        });
        if problems.is_empty() {
            return Ok(Ok(problems));
        }
        let entities = self.entities(scope(entry, side.environment), window);
        let entities = match entities.await? {
            Ok(entities) => entities,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        problems.retain(|problem| {
            let mut felt_on = problem.impacted.iter().chain(&problem.root_cause);
            felt_on.any(|felt| entities.iter().any(|entity| entity.id == felt.id))
        });
        Ok(Ok(problems))
    }

    /// The entities of an environment, for a reader. Whatever keeps the tenant
    /// from telling them leaves none.
    pub(crate) async fn known_on(&self, entry: &ServiceEntry, side: Side<'_>) -> Vec<String> {
        let found = self.entities(scope(entry, side.environment), tenant_window(side.window));
        let found = found.await.ok().and_then(Result::ok).unwrap_or_default();
        found.into_iter().map(|entity| entity.id).collect()
    }

    async fn ask(
        &self,
        question: Question,
    ) -> Result<Result<Vec<SeriesAnswer>, TenantRefusal>, dynatrace::Error> {
        let cell = self.series.cell(question.clone());
        cell.get_or_try_init(|| async {
            settled(self.tenant.series(&question, self.deadline).await)
        })
        .await
        .cloned()
    }

    async fn entities(
        &self,
        scope: Scope,
        window: dynatrace::Window,
    ) -> Result<Result<Vec<Entity>, TenantRefusal>, dynatrace::Error> {
        let cell = self.entities.cell((scope.clone(), window));
        cell.get_or_try_init(|| async {
            settled(self.tenant.entities(&scope, window, self.deadline).await)
        })
        .await
        .cloned()
    }
}

impl Readings {
    fn answered(
        &mut self,
        (address, signature): &(Address, &Signature),
        side: Side<'_>,
        answer: SeriesAnswer,
        all: &Result<Vec<Entity>, TenantRefusal>,
    ) {
        let value = match (answer.value, all) {
            (Ok(Some(_)), Err(refusal)) if signature.merge == Merge::Mean => {
                Measurement::Missing(refusal.gap())
            }
            (Ok(Some(value)), all) => {
                let all = all.as_deref().unwrap_or_default();
                match mean_of(address, signature, &answer.answered, all) {
                    Some(of) => Measurement::Mean { value, of },
                    None => Measurement::Value(value),
                }
            }
            (Ok(None), _) => Measurement::Missing(Gap::NoData(subject(address, signature, side))),
            (Err(SeriesError::UnknownMetric(what)), _) => {
                Measurement::Missing(Gap::UnknownMetric(what))
            }
            (Err(error), _) => Measurement::Missing(Gap::Unanswerable(error.to_string())),
        };
        self.values.insert(address.clone(), value);
        self.entities.extend(answer.entities);
        self.asked.insert(
            address.clone(),
            Asked {
                environment: side.name.to_owned(),
                window: side.window,
                selector: answer.selector,
                query: answer.query,
                warnings: answer.warnings,
            },
        );
    }

    fn counted(
        &mut self,
        address: &Address,
        signature: &Signature,
        side: Side<'_>,
        count: Measurement,
    ) {
        self.values.insert(address.clone(), count);
        self.asked.insert(
            address.clone(),
            Asked {
                environment: side.name.to_owned(),
                window: side.window,
                selector: signature.metric.to_string(),
                query: format!("relationships of {}", tags(side.environment)),
                warnings: Vec::new(),
            },
        );
    }

    fn refused(
        &mut self,
        signatures: &[(Address, &Signature)],
        side: Side<'_>,
        refusal: &TenantRefusal,
    ) {
        let gap = refusal.gap();
        self.token_refused |= matches!(refusal, TenantRefusal::Token(_));
        for (address, signature) in signatures {
            self.values
                .insert(address.clone(), Measurement::Missing(gap.clone()));
            self.asked.insert(
                address.clone(),
                Asked {
                    environment: side.name.to_owned(),
                    window: side.window,
                    selector: signature.metric.to_string(),
                    query: String::new(),
                    warnings: Vec::new(),
                },
            );
        }
    }
}

/// Joins both sides into what the judge takes.
pub fn measured(
    entry: &ServiceEntry,
    comparison: &Comparison,
    observed: &Readings,
    baseline: Option<&Readings>,
) -> BTreeMap<Address, Measured> {
    let reading = |readings: &Readings, address: &Address| {
        readings
            .values
            .get(address)
            .cloned()
            .unwrap_or(Measurement::Missing(Gap::NotMeasured))
    };
    let nothing_to_compare = || {
        let gap = if comparison.compare.is_some() {
            Gap::NotMeasured
        } else {
            Gap::NothingToCompare
        };
        Measurement::Missing(gap)
    };
    monspec::addresses(entry)
        .map(|(address, _)| {
            let both = Measured {
                observation: reading(observed, &address),
                baseline: baseline
                    .map_or_else(nothing_to_compare, |baseline| reading(baseline, &address)),
            };
            (address, both)
        })
        .collect()
}

/// What a number would have been about.
fn subject(address: &Address, signature: &Signature, side: Side<'_>) -> String {
    let method = address.method.as_ref().map_or_else(String::new, |method| {
        format!(" of `{method}`, which has to be marked as a key request,")
    });
    format!(
        "`{}`{method} in {} ({})",
        signature.metric,
        side.name,
        tags(side.environment)
    )
}

/// The tags of an environment, as a person writes them.
pub fn tags(environment: &Environment) -> String {
    let tags: Vec<String> = environment
        .tags
        .iter()
        .map(|tag| format!("tag {tag}"))
        .collect();
    tags.join(" and ")
}

/// A refusal is an answer; a tenant that cannot answer now is not.
fn settled<A>(
    outcome: Result<A, dynatrace::Error>,
) -> Result<Result<A, TenantRefusal>, dynatrace::Error> {
    use dynatrace::Error::{ApiGone, BadSelector, ScopeMissing, Unauthorised, UnknownMetric};
    match outcome {
        Ok(answer) => Ok(Ok(answer)),
        Err(error @ (Unauthorised(_) | ScopeMissing(_))) => {
            Ok(Err(TenantRefusal::Token(error.to_string())))
        }
        Err(error @ (ApiGone | BadSelector(_) | UnknownMetric(_))) => {
            Ok(Err(TenantRefusal::Question(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// How many of the entities of an environment a mean is of; nothing where the
/// numbers do not say whose they are, so that Dynatrace merged them.
fn mean_of(
    address: &Address,
    signature: &Signature,
    answered: &[String],
    all: &[Entity],
) -> Option<Answered> {
    let is_there = |id: &&String| all.iter().any(|entity| entity.id == **id);
    let count = match address.method {
        // Each service has a method of that name, or is silent.
        Some(_) => answered.len(),
        None => answered.iter().filter(is_there).count(),
    };
    (signature.merge == Merge::Mean && 0 < count).then(|| Answered {
        answered: count,
        entities: all.len().max(count),
    })
}
