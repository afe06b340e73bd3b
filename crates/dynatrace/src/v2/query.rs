//! `GET /api/v2/metrics/query`: several selectors in one request, and each
//! answer given to the selector that it belongs to.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::answer::{Answer, Collection, Row, Wire};
use super::batch::{alone, assign, batches, folds};
use super::descriptor::describe;
use super::expression::{Shape, identity, shape};
use super::plan::{Ask, Fold};
use super::selector::{TooMany, checked};
use crate::answer::SeriesError;
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::question::Window;
use crate::tenant::Api;

/// What every selector of a call has in common.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) connection: &'a Connection,
    pub(super) entities: &'a str,
    /// How many entities that lists one by one; none where it names their tags.
    pub(super) listed: usize,
    pub(super) window: Window,
    pub(super) deadline: Instant,
}

/// What came back for one selector.
#[derive(Clone, Debug)]
pub(super) struct QueryResult {
    pub(super) rows: Result<Vec<Row>, SeriesError>,
    pub(super) sent: String,
    pub(super) evidence: String,
    pub(super) warnings: Vec<String>,
}

impl Query<'_> {
    /// Evaluates every selector, equal ones once; the outcomes are in the
    /// order of `asks`.
    pub(super) async fn evaluate(&self, asks: &[Ask]) -> Result<Vec<QueryResult>, Error> {
        if let Err(error) = checked(self.entities.to_owned()) {
            let why = match self.listed {
                0 => error.to_string(),
                listed => TooMany(listed).to_string(),
            };
            let refused = |ask: &Ask| QueryResult {
                rows: Err(SeriesError::BadSelector(why.clone())),
                sent: ask.expression.clone(),
                evidence: String::new(),
                warnings: Vec::new(),
            };
            return Ok(asks.iter().map(refused).collect());
        }
        let batches = batches(asks).into_iter().map(|batch| self.batch(batch));
        let outcomes: HashMap<_, _> = try_join_all(batches).await?.into_iter().flatten().collect();
        Ok(asks.iter().map(|ask| outcomes[ask].clone()).collect())
    }

    async fn batch<'a>(&self, asks: Vec<&'a Ask>) -> Result<Vec<(&'a Ask, QueryResult)>, Error> {
        if let [ask] = asks.as_slice() {
            return Ok(vec![(ask, self.single(ask).await?)]);
        }
        let texts: Vec<_> = asks.iter().map(|ask| ask.expression.as_str()).collect();
        let mut outcomes = Vec::new();
        let mut unanswered = Vec::new();
        match self.send(&texts.join(",")).await {
            Ok((answer, evidence)) => {
                for (ask, collection) in assign(&asks, answer) {
                    match collection {
                        Some(found) => outcomes.push((ask, outcome(ask, found, evidence.clone()))),
                        None => unanswered.push(ask),
                    }
                }
            }
            // One selector that cannot be evaluated fails its whole batch.
            Err(Error::UnknownMetric(_) | Error::BadSelector(_)) => unanswered = asks,
            Err(error) => return Err(error),
        }
        let singles = unanswered
            .into_iter()
            .map(async |ask| Ok::<_, Error>((ask, self.single(ask).await?)));
        outcomes.extend(try_join_all(singles).await?);
        Ok(outcomes)
    }

    async fn single(&self, ask: &Ask) -> Result<QueryResult, Error> {
        let error = match self.send(&ask.expression).await {
            Ok((answer, evidence)) => {
                let collection = alone(answer, identity(&ask.expression).as_ref());
                return Ok(outcome(ask, collection, evidence));
            }
            Err(Error::UnknownMetric(text)) => SeriesError::UnknownMetric(text),
            Err(Error::BadSelector(text)) => match self.second_opinion(ask, text).await? {
                Opinion::Fold(fold) => return self.folded(fold).await,
                Opinion::Error(error) => error,
            },
            Err(error) => return Err(error),
        };
        let query = self.parameters(&ask.expression);
        Ok(QueryResult {
            rows: Err(error),
            sent: ask.expression.clone(),
            evidence: self.connection.evidence(&request(&query)),
            warnings: Vec::new(),
        })
    }

    async fn folded(&self, fold: &Fold) -> Result<QueryResult, Error> {
        let ask = Ask {
            expression: fold.expression.clone(),
            fold: None,
        };
        // Boxed, because it comes from the function that it goes back to; a
        // selector without a fold of its own comes here no second time.
        Box::pin(self.single(&ask)).await
    }

    /// Finds out why a selector was refused. A metric without a single value
    /// for a whole window is the one reason that can be helped.
    async fn second_opinion<'a>(&self, ask: &'a Ask, text: String) -> Result<Opinion<'a>, Error> {
        let Shape::Metric(parsed) = shape(&ask.expression) else {
            return Ok(Opinion::Error(SeriesError::BadSelector(text)));
        };
        let descriptor = match describe(self.connection, parsed.key, self.deadline).await {
            Ok(descriptor) => descriptor,
            Err(Error::UnknownMetric(text)) => {
                return Ok(Opinion::Error(SeriesError::UnknownMetric(text)));
            }
            Err(Error::BadSelector(_)) => {
                return Ok(Opinion::Error(SeriesError::BadSelector(text)));
            }
            Err(error) => return Err(error),
        };
        if descriptor.resolution_inf_supported != Some(false) || parsed.folds() {
            return Ok(Opinion::Error(SeriesError::BadSelector(text)));
        }
        Ok(match &ask.fold {
            Some(fold) if descriptor.can_fold(fold) => Opinion::Fold(fold),
            _ => Opinion::Error(SeriesError::BadSelector(format!(
                "`{}` has no single value for a whole window, and folding its series would \
                 change the meaning of `{}`; ask for avg, min or max",
                parsed.key, ask.expression
            ))),
        })
    }

    async fn send(&self, selectors: &str) -> Result<(Answer, String), Error> {
        let query = self.parameters(selectors);
        let request = request(&query);
        let wire: Wire = self
            .connection
            .send(&request, self.deadline)
            .await?
            .read()?;
        Ok((wire.into(), self.connection.evidence(&request)))
    }

    fn parameters(&self, selectors: &str) -> Vec<(&'static str, String)> {
        let mut query = vec![("metricSelector", selectors.to_owned())];
        // A fold needs the series that it folds.
        if !folds(selectors) {
            query.push(("resolution", "Inf".to_owned()));
        }
        query.push(("from", self.window.from_ms.to_string()));
        query.push(("to", self.window.to_ms.to_string()));
        query.push(("entitySelector", self.entities.to_owned()));
        query
    }
}

fn request<'a>(query: &'a [(&'a str, String)]) -> Request<'a> {
    Request::get(Api::V2, Subject::Metrics, "/metrics/query", query)
}

enum Opinion<'a> {
    Fold(&'a Fold),
    Error(SeriesError),
}

fn outcome(ask: &Ask, collection: Collection, evidence: String) -> QueryResult {
    QueryResult {
        rows: collection.rows,
        sent: ask.expression.clone(),
        evidence,
        warnings: collection.warnings,
    }
}
