//! Problems: how they come in, who may work on them, and how they end.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Cause, Phase, Problem, Reported};
use store::{
    Advanced, ClaimError, ClaimedProblem, Due, Followed, Noticed, StoreError, Taken, tables,
};

use crate::world::{REMEDIATIONS, World, at, lease};

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn noticed_problem_is_stored_and_due() {
    let world = World::start().await;

    let noticed = world.notice("P-1", Reported::Open, 0).await;

    assert_eq!(noticed, Noticed::New);
    assert_eq!(world.due_problems(-1).await, NOTHING);
    assert_eq!(world.due_problems(0).await, ["P-1"]);
    assert_eq!(world.problem("P-1").await, problem("P-1"));
    assert_eq!(world.remediations.problem("P-2").await.unwrap(), None);
}

#[tokio::test]
async fn problem_that_cannot_be_read_is_looked_at_less_and_less_and_then_never() {
    for attribute in ["problem", "reported", "revision"] {
        let world = World::start().await;
        world.notice("P-1", Reported::Open, 0).await;
        let [mut item] = world.items(REMEDIATIONS).await.try_into().unwrap();
        item.insert(attribute.to_owned(), AttributeValue::S("{".to_owned()));
        world.put(REMEDIATIONS, item).await;

        let mut now = at(0);
        let mut looks = 0;
        loop {
            let claim = format!("look {looks}");
            let due = place("P-1", now);
            let outcome = world
                .remediations
                .queue()
                .claim(&due, &claim, now, lease(now));
            let unreadable = match outcome.await {
                Err(ClaimError::Stuck(unreadable)) => unreadable,
                Err(ClaimError::Taken) if looks == 50 => break,
                other => panic!("it cannot be read: {other:?}"),
            };
            looks += 1;
            assert_eq!(unreadable.looks, looks, "{attribute}");
            assert!(unreadable.place.contains("P-1"), "{unreadable}");
            now = unreadable.until.unwrap_or(at(1_000_000));
        }
        assert_eq!(world.due_problems(2_000_000).await, NOTHING);
    }
}

#[tokio::test]
async fn problem_that_makes_its_workers_panic_is_looked_at_less_and_less_and_then_never() {
    let world = World::start().await;
    world.notice("P-1", Reported::Open, 0).await;
    let (mut now, mut looks) = (at(0), 0);
    while let Ok(claimed) = {
        let claim = format!("look {looks}");
        world
            .remediations
            .queue()
            .claim(&place("P-1", now), &claim, now, lease(now))
            .await
    } {
        let held = claimed.held();
        drop(claimed);

        let stuck = world
            .remediations
            .queue()
            .panicked(&held, now)
            .await
            .unwrap();

        looks += 1;
        assert_eq!((stuck.looks, stuck.metric()), (looks, "Panicked"));
        now = stuck.until.unwrap_or(at(1_000_000));
    }

    assert_eq!(looks, 50);
    assert_eq!(world.due_problems(2_000_000).await, NOTHING);
    let [dead] = world.items(REMEDIATIONS).await.try_into().unwrap();
    assert!(dead.contains_key("deadSince"), "it can be found");
    assert_eq!(world.problem("P-1").await, problem("P-1"));

    world.notice("P-1", Reported::Resolved, 2_000_000).await;
    let again = world.claim_problem("P-1", 2_000_000, "again").await;
    let held = again.unwrap().held();
    let stuck = world
        .remediations
        .queue()
        .panicked(&held, at(2_000_000))
        .await
        .unwrap();
    assert_eq!(
        (stuck.looks, stuck.until),
        (51, None),
        "one look, then it rests"
    );
}

#[tokio::test]
async fn second_notice_wakes_a_problem_and_leaves_its_document() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    worker.problem.cause = Cause::NothingChanged;
    assert_eq!(
        world
            .remediations
            .advance(&world.ledger, &mut worker, &[])
            .await
            .unwrap(),
        Advanced::Written
    );
    let written = worker.problem.clone();
    world
        .remediations
        .queue()
        .defer(worker, at(500))
        .await
        .unwrap();

    let noticed = world.notice("P-1", Reported::Resolved, 10).await;

    assert_eq!(noticed, Noticed::Known(Box::new(written.clone())));
    let worker = world.claim_problem("P-1", 10, "second").await.unwrap();
    assert_eq!(worker.problem, written);
    assert_eq!(worker.reported, Reported::Resolved);
}

#[tokio::test]
async fn notice_that_is_worked_on_at_once_is_claimed_with_the_same_write() {
    for waits in [false, true] {
        let world = World::start().await;
        if waits {
            let worker = world.noticed_and_claimed("P-1").await;
            world
                .remediations
                .queue()
                .defer(worker, at(500))
                .await
                .unwrap();
        }

        let Taken::Claimed(worker) = world.take_notice("P-1", 10).await else {
            panic!("nobody has it, it waits: {waits}");
        };

        assert_eq!(worker.problem, problem("P-1"));
        assert_taken(&world.claim_problem("P-1", 10, "second").await);
        assert_eq!(world.due_problems(11).await, NOTHING, "the worker has it");
        let lease = lease(at(10)).as_millisecond() / 1_000;
        assert_eq!(world.due_problems(lease).await, ["P-1"], "it died");
        world.remediations.queue().settle(*worker).await.unwrap();
        assert_eq!(world.due_problems(10_000).await, NOTHING);
    }
}

#[tokio::test]
async fn notice_of_what_a_worker_has_or_has_settled_claims_nothing() {
    for settled in [false, true] {
        let world = World::start().await;
        let worker = world.noticed_and_claimed("P-1").await;
        let worker = if settled {
            world.remediations.queue().settle(worker).await.unwrap();
            None
        } else {
            Some(worker)
        };

        let taken = world.take_notice("P-1", 5).await;

        let Taken::Not(Noticed::Known(_)) = taken else {
            panic!("settled: {settled}: {taken:?}");
        };
        assert_eq!(world.due_problems(6).await, NOTHING);
        if let Some(worker) = worker {
            world
                .remediations
                .queue()
                .defer(worker, at(500))
                .await
                .unwrap();
            assert_eq!(world.due_problems(6).await, ["P-1"], "it was reported");
        }
    }
}

#[tokio::test]
async fn notice_during_a_claim_lets_nobody_in_and_is_not_lost() {
    for settles in [false, true] {
        let world = World::start().await;
        let worker = world.noticed_and_claimed("P-1").await;

        let noticed = world.notice("P-1", Reported::Resolved, 5).await;

        assert!(matches!(noticed, Noticed::Known(_)));
        assert_eq!(world.due_problems(6).await, NOTHING, "the worker has it");
        assert_taken(&world.claim_problem("P-1", 6, "second").await);
        if settles {
            world.remediations.queue().settle(worker).await.unwrap();
        } else {
            world
                .remediations
                .queue()
                .defer(worker, at(500))
                .await
                .unwrap();
        }
        assert_eq!(world.due_problems(6).await, ["P-1"], "settles: {settles}");
        let worker = world.claim_problem("P-1", 6, "second").await.unwrap();
        assert_eq!(worker.problem.phase, Phase::Active);
        assert_eq!(worker.reported, Reported::Resolved);
        world.remediations.queue().settle(worker).await.unwrap();
        assert_eq!(world.due_problems(10_000).await, NOTHING);
    }
}

#[tokio::test]
async fn notice_after_the_end_is_noted_and_wakes_nobody() {
    let world = World::start().await;
    let worker = world.noticed_and_claimed("P-1").await;
    world.remediations.queue().settle(worker).await.unwrap();

    let Noticed::Known(known) = world.notice("P-1", Reported::Open, 20).await else {
        panic!("it is known");
    };

    assert_eq!(known.phase, Phase::Settled);
    assert_eq!(world.due_problems(10_000).await, NOTHING);
    assert_taken(&world.claim_problem("P-1", 20, "second").await);
}

#[tokio::test]
async fn look_at_the_tenant_adopts_what_is_new_and_disturbs_nothing_known() {
    let world = World::start().await;
    let adopted = Problem {
        arrival: Arrival::Adopted,
        ..problem("P-1")
    };
    let look = async |second| {
        let now = at(second);
        let noticed = world
            .remediations
            .notice(&adopted, Reported::Open, now)
            .await;
        noticed.unwrap()
    };

    assert_eq!(look(0).await, Noticed::New);
    let worker = world.claim_problem("P-1", 0, "worker").await.unwrap();
    assert_eq!(look(1).await, Noticed::Known(Box::new(adopted.clone())));
    world
        .remediations
        .queue()
        .defer(worker, at(500))
        .await
        .unwrap();
    assert_eq!(world.due_problems(499).await, NOTHING);
    assert_eq!(look(2).await, Noticed::Known(Box::new(adopted.clone())));
    assert_eq!(world.due_problems(499).await, NOTHING);
}

#[tokio::test]
async fn one_of_two_workers_gets_a_problem() {
    let world = World::start().await;
    world.notice("P-1", Reported::Open, 0).await;

    let (first, second) = tokio::join!(
        world.claim_problem("P-1", 0, "first"),
        world.claim_problem("P-1", 0, "second")
    );

    assert!(first.is_ok() != second.is_ok());
}

#[tokio::test]
async fn crashed_workers_problem_is_due_at_the_lease_and_its_claim_is_lost() {
    let world = World::start().await;
    let mut crashed = world.noticed_and_claimed("P-1").await;
    crashed.problem.cause = Cause::GaveUp;

    assert_eq!(world.due_problems(59).await, NOTHING);
    let mut worker = world.claim_problem("P-1", 60, "second").await.unwrap();

    let late = world
        .remediations
        .advance(&world.ledger, &mut crashed, &[])
        .await;
    assert!(matches!(late, Err(StoreError::Lost)));
    assert_eq!(crashed.problem, problem("P-1"), "it is put back");
    let late = world.remediations.queue().defer(crashed, at(70)).await;
    assert!(matches!(late, Err(StoreError::Lost)));
    worker.problem.cause = Cause::NothingChanged;
    let written = world
        .remediations
        .advance(&world.ledger, &mut worker, &[])
        .await
        .unwrap();
    assert_eq!(written, Advanced::Written);
    assert_eq!(world.problem("P-1").await, worker.problem);
}

#[tokio::test]
async fn worker_that_does_not_know_of_its_own_write_does_not_write_over_it() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    // The same claim again: what a worker holds whose last write arrived
    // although its answer did not.
    let mut unaware = world.claim_problem("P-1", 0, "worker").await.unwrap();
    worker.problem.cause = Cause::NothingChanged;
    assert_eq!(
        world
            .remediations
            .advance(&world.ledger, &mut worker, &[])
            .await
            .unwrap(),
        Advanced::Written
    );

    unaware.problem.cause = Cause::GaveUp;
    let outcome = world
        .remediations
        .advance(&world.ledger, &mut unaware, &[])
        .await;

    assert!(matches!(outcome, Err(StoreError::Lost)));
    assert_eq!(world.problem("P-1").await.cause, Cause::NothingChanged);
}

#[tokio::test]
async fn claim_given_back_twice_is_given_back_once() {
    let world = World::start().await;
    let first = world.noticed_and_claimed("P-1").await;
    let repeated = world.claim_problem("P-1", 0, "worker").await.unwrap();
    world
        .remediations
        .queue()
        .defer(first, at(500))
        .await
        .unwrap();

    world
        .remediations
        .queue()
        .defer(repeated, at(500))
        .await
        .unwrap();

    assert_eq!(world.due_problems(499).await, NOTHING);
    assert_eq!(world.due_problems(500).await, ["P-1"]);
}

#[tokio::test]
async fn deferring_keeps_the_counts_and_nothing_else() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    worker.problem.faults = 3;
    worker.problem.waits = 2;
    worker.problem.cause = Cause::GaveUp;

    world
        .remediations
        .queue()
        .defer(worker, at(500))
        .await
        .unwrap();

    let expected = Problem {
        faults: 3,
        waits: 2,
        ..problem("P-1")
    };
    assert_eq!(world.problem("P-1").await, expected);
}

#[tokio::test]
async fn problem_is_forgotten_long_after_it_is_given_up() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let expiry = async |world: &World| {
        let items = world.items(REMEDIATIONS).await;
        let expiry = items[0]["expiresAt"].as_n().unwrap().parse::<i64>();
        expiry.unwrap()
    };
    let kept = 90 * 24 * 60 * 60;
    assert_eq!(
        expiry(&world).await,
        problem("P-1").give_up_at.as_second() + kept
    );

    worker.problem.give_up_at = at(40_000);
    assert_eq!(
        world
            .remediations
            .advance(&world.ledger, &mut worker, &[])
            .await
            .unwrap(),
        Advanced::Written
    );

    assert_eq!(expiry(&world).await, at(40_000).as_second() + kept);
}

#[tokio::test]
async fn due_problems_are_found_page_by_page() {
    let world = World::start().await;
    for number in 0..20 {
        world
            .notice(&format!("P#{number}%"), Reported::Open, number)
            .await;
    }

    let mut found = Vec::new();
    for shard in 0..tables::SHARDS {
        let mut after: Option<Due<Followed>> = None;
        loop {
            let page = world
                .remediations
                .queue()
                .due(shard, at(100), 2, after.as_ref());
            let page = page.await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            found.extend(page.into_iter().map(|due| due.id()));
        }
    }

    found.sort();
    let mut expected: Vec<_> = (0..20).map(|number| format!("P#{number}%")).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn idle_look_costs_the_same_after_many_settled_problems() {
    let world = World::start().await;
    let worker = world.noticed_and_claimed("P-0").await;
    world.remediations.queue().settle(worker).await.unwrap();
    let [settled] = &world.items(REMEDIATIONS).await[..] else {
        panic!("there is one problem");
    };
    // Past the store, for the sake of time.
    for batch in 0..400 {
        let copies = (0..25).map(|number| {
            let mut item = settled.clone();
            let key = AttributeValue::S(format!("problem#{batch}-{number}"));
            item.insert("pk".to_owned(), key);
            let put = PutRequest::builder().set_item(Some(item)).build();
            WriteRequest::builder().put_request(put.unwrap()).build()
        });
        let request = world.raw.batch_write_item();
        let request = request.request_items(REMEDIATIONS, copies.collect());
        request.send().await.unwrap();
    }
    let before = world.rows_read();

    assert_eq!(world.due_problems(1_000_000).await, NOTHING);

    assert_eq!(world.rows_read() - before, 0);
}

fn assert_taken(claimed: &Result<ClaimedProblem, ClaimError>) {
    assert!(matches!(claimed, Err(ClaimError::Taken)));
}

fn place(id: &str, at: Timestamp) -> Due<Followed> {
    Due::problem(id, at)
}

pub(crate) fn problem(id: &str) -> Problem {
    Problem {
        id: id.to_owned(),
        display_id: None,
        title: Some("Response time degradation".to_owned()),
        noticed: at(0),
        arrival: Arrival::Webhook,
        began: Some(at(-60)),
        closed: None,
        merged_into: None,
        impacted: vec!["SERVICE-1".to_owned()],
        root_cause: None,
        cause: Cause::Pending,
        applications: Vec::new(),
        remediations: Vec::new(),
        runs: Vec::new(),
        next_older: None,
        comments: Vec::new(),
        faults: 0,
        waits: 0,
        give_up_at: at(20_000),
        phase: Phase::Active,
    }
}

impl World {
    pub(crate) async fn notice(&self, id: &str, reported: Reported, second: i64) -> Noticed {
        let noticed = self
            .remediations
            .notice(&problem(id), reported, at(second))
            .await;
        noticed.unwrap()
    }

    pub(crate) async fn claim_problem(
        &self,
        id: &str,
        second: i64,
        worker: &str,
    ) -> Result<ClaimedProblem, ClaimError> {
        let now: Timestamp = at(second);
        let due = place(id, now);
        self.remediations
            .queue()
            .claim(&due, worker, now, lease(now))
            .await
    }

    pub(crate) async fn take_notice(&self, id: &str, second: i64) -> Taken {
        let now = at(second);
        let heard = problem(id);
        let taken = self
            .remediations
            .take_notice(&heard, "at once", now, lease(now));
        taken.await.unwrap()
    }

    pub(crate) async fn noticed_and_claimed(&self, id: &str) -> ClaimedProblem {
        self.notice(id, Reported::Open, 0).await;
        self.claim_problem(id, 0, "worker").await.unwrap()
    }

    pub(crate) async fn problem(&self, id: &str) -> Problem {
        let found = self.remediations.problem(id).await.unwrap();
        found.expect("it was noticed")
    }

    /// The ids of what is due in any shard.
    pub(crate) async fn due_problems(&self, second: i64) -> Vec<String> {
        let mut found = Vec::new();
        for shard in 0..tables::SHARDS {
            let now = at(0) + SignedDuration::from_secs(second);
            let due = self.remediations.queue().due(shard, now, 100, None).await;
            found.extend(due.unwrap().into_iter().map(|due| due.id()));
        }
        found
    }
}
