//! Lists of jobs, page by page.

use tokio::time::Instant;

use crate::error::Error;
use crate::job::{Job, WireJob};
use crate::template::{TemplateKind, TemplateRef};
use crate::{Controller, Page};

/// The largest page that a controller gives.
const PAGE: usize = 200;

/// More jobs than one template has under way, or makes while an answer is
/// looked for.
const MOST_PAGES: usize = 5;

/// The lists in which the jobs of a template are.
pub(crate) fn lists(template: TemplateRef) -> Vec<String> {
    let TemplateRef { kind, id, sliced } = template;
    let mut lists = vec![format!("/{}/{id}/{}/", kind.path(), kind.jobs())];
    if kind == TemplateKind::Job && sliced {
        lists.push(format!("/job_templates/{id}/slice_workflow_jobs/"));
    }
    lists
}

impl Controller {
    /// All jobs of a template for which `filter` holds, the oldest first.
    ///
    /// Pages are counted: the address of the next one, as the controller writes
    /// it, lacks the path of a gateway.
    pub(crate) async fn jobs(
        &self,
        template: TemplateRef,
        filter: &[(&str, String)],
        deadline: Instant,
    ) -> Result<Vec<Job>, Error> {
        let mut jobs = Vec::new();
        for list in lists(template) {
            let mut seen = 0;
            let mut number = 0;
            loop {
                number += 1;
                // Half a list would say that something is not there.
                if MOST_PAGES < number {
                    return Err(Error::Refused("it has more jobs than are read".to_owned()));
                }
                let mut query = filter.to_vec();
                query.push(("order_by", "id".to_owned()));
                query.push(("page_size", PAGE.to_string()));
                query.push(("page", number.to_string()));
                let page: Page<WireJob> = self.connection.get(&list, &query, deadline).await?;
                let is_last = page.results.is_empty();
                seen += u64::try_from(page.results.len()).unwrap_or(u64::MAX);
                jobs.extend(page.results.into_iter().map(WireJob::read));
                if is_last || page.count <= seen {
                    break;
                }
            }
        }
        jobs.sort_by_key(|job| job.at.id);
        Ok(jobs)
    }
}
