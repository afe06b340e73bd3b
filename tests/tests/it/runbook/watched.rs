//! A job is watched to its end, or ended.

use fake_controller::{End, Fault, JobTemplate, Status, Times};
use release::runbook::{Permission, State};
use serde_json::json;

use store::Heard;

use super::driver::{World, template};

#[tokio::test]
async fn each_of_the_four_ends_is_told_once() {
    for (end, word, says) in [
        (End::well(1), "verifying", "ended well"),
        (
            End::failed("set rate", "web-1", "404"),
            "failed",
            "Task set rate failed on web-1: 404.",
        ),
        (
            End::error("no capacity"),
            "failed",
            "The controller says: no capacity.",
        ),
        (
            End {
                status: Status::Canceled,
                ..End::well(0)
            },
            "failed",
            "it ended as canceled",
        ),
        (
            End::well(0),
            "failed",
            "it ended as successful, but on no host",
        ),
    ] {
        let mut world = World::start().await;
        world.pass().await;
        world.at(30);
        let job = world.job();
        world.fake.ends(job, end.clone()).unwrap();

        world.pass().await;
        world.pass().await;

        assert_eq!(world.state().word(), word, "{end:?}");
        assert_eq!(world.comments().len(), 2, "{:?}", world.comments());
        assert!(
            world.comments()[1].contains(says),
            "{says}: {:?}",
            world.comments()
        );
        assert_eq!(world.launches(), 1);
    }
}

#[tokio::test]
async fn proof_says_more_than_success() {
    for (rate, word) in [(json!(0), "verifying"), (json!(30), "failed")] {
        let mut world = World::with(template(), |runbook| {
            runbook["proof"] = json!({"artifact": "rate", "equals": 0});
        })
        .await;
        world.pass().await;
        let job = world.job();
        let end = End {
            artifacts: json!({ "rate": rate }),
            ..End::well(1)
        };
        world.fake.ends(job, end).unwrap();

        world.pass().await;

        assert_eq!(world.state().word(), word, "{rate}");
    }
}

#[tokio::test]
async fn details_that_come_late_are_waited_for_half_a_minute() {
    let mut world = World::start().await;
    world
        .fake
        .events_arrive_after(std::time::Duration::from_hours(1));
    world.pass().await;
    let job = world.job();
    world.fake.ends(job, End::well(1)).unwrap();
    world.at(29);
    assert_eq!(
        world.pass().await,
        "the controller to say where the job ran"
    );
    world.at(30);

    world.pass().await;

    assert_eq!(world.state().word(), "failed");
    assert!(world.comments()[1].contains("does not say on how many hosts"));
}

#[tokio::test]
async fn controller_that_says_nothing_for_ten_minutes_leads_to_no_second_launch() {
    let mut world = World::start().await;
    world.pass().await;
    world.fake.fail(Fault::Broken, Times::Always, "GET /jobs");
    for minute in 1..=10 {
        world.at(minute * 60);
        assert_eq!(
            world.pass().await,
            "the controller to say how far the job is"
        );
    }
    world.fake.clear_faults();
    let job = world.job();
    world.fake.ends(job, End::well(1)).unwrap();

    world.pass().await;

    assert_eq!(world.state().word(), "verifying");
    assert_eq!(world.launches(), 1);
}

#[tokio::test]
async fn job_that_waits_names_what_it_waits_for() {
    let mut world = World::start().await;
    world.pass().await;
    world.at(40);

    world.pass().await;
    world.pass().await;

    assert_eq!(world.comments().len(), 2, "{:?}", world.comments());
    assert!(world.comments()[1].contains("waits: This job is not ready to start"));
}

#[tokio::test]
async fn job_that_takes_too_long_is_ended() {
    let mut world = World::start().await;
    world.pass().await;
    let job = world.job();
    world.fake.runs(job).unwrap();
    world.at(900);
    assert_eq!(world.pass().await, "the job to end");
    assert_eq!(world.fake.jobs()[0].status, Status::Canceled);

    world.pass().await;

    assert_eq!(world.state().word(), "aborted");
    assert!(world.comments()[2].contains("was ended, because it took longer than it may"));
}

#[tokio::test]
async fn problem_that_ends_before_the_job_runs_ends_the_job() {
    let mut world = World::start().await;
    world.pass().await;
    world.at(10);
    world.closes();
    world.pass().await;

    world.pass().await;

    assert_eq!(world.state().word(), "aborted");
    assert_eq!(world.fake.jobs()[0].status, Status::Canceled);
}

#[tokio::test]
async fn job_that_runs_when_the_problem_ends_is_late() {
    let mut world = World::start().await;
    world.pass().await;
    let job = world.job();
    world.fake.runs(job).unwrap();
    world.at(10);
    world.closes();
    assert_eq!(world.pass().await, "the job to end");
    world.at(20);
    world.fake.ends(job, End::well(1)).unwrap();

    world.pass().await;

    assert_eq!(world.state().word(), "late");
    assert!(world.comments().last().unwrap().contains("was late"));
}

#[tokio::test]
async fn job_that_cannot_be_ended_calls_a_person() {
    let mut world = World::start().await;
    world.fake.ignore_cancel(true);
    world.pass().await;
    let job = world.job();
    world.fake.runs(job).unwrap();
    let no = Permission::Refused {
        who: "ann".to_owned(),
    };
    assert_eq!(world.says(no).await, Heard::Stored);
    for minute in 0..=10 {
        world.at(minute * 60);
        world.pass().await;
    }

    assert_eq!(world.state().word(), "stuck");
    assert!(10 <= world.fake.count("POST", "/cancel/"));
    assert!(!world.run().guards);
}

#[tokio::test]
async fn job_that_is_gone_is_said_to_be() {
    let mut world = World::start().await;
    world.pass().await;
    let job = world.job();
    world.fake.purge(job);

    world.pass().await;

    assert_eq!(world.state().word(), "gone");
    assert_eq!(world.launches(), 1);
}

#[tokio::test]
async fn template_that_changes_between_look_and_launch_is_found_out() {
    // It takes the limit when it is looked at and drops it when it is launched.
    let mut world = World::with(template(), |runbook| runbook["limit"] = json!("web-1")).await;
    world.pass_killed_after_the_launch().await;
    let id = world.template;
    world
        .fake
        .change(id, |template| template.prompts.limit = false);
    let job = world.job();
    world.fake.purge(job);
    let variables = json!({"unbreakable": {"run": world.run().id}, "promotion_rate": 0});
    let dropped = world.fake.launched_by("ub", id, &variables);
    world.at(15);

    world.pass().await;

    let State::Aborting { job, why, .. } = world.state() else {
        panic!("{:?}", world.state());
    };
    assert_eq!(job.id, dropped);
    assert!(
        why.to_string()
            .contains("the limit is `` instead of `web-1`"),
        "{why}"
    );
    assert_eq!(world.fake.jobs()[0].status, Status::Canceled);
}

#[tokio::test]
async fn check_comes_before_the_real_run_and_stops_it_where_it_fails() {
    let checked = |runbook: &mut serde_json::Value| runbook["check"] = json!("before");
    let mut world = World::with(template(), checked).await;
    world.pass().await;
    let check = world.job();
    assert_eq!(world.fake.jobs()[0].job_type, "check");
    world.fake.ends(check, End::well(1)).unwrap();
    world.pass().await;
    let jobs = world.fake.jobs();
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[1].job_type, "run");
    assert_eq!(jobs[1].extra_vars["unbreakable"]["mode"], json!("run"));

    let mut failing = World::with(template(), checked).await;
    failing.pass().await;
    let check = failing.job();
    failing
        .fake
        .ends(check, End::failed("set rate", "web-1", "404"))
        .unwrap();
    failing.pass().await;
    assert_eq!(failing.state().word(), "refused");
    assert_eq!(failing.launches(), 1);
    assert!(!failing.run().guards);
}

#[tokio::test]
async fn template_without_variables_is_recognised_by_being_the_only_one() {
    let silent = JobTemplate {
        prompts: fake_controller::Prompts::default(),
        ..JobTemplate::default()
    };
    let mut world = World::with(silent, |runbook| runbook["vars"] = json!({})).await;
    world.pass_killed_after_the_launch().await;
    world.at(15);

    world.pass().await;

    assert_eq!(world.state().word(), "launched");
    assert_eq!(world.launches(), 1);
}
