//! What is to be said is stored with the step that causes it, and said here: in
//! order, once, and never in the way of a heal.

use release::outbox::{self, Failed, Next};
use release::problem::Problem;
use release::work::Wait;
use store::{ClaimedProblem, StoreError};

use super::tools::Pass;

/// Where a comment is said to come from.
const CONTEXT: &str = "AWS Lambda";

/// Says what was not said yet. The first `older` comments were stored before
/// this pass: an earlier worker may have said one and died before it could note
/// that it had. What cannot be said is given up once the problem's time is over.
pub(super) async fn post(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    older: usize,
) -> Result<Option<Wait>, StoreError> {
    let mut comments = claimed.problem.comments.clone();
    if outbox::next(&comments, older, None) == Next::Done {
        return Ok(None);
    }
    let id = claimed.problem.id.clone();
    let now = pass.tick.now;
    let mut failed = None;
    if let Err(error) = say(pass, &id, &mut comments, older).await {
        pass.note(&error);
        let error = anyhow::Error::from(error);
        let time = claimed.problem.time(now);
        let then = outbox::failed(&mut comments, &format!("{error:#}"), time, now);
        failed = Some((error, then));
    }
    let change = |problem: &mut Problem| problem.comments = comments;
    let _ = pass.commit(claimed, change, &[]).await?;
    // What is given up is told by whoever learns how the problem was left.
    let Some((error, Failed::Again { attempts, until })) = failed else {
        return Ok(None);
    };
    tracing::warn!(
        problem.id = %id, attempts,
        "A comment on problem `{id}` could not be posted: {error:#}"
    );
    Ok(Some(Wait {
        until: Some(until),
        ..Wait::for_("the tenant to take a comment")
    }))
}

async fn say(
    pass: &Pass<'_>,
    id: &str,
    comments: &mut [outbox::Entry],
    older: usize,
) -> Result<(), dynatrace::Error> {
    let tenant = &pass.connected.tenant;
    let until = pass.remotes_until;
    let mut said: Option<Vec<String>> = None;
    loop {
        let index = match outbox::next(comments, older, said.as_deref()) {
            Next::Done => return Ok(()),
            Next::Look => {
                let found = tenant.comments(id, until).await?;
                said = Some(found.into_iter().map(|comment| comment.text).collect());
                continue;
            }
            Next::Found(index) => index,
            Next::Say(index) => {
                let text = &comments[index].text;
                tenant.comment(id, text, CONTEXT, until).await?;
                index
            }
        };
        comments[index].posted = Some(pass.tick.now);
    }
}
