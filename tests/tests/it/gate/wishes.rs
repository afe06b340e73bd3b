//! A person continues what is held.

use std::time::Duration;

use fake_aws::Fault as AwsFault;
use fake_aws::pipeline::{ApprovalStatus, PipelineSpec, Stage};
use fake_dynatrace::{Fault, Times};
use jiff::{SignedDuration, Timestamp};
use release::approval::Answer;
use release::deployment::{LedgerEntry, Standing};
use release::outlook::Outlook;
use release::validation::life::{Next, Seen, next};
use release::validation::wish::{Unfulfilled, Wish};
use release::validation::{Ending, Intent, PersonsDecision, Phase, Validation, ValidationId};
use serde_json::json;
use store::{Fulfilled, StoreError};
use workflows::register_validation::{Request, register_validation};

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    held_verdict_that_is_released_is_approved_through_the_gate,
    held_window_whose_data_came_late_is_judged_again,
    released_validation_waits_for_the_others_of_its_approval,
    wish_takes_the_claim_of_a_worker_that_has_not_answered,
    wish_comes_too_late_once_an_answer_is_intended,
    verdict_of_numbers_is_neither_released_nor_judged_again,
    held_validation_that_gave_up_is_released_days_later,
    late_release_survives_a_fault,
    release_that_gave_up_is_repeated,
    late_wish_to_judge_again_survives_a_fault,
    whoever_releases_first_is_named,
    superseded_validation_is_not_released,
    only_what_is_unsettled_is_listed,
    given_up_validation_is_listed_while_its_approval_may_wait,
}

async fn held_verdict_that_is_released_is_approved_through_the_gate(mut world: World) {
    let (execution, id) = held(&mut world).await;

    let released = world.wishes(id, Wish::Release).await;
    assert!(matches!(released, Fulfilled::Now(_)), "{released:?}");
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    world.tick().await;

    let approval = world.approval(&execution);
    assert_eq!(approval.status, ApprovalStatus::Approved);
    let summary = approval.summary.unwrap();
    assert!(
        summary.starts_with("Released by ada: checked by hand. Inconclusive: "),
        "{summary}"
    );
    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(matches!(
        validation.ending(),
        Some(Ending::Answered {
            answer: Answer::Approve,
            ..
        })
    ));
    let known = judged_deployment(&world, &validation).await;
    assert_eq!(known.standing, Standing::Unknown);
    assert_eq!(known.taught_by, "released by ada: checked by hand");
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
}

async fn held_window_whose_data_came_late_is_judged_again(mut world: World) {
    let (execution, id) = held(&mut world).await;
    let window = world.validation(id).await.registration.window;
    let (from, to) = (window.start.as_millisecond(), window.end.as_millisecond());
    world.traffic_between(STAGING, from, to, 100.0, 0.0);

    let wished = world.wishes(id, Wish::Rejudge).await;
    assert!(matches!(wished, Fulfilled::Now(_)), "{wished:?}");
    let waiting = world.validation(id).await;
    assert_eq!(
        (waiting.phase(), waiting.judgement()),
        (Phase::Waiting, None),
        "nothing is known of it until it is judged"
    );
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let validation = world.validation(id).await;
    assert_eq!(validation.registration.window, window);
    assert_eq!(validation.rejudged.len(), 1);
    assert_eq!(validation.rejudged[0].who, "ada");
    let known = judged_deployment(&world, &validation).await;
    assert_eq!(known.standing, Standing::Good);
}

async fn released_validation_waits_for_the_others_of_its_approval(mut world: World) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", "SampleDevOpsApp", "Staging", 1)
        .lambda("Register", "register-validation", GATE, 2, Some("Monspec"))
        .lambda(
            "RegisterAgain",
            "register-validation",
            GATE,
            2,
            Some("Monspec"),
        );
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    let ticked = world.tick().await;
    let ids: Vec<ValidationId> = ticked
        .looks
        .iter()
        .map(|one| one.about.registration.id)
        .collect();
    let [first, second] = ids.as_slice() else {
        panic!("expected two: {ids:?}");
    };

    world.wishes(*first, Wish::Release).await;
    world.tick().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    world.wishes(*second, Wish::Release).await;
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
}

/// The worker read the validation as held, and dies or goes on: either way it
/// may no longer write, and without a write it calls nothing.
async fn wish_takes_the_claim_of_a_worker_that_has_not_answered(mut world: World) {
    let (execution, id) = held(&mut world).await;
    let mut claimed = claimed(&mut world).await;

    world.wishes(id, Wish::Release).await;

    let intent = Intent {
        action_execution: "action".to_owned(),
        answer: Answer::Reject,
        at: world.now,
    };
    let lost = world.intend(&mut claimed, intent).await;
    assert!(matches!(lost, Err(StoreError::Lost)), "{lost:?}");
    let lost = world.validations.queue().settle(claimed).await;
    assert!(matches!(lost, Err(StoreError::Lost)), "{lost:?}");
    world.tick().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn wish_comes_too_late_once_an_answer_is_intended(mut world: World) {
    let (_, id) = held(&mut world).await;
    let mut claimed = claimed(&mut world).await;
    let intent = Intent {
        action_execution: "action".to_owned(),
        answer: Answer::Approve,
        at: world.now,
    };
    world.intend(&mut claimed, intent).await.unwrap();

    for wish in [Wish::Release, Wish::Rejudge] {
        assert_eq!(refused(&world, id, wish).await, Unfulfilled::Answering);
    }
}

async fn verdict_of_numbers_is_neither_released_nor_judged_again(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 900.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    for wish in [Wish::Release, Wish::Rejudge] {
        let waiting = world
            .validations
            .unsettled(None, 10, world.now)
            .await
            .unwrap();
        let id = waiting.validations[0].validation.registration.id;
        assert_eq!(refused(&world, id, wish).await, Unfulfilled::NotJudged);
    }
    let id = only(&world.pass_window().await);
    let rejected = world.validation(id).await;
    assert_eq!(Outlook::of(&rejected), Outlook::Rejected);

    for wish in [Wish::Release, Wish::Rejudge] {
        assert_eq!(refused(&world, id, wish).await, Unfulfilled::Over);
    }

    world.tick().await;
    assert_eq!(world.validation(id).await, rejected);
    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
}

async fn held_validation_that_gave_up_is_released_days_later(mut world: World) {
    let (execution, id) = given_up(&mut world).await;

    world.wishes(id, Wish::Release).await;
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.validation(id).await.phase(), Phase::Settled);
}

async fn late_release_survives_a_fault(mut world: World) {
    let (execution, id) = given_up(&mut world).await;
    world.wishes(id, Wish::Release).await;

    for operation in ["ListActionExecutions", "PutApprovalResult"] {
        world.aws.fail(operation, AwsFault::Deny, 1);
        world.tick().await;
        assert_eq!(world.validation(id).await.phase(), Phase::Judged);
        world.advance(SignedDuration::from_mins(6));
    }
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.validation(id).await.phase(), Phase::Settled);
}

/// Nothing could be answered for as long as a validation waits.
async fn release_that_gave_up_is_repeated(mut world: World) {
    let (execution, id) = given_up(&mut world).await;
    world.wishes(id, Wish::Release).await;
    world.aws.fail("PutApprovalResult", AwsFault::Deny, 2);
    world.tick().await;
    world.advance(SignedDuration::from_hours(60));
    world.tick().await;
    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(matches!(validation.ending(), Some(Ending::GaveUp { .. })));

    let again = world.wishes(id, Wish::Release).await;
    assert!(matches!(again, Fulfilled::Now(_)), "{again:?}");
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let again = world.wishes(id, Wish::Release).await;
    let Fulfilled::Already(validation) = again else {
        panic!("{again:?}");
    };
    assert_eq!(validation.phase(), Phase::Settled);
}

async fn late_wish_to_judge_again_survives_a_fault(mut world: World) {
    let (execution, id) = given_up(&mut world).await;
    let window = world.validation(id).await.registration.window;
    let (from, to) = (window.start.as_millisecond(), window.end.as_millisecond());
    world.traffic_between(STAGING, from, to, 100.0, 0.0);
    world.wishes(id, Wish::Rejudge).await;

    world
        .tenant
        .fail(Fault::CloseConnection, Times::Always, "/api");
    world.tick_within(Duration::from_secs(2)).await.unwrap();
    assert_eq!(world.validation(id).await.phase(), Phase::Waiting);
    world.tenant.clear_faults();
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn whoever_releases_first_is_named(mut world: World) {
    let (_, id) = held(&mut world).await;
    world.wishes(id, Wish::Release).await;

    let decision = PersonsDecision {
        who: "grace".to_owned(),
        ..decision(&world)
    };
    let again = world
        .validations
        .wish(&world.ledger, id, Wish::Release, &decision)
        .await
        .unwrap();

    let Fulfilled::Already(validation) = again else {
        panic!("{again:?}");
    };
    assert_eq!(validation.released().unwrap().who, "ada");
    assert_eq!(
        refused(&world, id, Wish::Rejudge).await,
        Unfulfilled::Released
    );
}

/// The registering action ran once more: its newer validation has its slot.
async fn superseded_validation_is_not_released(mut world: World) {
    let staging = Stage::new("Staging").deploy("Deploy", "SampleDevOpsApp", "Staging", 1);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.start_execution("1", &monspec());
    let event = json!({
        "pipeline": PIPELINE, "comparison": "StagingToProduction", "monspec": monspec(),
        "executionId": execution, "approvalAction": "ApproveStaging", "minutes": 5
    })
    .to_string();
    register(&world, &event).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    let id = only(&world.tick().await);
    world.advance(SignedDuration::from_hours(25));
    world.tick().await;
    let given_up = world.validation(id).await;
    assert_eq!(Outlook::of(&given_up), Outlook::GivenUp);
    register(&world, &event).await;

    let listed = world.validations.unsettled(None, 10, Timestamp::MIN).await;
    let listed = listed.unwrap().validations;
    assert_eq!(listed.len(), 1, "its successor's approval is not its own");
    assert_ne!(listed[0].validation.registration.id, id);

    assert_eq!(refused(&world, id, Wish::Release).await, Unfulfilled::Over);
    assert_eq!(world.validation(id).await, given_up);
}

async fn register(world: &World, event: &str) {
    let services = world.registering();
    register_validation(&services, Request::Direct(event), world.now)
        .await
        .unwrap();
}

async fn only_what_is_unsettled_is_listed(mut world: World) {
    let (_, id) = held(&mut world).await;

    let listed = world
        .validations
        .unsettled(Some(PIPELINE), 10, world.now)
        .await
        .unwrap();
    let [pending] = listed.validations.as_slice() else {
        panic!("expected one: {listed:?}");
    };
    assert_eq!(pending.validation.registration.id, id);
    assert_eq!(Outlook::of(&pending.validation), Outlook::Held);
    let others = world
        .validations
        .unsettled(Some("Other"), 10, world.now)
        .await
        .unwrap();
    assert!(others.validations.is_empty());

    world.wishes(id, Wish::Release).await;
    world.tick().await;
    let listed = world
        .validations
        .unsettled(None, 10, world.now)
        .await
        .unwrap();
    assert!(listed.validations.is_empty(), "{listed:?}");
}

async fn given_up_validation_is_listed_while_its_approval_may_wait(mut world: World) {
    let (_, id) = given_up(&mut world).await;

    let since = world.validation(id).await.waits_until();
    let listed = world.validations.unsettled(None, 10, since).await.unwrap();
    let [pending] = listed.validations.as_slice() else {
        panic!("expected one: {listed:?}");
    };
    assert_eq!(pending.validation.registration.id, id);
    assert_eq!(pending.next_look, None);
    let later = since.saturating_add(SignedDuration::from_secs(1)).unwrap();
    let listed = world.validations.unsettled(None, 10, later).await.unwrap();
    assert!(listed.validations.is_empty(), "{listed:?}");

    world.advance(SignedDuration::from_hours(1));
    let ticked = world.tick().await;
    assert!(ticked.looks.is_empty(), "nobody works on it: {ticked:?}");
}

/// A build without any traffic: its verdict is held.
async fn held(world: &mut World) -> (String, ValidationId) {
    world.gate(GATE);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    let id = only(&world.tick().await);
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    (execution, id)
}

/// The same, and nobody decided in time.
async fn given_up(world: &mut World) -> (String, ValidationId) {
    let (execution, id) = held(world).await;
    world.advance(SignedDuration::from_hours(60));
    world.tick().await;
    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(Outlook::of(&validation), Outlook::GivenUp);
    (execution, id)
}

/// A worker takes the only validation that is due.
async fn claimed(world: &mut World) -> store::Claimed<Validation> {
    world.advance(SignedDuration::from_mins(6));
    let lease = world.now.saturating_add(SignedDuration::from_mins(1));
    for shard in 0..store::tables::SHARDS {
        let due = world
            .validations
            .queue()
            .due(shard, world.now, 1, None)
            .await
            .unwrap();
        if let [due] = due.as_slice() {
            let claim = world
                .validations
                .queue()
                .claim(due, "worker", world.now, lease.unwrap());
            return claim.await.unwrap();
        }
    }
    panic!("nothing is due");
}

async fn refused(world: &World, id: ValidationId, wish: Wish) -> Unfulfilled {
    match world.wishes(id, wish).await {
        Fulfilled::Not(_, why) => why,
        other => panic!("{other:?}"),
    }
}

async fn judged_deployment(world: &World, validation: &Validation) -> LedgerEntry {
    let deployment = &validation.registration.deployments[0];
    let entry = world.ledger.entry(&deployment.group, &deployment.id).await;
    entry.unwrap().unwrap()
}

fn decision(world: &World) -> PersonsDecision {
    PersonsDecision {
        who: "ada".to_owned(),
        why: "checked by hand".to_owned(),
        at: world.now,
    }
}

impl World {
    /// A worker stores what it is about to answer.
    async fn intend(
        &self,
        claimed: &mut store::Claimed<Validation>,
        intent: Intent,
    ) -> Result<(), StoreError> {
        let held = claimed.held();
        let Next::Answer(mut answering) = next(claimed, &Seen::default()) else {
            panic!("it is judged");
        };
        self.validations.intend(&held, &mut answering, intent).await
    }

    async fn wishes(&self, id: ValidationId, wish: Wish) -> Fulfilled {
        self.validations
            .wish(&self.ledger, id, wish, &decision(self))
            .await
            .unwrap()
    }
}
