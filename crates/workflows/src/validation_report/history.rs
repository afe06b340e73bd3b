//! The history of one gate.

use futures_util::future::join;
use release::link::Scope;
use release::links::Access;
use report::{Build, History, Trouble, ancestor, json, page};
use store::{Part, ReadLimit, Recorded, Span};

use super::addresses::Addresses;
use super::parameters::{MOST_BUILDS, minutes};
use super::route::Shape;
use super::{Document, Ended, Found, Reading};

/// How many builds are on a page, unless the request says so.
const ON_A_PAGE: u16 = 100;

/// The span that an empty page offers, in minutes: 90 days.
const LONGEST: u32 = 90 * 24 * 60;

/// How many plotted numbers one answer holds, whatever the builds; a page of
/// more would leave signatures out.
const POINTS: usize = 5_000;

impl Reading<'_> {
    pub(super) async fn history(&self, shape: Shape) -> Result<Document, Ended> {
        let parameters = self.parameters;
        let (Some(pipeline), Some(comparison)) = (parameters.pipeline(), parameters.comparison())
        else {
            return self.form().await;
        };
        let until = self.open(Scope::History {
            pipeline,
            comparison,
        })?;
        let as_in_2018 = parameters.as_in_2018()?;
        let timespan = parameters.timespan()?;
        let span = minutes(timespan);
        let since = self
            .now
            .saturating_sub(span)
            .unwrap_or(jiff::Timestamp::MIN);
        let is_page = shape == Shape::Page && !as_in_2018;
        let builds = parameters.builds()?;
        let part = parameters.part()?;
        let at_once = builds.unwrap_or(if is_page { ON_A_PAGE } else { MOST_BUILDS });
        let span_of = Span {
            pipeline,
            comparison,
            since,
        };
        let limit = ReadLimit {
            builds: usize::from(at_once),
            points: POINTS,
        };
        let (found, stopped) = join(
            self.services.validations.history(span_of, part, limit),
            self.stopped(),
        )
        .await;
        let found = found?;
        // A link has the right names. Readers of the JSON of 2018 know an empty
        // list, and nothing else.
        let may_be_mistyped = matches!(self.access, Access::Public) && !as_in_2018;
        if found.builds.is_empty() && matches!(part, Part::Newest) && may_be_mistyped {
            let gate = self.services.validations.gate(pipeline, comparison).await?;
            if gate.is_none() {
                return self.unknown(shape).await;
            }
        }
        tell_unreadable(found.unreadable, pipeline, comparison);
        let addresses = self.addresses(until);
        let to = Pages {
            addresses: &addresses,
            pipeline,
            comparison,
            timespan: timespan.to_string(),
            builds: builds.map(|builds| builds.to_string()),
        };
        let file = match (is_page, as_in_2018) {
            (true, _) => "history",
            (false, false) => "history.json",
            (false, true) => "BuildValidationResults",
        };
        let older = found
            .builds
            .first()
            .filter(|_| found.older)
            .map(|build| to.part(file, Part::Before(build.validation.registration.id)));
        let newer = found
            .builds
            .last()
            .filter(|_| found.newer)
            .map(|build| to.part(file, Part::After(build.validation.registration.id)));
        let longest = (timespan < LONGEST).then(|| to.longest(file));
        let builds: Vec<Build> = found.builds.into_iter().map(build(&addresses)).collect();
        let history = History {
            pipeline,
            comparison,
            span,
            builds: &builds,
            older: older.as_deref(),
            newer: newer.as_deref(),
            longest: longest.as_deref(),
            json: Some(&to.part("history.json", part)),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        let document = if as_in_2018 {
            Document::json(ancestor::history(&history))
        } else if is_page {
            Document::page(page::history(&frame, &history))
        } else {
            Document::json(json::history(&frame, &history))
        };
        Ok(Document {
            next: if is_page { None } else { older },
            ..document
        })
    }

    /// The names may be mistyped; the right ones can be chosen.
    async fn unknown(&self, shape: Shape) -> Result<Document, Ended> {
        if shape != Shape::Page {
            return Err(Ended::Trouble(Trouble::NotFound));
        }
        Ok(Document {
            found: Found::Nothing,
            ..self.form().await?
        })
    }
}

fn tell_unreadable(builds: usize, pipeline: &str, comparison: &str) {
    if builds != 0 {
        tracing::error!(
            pipeline.name = pipeline,
            "{builds} builds of `{comparison}` cannot be read"
        );
    }
}

fn build(addresses: &Addresses<'_>) -> impl Fn(Recorded) -> Build {
    |recorded| Build {
        evaluation: addresses.evaluation(recorded.validation.registration.id),
        validation: recorded.validation,
        plot: recorded.plot,
    }
}

/// The pages of one history.
#[derive(Clone)]
struct Pages<'a> {
    addresses: &'a Addresses<'a>,
    pipeline: &'a str,
    comparison: &'a str,
    timespan: String,
    builds: Option<String>,
}

impl Pages<'_> {
    /// A link that was kept for a while looks at a span that has passed.
    fn longest(&self, file: &str) -> String {
        let to = Self {
            timespan: LONGEST.to_string(),
            ..self.clone()
        };
        to.part(file, Part::Newest)
    }

    fn part(&self, file: &str, part: Part) -> String {
        let edge = match part {
            Part::Newest => None,
            Part::Before(id) => Some(("before", id.to_string())),
            Part::After(id) => Some(("after", id.to_string())),
        };
        let mut parameters = vec![("timespan", self.timespan.as_str())];
        parameters.extend(self.builds.as_deref().map(|builds| ("builds", builds)));
        parameters.extend(edge.iter().map(|(name, id)| (*name, id.as_str())));
        if file == "BuildValidationResults" {
            parameters.push(("json", "true"));
        }
        self.addresses
            .of_history(file, self.pipeline, self.comparison, &parameters)
    }
}
