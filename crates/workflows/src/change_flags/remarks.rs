//! Comments on problems that hold flags, as [`release::hold`] says.

use anyhow::Context as _;
use release::hold;
use release::outbox::{self, Next};
use release::work::Outcome;
use store::Remark;

use super::owed::Walk;
use super::watched;

/// Where a comment is said to come from.
const CONTEXT: &str = "AWS Lambda";

impl Walk<'_> {
    /// Comments on a problem, unless that was done.
    pub(super) async fn remark(&mut self, remark: &mut Remark) -> anyhow::Result<Outcome> {
        let said = self.say(remark).await;
        said.inspect_err(|error| self.noted(error))
    }

    async fn say(&self, remark: &mut Remark) -> anyhow::Result<Outcome> {
        let now = self.tick.now;
        if let Some(ends) = remark.ends.filter(|_| remark.entry.text.is_empty()) {
            let set = self.services.flags.set(&remark.set).await?;
            let near = set.and_then(|set| hold::near(&set.states, &remark.problem, ends));
            match near.filter(|_| now < ends) {
                Some(text) => remark.entry.text = text,
                None => return Ok(Outcome::Done),
            }
        }
        let (tenant, until) = (self.tenant()?, self.tick.remotes_until());
        let named = &remark.problem;
        let Some(id) = watched::id_of(tenant, named, remark.entry.at, now, until).await? else {
            // There is nothing to comment on: whoever named it used words of their own.
            tracing::info!(
                problem.id = named,
                "The tenant knows no problem {named} to comment on"
            );
            return Ok(Outcome::Done);
        };
        let entries = std::slice::from_mut(&mut remark.entry);
        let found = tenant.comments(&id, until).await;
        let found = found.context("cannot look for an earlier comment")?;
        let found: Vec<String> = found.into_iter().map(|comment| comment.text).collect();
        match outbox::next(entries, 1, Some(&found)) {
            Next::Say(_) => {
                let said = tenant.comment(&id, &entries[0].text, CONTEXT, until).await;
                said.context("cannot comment on the problem")?;
            }
            Next::Found(_) | Next::Done | Next::Look => {}
        }
        entries[0].posted = Some(now);
        Ok(Outcome::Done)
    }
}
