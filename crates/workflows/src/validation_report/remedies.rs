//! How often problems closed soon after a flag was changed because of them.

use std::collections::BTreeMap;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use release::link::Scope;
use report::{Closing, Remedies, json, page};

use super::parameters::{WITHIN, minutes};
use super::route::Shape;
use super::{Document, Ended, Reading};

/// How many requests that changed flags are read at once.
const MOST_CHANGES: usize = 500;

/// How many problems are read at once.
const MOST_PROBLEMS: usize = 2_000;

/// How much older than the first change a problem may be.
const BEFORE_THE_SPAN: SignedDuration = SignedDuration::from_hours(24);

impl Reading<'_> {
    pub(super) async fn remedies(&self, shape: Shape) -> Result<Document, Ended> {
        let until = self.open(Scope::Remedies)?;
        let shape = self.of_today(shape)?;
        let (timespan, soon) = (self.parameters.timespan()?, self.parameters.within()?);
        let span = minutes(timespan);
        let from = self.now.saturating_sub(span).unwrap_or(Timestamp::MIN);
        let earlier = from.saturating_sub(BEFORE_THE_SPAN);
        let earlier = earlier.unwrap_or(Timestamp::MIN);
        let (set, now) = (&self.services.set, self.now);
        let changes = self
            .services
            .flags
            .changes_since(set, from, now, MOST_CHANGES);
        let remediations = &self.services.remediations;
        let problems = remediations.listed(Some(earlier), None, now, MOST_PROBLEMS);
        let reads = join(join(changes, problems), self.stopped());
        let ((changes, listed), stopped) = Box::pin(reads).await;
        let (changes, listed) = (changes?, listed?);
        let mut problems: BTreeMap<String, Closing> = BTreeMap::new();
        for problem in &listed.problems {
            let closing = Closing {
                id: problem.id.clone(),
                at: problem.closed,
            };
            let names = std::iter::once(&problem.id).chain(&problem.display_id);
            for name in names {
                // The newest is listed first, and counts.
                problems
                    .entry(name.clone())
                    .or_insert_with(|| closing.clone());
            }
        }
        let addresses = self.addresses(until);
        let parameters = [
            ("timespan", timespan.to_string()),
            (WITHIN, soon.to_string()),
        ];
        let parameters = parameters
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let json = addresses.remedies(".json", &parameters);
        let remedies = Remedies {
            set,
            span,
            within: minutes(soon),
            changes: &changes.entries,
            cut: changes.older || listed.older.is_some(),
            problems: &problems,
            json: Some(&json),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        Ok(match shape {
            Shape::Page => Document::page(page::remedies(&frame, &remedies)),
            Shape::Json | Shape::Junit | Shape::Svg => {
                Document::json(json::remedies(&frame, &remedies))
            }
        })
    }
}
