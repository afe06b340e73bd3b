//! What answers to problems do to the ledger.

use release::deployment::{LedgerEntry, Standing};
use store::{Advanced, ClaimedProblem, Effect};

use crate::world::{World, deployment, group};

#[tokio::test]
async fn blame_makes_suspect_and_binds_with_the_document() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let title = Some("with the document".to_owned());
    worker.problem.title.clone_from(&title);

    assert_eq!(
        world.advance(&mut worker, &[blame("d-1")]).await,
        Advanced::Written
    );

    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Suspect);
    assert_eq!(known.taught_by, "problem P-1");
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
    assert_eq!(world.known().await, [known]);
    assert_eq!(world.bad(&["d-1", "d-2"]).await, ["d-1"]);
    assert_eq!(world.problem("P-1").await.title, title);
}

fn blame(id: &str) -> Effect {
    Effect::Blame {
        deployment: deployment(id, 10),
    }
}

impl World {
    async fn advance(&self, worker: &mut ClaimedProblem, effects: &[Effect]) -> Advanced {
        self.store.advance(worker, effects).await.unwrap()
    }

    async fn entry(&self, id: &str) -> LedgerEntry {
        let found = self.store.ledger_entry(&group(), id).await.unwrap();
        found.expect("it was entered")
    }

    /// Which of these deployments' contents are bad somewhere.
    async fn bad(&self, ids: &[&str]) -> Vec<String> {
        let contents: Vec<String> = ids.iter().map(|id| deployment(id, 0).identity).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        let bad = self.store.bad_contents(&contents).await.unwrap();
        ids.iter()
            .filter(|id| bad.contains(&deployment(id, 0).identity))
            .map(|id| (*id).to_owned())
            .collect()
    }
}
