//! One problem, and everything that was done because of it.

use flags::Entry;
use futures_util::future::{join, try_join_all};
use release::link::Scope;
use report::{AnsweredProblem, Trouble, json, page};

use super::route::Shape;
use super::{Document, Ended, Reading};

/// How many changes of flags are read because of one problem, by each of its names.
const MOST_CHANGES: usize = 50;

/// The longest id of a problem that is looked for.
const LONGEST_ID: usize = 100;

impl Reading<'_> {
    pub(super) async fn problem(&self, id: &str, shape: Shape) -> Result<Document, Ended> {
        if !is_plain(id) {
            return Err(Ended::Trouble(Trouble::NotFound));
        }
        let until = self.open(Scope::Problem(id))?;
        let shape = self.of_today(shape)?;
        let (found, stopped) = join(self.services.remediations.problem(id), self.stopped()).await;
        let Some(problem) = found? else {
            return Err(Ended::Trouble(Trouble::NotFound));
        };
        // Whoever changed a flag named the problem as it is called there.
        let names = std::iter::once(problem.id.as_str()).chain(problem.display_id.as_deref());
        let changes = names.map(|name| {
            let set = &self.services.set;
            self.services
                .flags
                .changes_because_of(set, name, MOST_CHANGES)
        });
        let changes = try_join_all(changes).await?;
        let changes: Vec<Entry> = changes.into_iter().flat_map(|one| one.entries).collect();
        let json = self.addresses(until).problem(id, ".json");
        let answered = AnsweredProblem {
            problem: &problem,
            changes: &changes,
            json: Some(&json),
        };
        let start = self.addresses(until).start_for_all();
        let frame = self.frame(start.as_deref(), &stopped);
        Ok(match shape {
            Shape::Page => Document::page(page::problem(&frame, &answered)),
            Shape::Json | Shape::Junit | Shape::Svg => {
                Document::json(json::problem(&frame, &answered))
            }
        })
    }
}

/// Whether an id is written in an address as it is.
fn is_plain(id: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_plain)
}
