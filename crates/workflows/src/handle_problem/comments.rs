//! What is to be said is stored with the step that causes it, and said here: in
//! order, once, and never in the way of a heal.

use release::problem::Problem;
use release::window::saturating_add;
use release::work::{Wait, backoff};
use store::ClaimedProblem;

use super::tools::Pass;

/// Where a comment is said to come from.
const CONTEXT: &str = "AWS Lambda";

/// Says what was not said yet. The first `older` comments were stored before
/// this pass: an earlier worker may have said one and died before it could note
/// that it had.
pub(super) async fn post(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    older: usize,
) -> anyhow::Result<Option<Wait>> {
    let due: Vec<usize> = unposted(&claimed.problem).collect();
    let Some(first) = due.first() else {
        return Ok(None);
    };
    let id = claimed.problem.id.clone();
    let tenant = &pass.connected.tenant;
    let mut comments = claimed.problem.comments.clone();
    let mut failed = None;
    let mut said = Vec::new();
    if *first < older {
        match tenant.comments(&id, pass.remotes_until).await {
            Ok(found) => said = found,
            Err(error) => failed = Some(error),
        }
    }
    for index in due {
        if failed.is_some() {
            break;
        }
        let comment = &mut comments[index];
        let is_there = said
            .iter()
            .any(|said| said.text.trim() == comment.text.trim());
        if is_there {
            comment.posted = Some(pass.tick.now);
            continue;
        }
        match tenant
            .comment(&id, &comment.text, CONTEXT, pass.remotes_until)
            .await
        {
            Ok(()) => comment.posted = Some(pass.tick.now),
            Err(error) => failed = Some(error),
        }
    }
    let mut attempts = 0;
    if failed.is_some()
        && let Some(comment) = comments.iter_mut().find(|comment| comment.posted.is_none())
    {
        comment.attempts = comment.attempts.saturating_add(1);
        attempts = comment.attempts;
    }
    let change = |problem: &mut Problem| problem.comments = comments;
    let _ = pass.commit(claimed, change, &[]).await?;
    let Some(error) = failed else { return Ok(None) };
    pass.note(&error);
    let error = anyhow::Error::from(error);
    tracing::warn!(
        problem.id = %id, attempts,
        "A comment on problem `{id}` could not be posted: {error:#}"
    );
    Ok(Some(Wait {
        waiting_for: "the tenant to take a comment".to_owned(),
        until: Some(saturating_add(pass.tick.now, backoff(attempts))),
    }))
}

fn unposted(problem: &Problem) -> impl Iterator<Item = usize> {
    let comments = problem.comments.iter().enumerate();
    comments
        .filter(|(_, comment)| comment.posted.is_none())
        .map(|(index, _)| index)
}
