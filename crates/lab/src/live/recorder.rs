//! Records what others do: answered approvals, and comments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Scene;
use fake_aws::pipeline::ApprovalStatus;

const PAUSE: Duration = Duration::from_millis(200);

/// How many executions are followed; older ones have ended.
const EXECUTIONS: usize = 8;

/// Follows approvals and comments for ever.
pub(super) async fn follow(scene: Arc<Scene>) -> anyhow::Result<()> {
    let mut answered = BTreeMap::new();
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        for execution in scene.executions(EXECUTIONS)? {
            for environment in [&scene.staging, &scene.production] {
                let approval = scene.approval(environment, &execution.id)?;
                let key = (execution.id.clone(), environment.name());
                if answered.insert(key, approval.status) == Some(approval.status) {
                    continue;
                }
                let answer = match approval.status {
                    ApprovalStatus::Approved => "approved",
                    ApprovalStatus::Rejected => "rejected",
                    _ => continue,
                };
                let summary = approval.summary.unwrap_or_default();
                let name = environment.name();
                let what = format!("Approve{name} is {answer}: {summary}");
                scene.journal.tell("CodePipeline", what);
            }
        }
        for problem in scene.problems() {
            let comments = scene.comments(&problem.id);
            let known = said.entry(problem.id).or_default();
            for comment in comments.iter().skip(*known) {
                let what = format!("comment on {}: {}", problem.display_id, comment.text);
                scene.journal.tell("Dynatrace", what);
            }
            *known = comments.len();
        }
        tokio::time::sleep(PAUSE).await;
    }
}
