//! Every problem, a page of them at once.

use futures_util::future::join;
use release::link::Scope;
use report::{ProblemRow, Problems, json, page};
use store::ListedProblem;

use super::parameters::BEFORE;
use super::route::Shape;
use super::{Document, Ended, Reading};

/// How many problems are on a page.
const ON_A_PAGE: usize = 50;

/// How many problems a machine gets at once.
const AT_ONCE: usize = 500;

impl Reading<'_> {
    pub(super) async fn problems(&self, shape: Shape) -> Result<Document, Ended> {
        let until = self.open(Scope::Problems)?;
        let shape = self.of_today(shape)?;
        let before = self.parameters.edge()?;
        let is_page = shape == Shape::Page;
        let most = if is_page { ON_A_PAGE } else { AT_ONCE };
        let remediations = &self.services.remediations;
        let read = remediations.listed(None, before.as_ref(), self.now, most);
        let (found, stopped) = Box::pin(join(read, self.stopped())).await;
        let found = found?;
        if found.unreadable != 0 {
            tracing::error!(
                page = ?self.request.page,
                "{} problems of the list cannot be read",
                found.unreadable
            );
        }
        let addresses = self.addresses(until);
        let ending = if is_page { "" } else { ".json" };
        let row = |problem: ListedProblem| ProblemRow {
            address: addresses.problem(&problem.id, ending),
            id: problem.id,
            display_id: problem.display_id,
            title: problem.title,
            noticed: problem.noticed,
            closed: problem.closed,
            state: problem.state,
            decided: problem.decided,
        };
        let rows: Vec<ProblemRow> = found.problems.into_iter().map(row).collect();
        let older = found
            .older
            .map(|edge| addresses.problems(ending, &[(BEFORE, &edge.to_string())]));
        let newest = before.map(|_| addresses.problems(ending, &[]));
        let json = addresses.problems(".json", &[]);
        let remedies = addresses.remedies("", &[]);
        let problems = Problems {
            problems: &rows,
            newest: newest.as_deref(),
            older: older.as_deref(),
            remedies: Some(&remedies),
            json: Some(&json),
        };
        let start = addresses.start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        if is_page {
            return Ok(Document::page(page::problems(&frame, &problems)));
        }
        let document = Document::json(json::problems(&frame, &problems));
        Ok(Document {
            next: older,
            ..document
        })
    }
}
