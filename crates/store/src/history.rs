//! What pages are made of: the builds of a gate, and everything of one build.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::evidence::Evidence;
use release::plot::Plotted;
use release::validation::{Validation, ValidationId};

use crate::error::unavailable;
use crate::item::{self, Item, Key, STUCK_SINCE};
use crate::{StoreError, Validations, record};

/// How many items are asked for at once: what is read is turned into records
/// before more is read, so that a long history never stands in memory twice.
const AT_ONCE: i32 = 100;

/// What is read of a validation: itself and its plotted numbers.
const SHOWN: [&str; 17] = [
    "sk",
    "registration",
    "phase",
    "faults",
    "waits",
    "judgement",
    "told",
    "intent",
    "inherited",
    "ending",
    "override",
    "released",
    "rejudged",
    "hook",
    record::validation::POSTING,
    STUCK_SINCE,
    "plot",
];

/// A pipeline, one of its comparisons, and how far back they are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The comparison.
    pub comparison: &'a str,
    /// The first registration that counts.
    pub since: Timestamp,
}

/// Which part of a span is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The newest builds.
    Newest,
    /// The builds directly before this one.
    Before(ValidationId),
    /// The builds directly after this one.
    After(ValidationId),
}

/// How much is read at most; at least one build is.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Builds.
    pub builds: usize,
    /// Plotted numbers of all builds together.
    pub points: usize,
}

/// Some builds of a span.
#[derive(Clone, Debug)]
pub struct History {
    /// The builds, oldest first.
    pub builds: Vec<Recorded>,
    /// Whether the span has builds before these.
    pub older: bool,
    /// Whether there are builds after these.
    pub newer: bool,
    /// How many builds between these cannot be read.
    pub unreadable: usize,
}

/// A validation and the numbers that charts show of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The validation.
    pub validation: Validation,
    /// The numbers of its signatures; none until it is judged.
    pub plot: Vec<Plotted>,
}

/// Everything that is known of one validation.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The validation.
    pub validation: Validation,
    /// What led to its verdict, once there is one.
    pub evidence: Option<Evidence>,
    /// The monspec that judges it.
    pub spec: Option<String>,
}

impl Validations {
    /// The builds of one part of a span, whatever became of them. Only what is
    /// shown of them is read, and nothing beside the span.
    pub async fn history(
        &self,
        span: Span<'_>,
        part: Part,
        limit: ReadLimit,
    ) -> Result<History, StoreError> {
        let (first, last) = edges(span, part);
        let mut read = Reading::new(part, limit);
        // The part may be older than the span.
        let mut behind = (first.sk <= last.sk).then_some(None);
        while let Some(start) = behind {
            let found = self
                .table
                .query()
                .key_condition_expression("pk = :pipeline AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pipeline", AttributeValue::S(first.pk.clone()))
                .expression_attribute_values(":first", AttributeValue::S(first.sk.clone()))
                .expression_attribute_values(":last", AttributeValue::S(last.sk.clone()))
                .projection_expression(shown())
                .set_expression_attribute_names(Some(names()))
                .scan_index_forward(matches!(part, Part::After(_)))
                .limit(AT_ONCE)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable("read a history", error.into_service_error()))?;
            let more = found.last_evaluated_key;
            let took_all = found
                .items
                .unwrap_or_default()
                .iter()
                .all(|item| read.take(item));
            behind = more.filter(|_| took_all).map(Some);
        }
        Ok(read.history())
    }

    /// Whether anything of a pipeline is kept, judged or not.
    pub async fn knows_pipeline(&self, pipeline: &str) -> Result<bool, StoreError> {
        let partition = Key::of_history(pipeline, "", "").pk;
        let found = self
            .table
            .query()
            .key_condition_expression("pk = :pipeline")
            .expression_attribute_values(":pipeline", AttributeValue::S(partition))
            .limit(1)
            .send()
            .await
            .map_err(|error| unavailable("look for a pipeline", error.into_service_error()))?;
        Ok(!found.items().is_empty())
    }

    /// The validation of this id with all that belongs to it.
    pub async fn evaluated(&self, id: ValidationId) -> Result<Option<Evaluated>, StoreError> {
        let Some(key) = self.locate(id).await? else {
            return Ok(None);
        };
        let evidence = key.evidence(id);
        let (validation, evidence) = tokio::try_join!(
            self.table.get("read a validation", &key),
            self.table.get("read evidence", &evidence),
        )?;
        let Some(validation) = validation
            .as_ref()
            .map(record::validation::read)
            .transpose()?
        else {
            return Ok(None);
        };
        Ok(Some(Evaluated {
            spec: self.spec(&validation.registration.spec).await?,
            evidence: evidence.as_ref().map(record::evidence::read).transpose()?,
            validation,
        }))
    }
}

/// The outermost keys of a part, both included. An id that is an edge of its
/// own is read and left out, which spares doing sums with ids.
fn edges(span: Span<'_>, part: Part) -> (Key, Key) {
    let key = |id: &str| Key::of_history(span.pipeline, span.comparison, id);
    let oldest = ValidationId::new(span.since, [0; 10]);
    let (first, last) = match part {
        Part::Newest => (oldest, None),
        Part::Before(id) => (oldest, Some(id)),
        Part::After(id) => (oldest.max(id), None),
    };
    // Ids are written in the digits 0 to f.
    let last = last.map_or_else(|| "g".to_owned(), |id| id.to_string());
    (key(&first.to_string()), key(&last))
}

/// Names are always replaced, so that no reserved word can break a query.
fn shown() -> String {
    let names: Vec<String> = (0..SHOWN.len()).map(|index| format!("#a{index}")).collect();
    names.join(", ")
}

fn names() -> std::collections::HashMap<String, String> {
    let names = SHOWN.iter().enumerate();
    names
        .map(|(index, name)| (format!("#a{index}"), (*name).to_owned()))
        .collect()
}

/// What has been read of a part so far.
struct Reading {
    part: Part,
    limit: ReadLimit,
    builds: Vec<Recorded>,
    points: usize,
    unreadable: usize,
    more: bool,
}

impl Reading {
    fn new(part: Part, limit: ReadLimit) -> Self {
        Self {
            part,
            limit,
            builds: Vec::new(),
            points: 0,
            unreadable: 0,
            more: false,
        }
    }

    /// Takes one more build; `false` once the limit is reached.
    fn take(&mut self, item: &Item) -> bool {
        if self.is_edge(item) {
            return true;
        }
        let full = self.limit.builds <= self.builds.len() || self.limit.points <= self.points;
        if full && !self.builds.is_empty() {
            self.more = true;
            return false;
        }
        match recorded(item) {
            Ok(build) => {
                self.points += build.plot.len();
                self.builds.push(build);
            }
            // One damaged build must not hide the others.
            Err(_) => self.unreadable += 1,
        }
        true
    }

    fn is_edge(&self, item: &Item) -> bool {
        let (Part::Before(edge) | Part::After(edge)) = self.part else {
            return false;
        };
        item::string(item, "sk").is_ok_and(|sk| sk.ends_with(&edge.to_string()))
    }

    fn history(mut self) -> History {
        let (older, newer) = match self.part {
            Part::Newest => (self.more, false),
            Part::Before(_) => (self.more, true),
            Part::After(_) => (true, self.more),
        };
        if !matches!(self.part, Part::After(_)) {
            self.builds.reverse();
        }
        History {
            builds: self.builds,
            older,
            newer,
            unreadable: self.unreadable,
        }
    }
}

fn recorded(item: &Item) -> Result<Recorded, StoreError> {
    let plot = match item.get("plot") {
        Some(AttributeValue::L(points)) => {
            points.iter().map(item::plotted).collect::<Result<_, _>>()?
        }
        _ => Vec::new(),
    };
    Ok(Recorded {
        validation: record::validation::read(item)?,
        plot,
    })
}
