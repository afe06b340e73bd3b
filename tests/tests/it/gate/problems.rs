//! Problems on the judged environment, a finding of their own.

use fake_aws::pipeline::ApprovalStatus;
use fake_dynatrace::{Fault, Times};
use jiff::SignedDuration;
use monspec::{Outcome, Verdict};
use release::evidence::Evidence;

use crate::gate::stories;
use crate::world::{GATE, PRODUCTION, STAGING, World, monspec, monspec_with, only};

stories! {
    open_problem_is_told_and_changes_nothing,
    open_problem_counts_where_the_spec_says_so,
    problem_elsewhere_or_at_another_time_is_nobodys,
    problem_that_ended_within_the_window_is_told,
    nobody_asks_for_problems_that_are_ignored,
    tenant_that_tells_no_problems_holds_up_what_does_not_count,
    problems_that_count_and_are_not_told_are_a_gap,
}

async fn open_problem_is_told_and_changes_nothing(mut world: World) {
    let execution = released(&world, "tell").await;
    let problem = problem_on(&world, STAGING);

    let evidence = judged(&mut world).await;

    assert_eq!(evidence.verdict, Verdict::Passed);
    let [problems] = evidence.context.problems.as_slice() else {
        panic!("{:?}", evidence.context);
    };
    assert_eq!(problems.outcome, Outcome::Violated);
    assert_eq!(problems.environment, "Staging");
    assert_eq!(problems.open[0].id, problem.id());
    assert!(problems.open[0].name.contains(&problem.display_id()));
    assert!(
        problems.open[0]
            .address
            .as_ref()
            .is_some_and(|page| page.ends_with(&format!("pid={}", problem.id())))
    );
    let approval = world.approval(&execution);
    assert_eq!(approval.status, ApprovalStatus::Approved);
    let summary = approval.summary.unwrap();
    assert!(
        summary.contains("Not counted: a problem was open in Staging: "),
        "{summary}"
    );
}

async fn open_problem_counts_where_the_spec_says_so(mut world: World) {
    let execution = released(&world, "count").await;
    problem_on(&world, STAGING);

    let evidence = judged(&mut world).await;

    assert_eq!(evidence.verdict, Verdict::Failed);
    let approval = world.approval(&execution);
    assert_eq!(approval.status, ApprovalStatus::Rejected);
    let summary = approval.summary.unwrap();
    assert!(
        summary.starts_with("Failed: no signature is violated, but an open problem counts."),
        "{summary}"
    );
}

async fn problem_elsewhere_or_at_another_time_is_nobodys(mut world: World) {
    let before = problem_on(&world, STAGING);
    world.advance(SignedDuration::from_mins(2));
    before.resolve(world.now.as_millisecond());
    world.advance(SignedDuration::from_mins(2));
    let execution = released(&world, "count").await;
    problem_on(&world, PRODUCTION);
    world.advance(SignedDuration::from_mins(7));
    problem_on(&world, STAGING);

    let evidence = only_judged(&mut world).await;

    assert_eq!(evidence.context.problems[0].outcome, Outcome::Held);
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn problem_that_ended_within_the_window_is_told(mut world: World) {
    released(&world, "tell").await;
    let problem = problem_on(&world, STAGING);
    world.advance(SignedDuration::from_mins(3));
    problem.resolve(world.now.as_millisecond());
    world.advance(SignedDuration::from_mins(5));

    let evidence = only_judged(&mut world).await;

    let [problems] = evidence.context.problems.as_slice() else {
        panic!("{:?}", evidence.context);
    };
    assert_eq!(problems.count, 1);
    assert!(problems.open[0].until.is_some());
}

async fn nobody_asks_for_problems_that_are_ignored(mut world: World) {
    released(&world, "ignore").await;
    problem_on(&world, STAGING);

    let evidence = judged(&mut world).await;

    assert_eq!(evidence.verdict, Verdict::Passed);
    assert_eq!(evidence.context.problems, []);
    assert_eq!(world.tenant.count("/api/v2/problems"), 0);
    assert_eq!(world.tenant.count("/api/v1/problem"), 0);
}

async fn tenant_that_tells_no_problems_holds_up_what_does_not_count(mut world: World) {
    let execution = released(&world, "tell").await;
    for path in ["/api/v2/problems", "/api/v1/problem"] {
        world.tenant.fail(Fault::Unauthorised, Times::Always, path);
    }

    let evidence = judged(&mut world).await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let problems = &evidence.context.problems[0];
    assert_eq!(problems.outcome, Outcome::Inconclusive);
    assert!(
        problems
            .reason
            .starts_with("it is unknown whether a problem was open in Staging: "),
        "{}",
        problems.reason
    );
}

async fn problems_that_count_and_are_not_told_are_a_gap(mut world: World) {
    let execution = released(&world, "count").await;
    for path in ["/api/v2/problems", "/api/v1/problem"] {
        world.tenant.fail(Fault::Unauthorised, Times::Always, path);
    }

    let evidence = judged(&mut world).await;

    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
}

async fn released(world: &World, policy: &str) -> String {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let spec = match policy {
        // What an author leaves out.
        "tell" => monspec(),
        policy => monspec_with("openProblems", policy),
    };
    world.release("1", &spec).await
}

fn problem_on(world: &World, entity: &str) -> fake_dynatrace::Problem {
    let problem = world.tenant.problem("Failure rate increase");
    problem.impacts(entity).open()
}

async fn judged(world: &mut World) -> Evidence {
    world.advance(SignedDuration::from_mins(8));
    only_judged(world).await
}

async fn only_judged(world: &mut World) -> Evidence {
    let id = only(&world.tick().await);
    world.evidence(id).await
}
