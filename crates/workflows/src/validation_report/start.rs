//! All gates, a page of them at once.

use futures_util::future::join;
use release::link::Scope;
use report::{Gate, Start, json, page};
use store::{Catalogued, GateName};

use super::addresses::Addresses;
use super::route::Shape;
use super::{Document, Ended, Reading};

/// How many gates are on a page.
const ON_A_PAGE: usize = 100;

/// How many gates a machine gets at once, or a form offers.
pub(super) const AT_ONCE: usize = 500;

/// Some of all gates.
pub(super) struct Gates {
    pub(super) gates: Vec<Gate>,
    /// Whether there are gates behind these.
    more: bool,
}

impl Reading<'_> {
    pub(super) async fn start(&self, shape: Shape) -> Result<Document, Ended> {
        let until = self.open(Scope::Start)?;
        let shape = self.of_today(shape)?;
        let addresses = self.addresses(until);
        let is_page = shape == Shape::Page;
        let most = if is_page { ON_A_PAGE } else { AT_ONCE };
        let after = self.parameters.after_gate();
        let (found, stopped) = join(self.gates(&addresses, after, most), self.stopped()).await;
        let found = found?;
        let next = found
            .gates
            .last()
            .filter(|_| found.more)
            .map(|last| addresses.start_after(&last.pipeline, &last.comparison));
        let home = addresses.start();
        let changes = addresses.changes("");
        let problems = addresses.problems("", &[]);
        let start = Start {
            changes: Some(&changes),
            problems: Some(&problems),
            gates: &found.gates,
            first: after.map(|_| home.as_str()),
            next: next.as_deref(),
        };
        let frame = self.frame(Some(&home), &stopped);
        if is_page {
            return Ok(Document::page(page::start(&frame, &start)));
        }
        let document = Document::json(json::start(&frame, &start));
        Ok(Document { next, ..document })
    }

    pub(super) async fn gates(
        &self,
        addresses: &Addresses<'_>,
        after: Option<GateName<'_>>,
        most: usize,
    ) -> Result<Gates, Ended> {
        let found = self.services.validations.catalogue(after, most).await?;
        if found.unreadable != 0 {
            tracing::error!(
                catalogue.after = after.map(|gate| gate.pipeline),
                "{} gates of a part of the catalogue cannot be read",
                found.unreadable
            );
        }
        let gate = |gate: Catalogued| Gate {
            history: addresses.history(&gate.pipeline, &gate.comparison),
            evaluation: addresses.evaluation(gate.last),
            pipeline: gate.pipeline,
            comparison: gate.comparison,
            last: gate.last,
            version: gate.version,
            verdict: gate.verdict,
            judged_at: gate.judged_at,
            trend: gate.trend,
        };
        Ok(Gates {
            gates: found.gates.into_iter().map(gate).collect(),
            more: found.more,
        })
    }
}
