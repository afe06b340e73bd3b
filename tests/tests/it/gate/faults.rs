//! What breaks, dies, overlaps or piles up.

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use fake_aws::Fault as AwsFault;
use fake_aws::pipeline::{ApprovalStatus, Mode};
use fake_dynatrace::{Fault, GoneAs, Times};
use futures_util::FutureExt as _;
use jiff::SignedDuration;
use monspec::Verdict;
use release::validation::{Ending, Phase};
use serde_json::json;
use tokio::time::Instant;
use workflows::Tick;
use workflows::register_validation::{Outcome, Request, register_validation};
use workflows::validate_builds::{Observed, Services, validate_builds};
use workflows::work::{self, Progress};

use crate::gate::stories;
use crate::world::{GATE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    tenant_that_is_down_for_three_ticks_delays_the_verdict,
    tenant_that_never_comes_back_ends_in_a_visible_state,
    tenant_that_hangs_is_a_fault_and_ends_in_a_visible_state,
    refused_token_is_a_gap_and_a_new_token_is_tried,
    two_ticks_at_once_judge_and_answer_once,
    tick_that_dies_anywhere_is_finished_by_the_next,
    answer_that_was_lost_on_its_way_back_is_given_once,
    throttled_pipeline_delays_only_the_answer,
    broken_neighbour_does_not_hold_up_the_others,
    writes_that_meet_the_transactions_of_others_are_repeated,
    idle_tick_needs_no_secret,
    age_of_what_is_due_is_told_at_every_tick,
}

#[tokio::test]
async fn tenant_without_its_old_api_says_what_to_set() {
    let mut world = World::start(dynatrace::Api::V1).await;
    world.gate(GATE);
    good_traffic(&world);
    world
        .tenant
        .fail(Fault::Gone(GoneAs::NotFound), Times::Always, "/api/v1");
    let execution = world.release("1", &monspec()).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    let reason = &evidence.findings[0].finding.reason;
    assert!(reason.contains("set DT_API=v2"), "{reason}");
}

#[tokio::test]
async fn thousand_due_validations_are_all_judged() {
    let mut world = World::start(dynatrace::Api::V2).await;
    good_traffic(&world);
    let services = world.registering();
    let event =
        json!({"pipeline": "Nightly", "comparison": "StagingToProduction", "monspec": monspec()})
            .to_string();
    for _ in 0..1_000 {
        let outcome = register_validation(&services, Request::Direct(&event), world.now)
            .await
            .unwrap();
        assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
    }
    world.advance(SignedDuration::from_mins(8));

    // A tick whose time is over before an answer arrives leaves everything
    // behind, partly claimed.
    let short = world.tick_within(Duration::ZERO).await.unwrap();
    assert!(short.work_left);
    assert!(short.looks.is_empty(), "{short:?}");
    world.advance(SignedDuration::from_mins(2));
    let rest = world.tick_within(Duration::from_mins(10)).await.unwrap();

    assert!(!rest.work_left);
    let settled = rest.looks.iter().filter(|look| {
        let judged = look.about.judged.as_ref();
        judged.is_some_and(|judged| judged.verdict == Verdict::Passed)
    });
    assert_eq!(settled.count(), 1_000);
    assert_eq!(
        world.tenant.count("/api/v2/metrics/query"),
        2,
        "identical questions are asked once a tick"
    );
}

async fn tenant_that_is_down_for_three_ticks_delays_the_verdict(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    world
        .tenant
        .fail(Fault::CloseConnection, Times::Always, "/api");
    world.advance(SignedDuration::from_mins(8));
    for _ in 0..3 {
        let ticked = world.tick_within(Duration::from_secs(2)).await.unwrap();
        assert!(
            matches!(ticked.looks.as_slice(), [look] if matches!(look.progress, Progress::Faulted { .. })),
            "{ticked:?}"
        );
        assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
        world.advance(SignedDuration::from_mins(2));
    }

    world.tenant.clear_faults();
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn tenant_that_never_comes_back_ends_in_a_visible_state(mut world: World) {
    world.gate(GATE);
    let execution = world.release("1", &monspec()).await;
    world
        .tenant
        .fail(Fault::CloseConnection, Times::Always, "/api");
    world.advance(SignedDuration::from_hours(25));

    let ticked = world.tick_within(Duration::from_secs(2)).await.unwrap();

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(matches!(validation.ending(), Some(Ending::GaveUp { .. })));
    assert_eq!(
        validation.judgement().unwrap().verdict,
        Verdict::Inconclusive
    );
    let reason = world.evidence(only(&ticked)).await.reason.unwrap();
    assert!(reason.contains("could not be measured in time"), "{reason}");
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
}

async fn tenant_that_hangs_is_a_fault_and_ends_in_a_visible_state(mut world: World) {
    world.gate(GATE);
    world.release("1", &monspec()).await;
    world.tenant.fail(Fault::Hang, Times::Always, "/api");
    world.advance(SignedDuration::from_mins(8));
    let ticked = world.tick_within(Duration::from_secs(2)).await.unwrap();
    let [look] = ticked.looks.as_slice() else {
        panic!("the fault is written down: {ticked:?}");
    };
    assert!(
        matches!(look.progress, Progress::Faulted { .. }),
        "{look:?}"
    );

    world.advance(SignedDuration::from_hours(25));
    let ticked = world.tick_within(Duration::from_secs(2)).await.unwrap();

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(
        validation.judgement().unwrap().verdict,
        Verdict::Inconclusive
    );
}

async fn refused_token_is_a_gap_and_a_new_token_is_tried(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let right = world.tenant.token().to_owned();
    world.use_token("dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM");
    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    assert!(
        ticked.token_refused,
        "the function fetches its secrets again"
    );
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    world.use_token(&right);
    world.advance(SignedDuration::from_mins(1));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn two_ticks_at_once_judge_and_answer_once(mut world: World) {
    world.gate_in(
        Mode::Parallel,
        "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(8));

    let ticks = futures_util::future::join_all((0..4).map(|_| world.tick())).await;

    let judged = ticks
        .iter()
        .flat_map(|ticked| &ticked.looks)
        .filter(|look| look.about.judged.is_some());
    assert_eq!(judged.count(), 1);
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

/// Polls a tick so many times and drops it, as if the process had been killed;
/// the lease passes and later ticks finish what was begun.
async fn tick_that_dies_anywhere_is_finished_by_the_next(mut world: World) {
    world.gate_in(
        Mode::Parallel,
        "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
    );
    let mut killed = 0;
    for polls in (1..400).step_by(5) {
        good_traffic(&world);
        let execution = world.release(&polls.to_string(), &monspec()).await;
        world.advance(SignedDuration::from_mins(8));

        let finished = {
            let mut tick = Box::pin(world.tick());
            let mut polled = 0;
            std::future::poll_fn(|context| {
                polled += 1;
                match tick.poll_unpin(context) {
                    std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
                    std::task::Poll::Pending if polls <= polled => std::task::Poll::Ready(false),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            })
            .await
        };
        killed += usize::from(!finished);
        world.advance(SignedDuration::from_mins(2));
        world.tick().await;

        assert_eq!(
            world.answered(&execution),
            ApprovalStatus::Approved,
            "killed after {polls} polls"
        );
        world.advance(SignedDuration::from_mins(10));
        assert!(
            world.tick().await.looks.is_empty(),
            "settled after {polls} polls"
        );
        if finished {
            break;
        }
    }
    assert!(3 < killed, "only {killed} ticks were killed");
}

async fn answer_that_was_lost_on_its_way_back_is_given_once(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    world
        .aws
        .fail("PutApprovalResult", AwsFault::TimeoutAfterActing, 10);
    let ticked = world.pass_window().await;
    let id = only(&ticked);

    world
        .aws
        .fail("PutApprovalResult", AwsFault::TimeoutAfterActing, 0);
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(
        matches!(validation.ending(), Some(Ending::Answered { .. })),
        "our own answer is recognised: {:?}",
        validation.ending()
    );
}

async fn throttled_pipeline_delays_only_the_answer(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    world.aws.fail("PutApprovalResult", AwsFault::Throttle, 10);
    let ticked = world.pass_window().await;
    assert_eq!(world.validation(only(&ticked)).await.phase(), Phase::Judged);
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    let asked = world.tenant.calls().len();
    for _ in 0..4 {
        world.advance(SignedDuration::from_mins(6));
        world.tick().await;
    }

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(
        world.tenant.calls().len(),
        asked,
        "what is judged is not judged again"
    );
}

async fn broken_neighbour_does_not_hold_up_the_others(mut world: World) {
    let services = world.registering();
    let orphan =
        json!({"pipeline": "Gone", "comparison": "StagingToProduction", "monspec": monspec()})
            .to_string();
    register_validation(&services, Request::Direct(&orphan), world.now)
        .await
        .unwrap();
    world.gate(GATE);
    good_traffic(&world);
    // The neighbour's execution vanishes together with its pipeline.
    let execution = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(6));
    world.gate(GATE);
    let healthy = world.release("2", &monspec()).await;

    world.pass_window().await;

    assert_eq!(world.answered(&healthy), ApprovalStatus::Approved);
    assert!(
        world
            .aws
            .pipelines()
            .execution("Sample", &execution)
            .is_err()
    );
}

async fn writes_that_meet_the_transactions_of_others_are_repeated(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let contended = world.contend().await;

    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(validation.counts.faults, 0);
    assert!(20 < contended.met(), "{} meetings", contended.met());
}

async fn idle_tick_needs_no_secret(world: World) {
    let connect = async || anyhow::bail!("an idle tick connects to nothing");

    let services = Services {
        codedeploy: LazyLock::new(Box::new(|| panic!("an idle tick makes no client"))),
        ..world.judging()
    };

    let ticked = validate_builds(&services, connect, tick(&world), &|_| ())
        .await
        .unwrap();

    assert!(ticked.looks.is_empty());
    assert!(world.tenant.calls().is_empty());
}

/// A schedule that works tells nothing old. What grows old says that nobody can
/// take it, here because no secret can be had.
async fn age_of_what_is_due_is_told_at_every_tick(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    world.release("1", &monspec()).await;
    assert_eq!(age_told(&world, true).await, [SignedDuration::ZERO]);

    // Five minutes of window and two until its numbers are there.
    world.advance(SignedDuration::from_mins(7));
    for minutes in 0..3 {
        let age = age_told(&world, false).await;
        assert_eq!(age, [SignedDuration::from_mins(minutes)]);
        world.advance(SignedDuration::from_mins(1));
    }

    assert_eq!(age_told(&world, true).await, [SignedDuration::from_mins(3)]);
    assert_eq!(age_told(&world, true).await, [SignedDuration::ZERO]);
}

/// What one tick tells of the age of what is due.
async fn age_told(world: &World, has_secrets: bool) -> Vec<SignedDuration> {
    let told = Mutex::new(Vec::new());
    let observe = |observed: Observed<'_>| {
        if let Observed::Work(work::Observed::Looked(overdue)) = observed {
            told.lock().unwrap().push(overdue);
        }
    };
    let connect = async || {
        anyhow::ensure!(has_secrets, "no secret can be had");
        Ok(world.connected())
    };
    let ticked = validate_builds(&world.judging(), connect, tick(world), &observe).await;
    assert_eq!(ticked.is_ok(), has_secrets, "{ticked:?}");
    told.into_inner().unwrap()
}

fn tick(world: &World) -> Tick {
    Tick {
        now: world.now,
        began: Instant::now(),
        deadline: Instant::now() + Duration::from_secs(5),
        lease_until: world.now,
    }
}

fn good_traffic(world: &World) {
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
}
