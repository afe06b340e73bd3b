//! How a job goes on and ends, and what it leaves behind.

use std::time::Duration;

use controller::{Cancel, Counts, FailedTask, JobRef, Status};
use fake_controller::{End, JobTemplate, Status as Move};
use serde_json::json;

use crate::world::{NOW, World, order, soon};

async fn launched(world: &World) -> JobRef {
    world.launched(&order("r-1")).await.job.at
}

async fn seen(world: &World, at: JobRef) -> controller::Job {
    world
        .client
        .job(at, soon())
        .await
        .expect("it is read")
        .expect("it is there")
}

#[tokio::test]
async fn job_is_followed_through_every_status() {
    let world = World::with(JobTemplate::default()).await;
    let at = launched(&world).await;

    assert_eq!(seen(&world, at).await.status, Status::Pending);
    for (to, status) in [
        (Move::Waiting, Status::Waiting),
        (Move::Running, Status::Running),
    ] {
        world.fake.moves(at.id, to).unwrap();
        assert_eq!(seen(&world, at).await.status, status);
    }
    world.fake.set_now(NOW + 65_000);
    world
        .fake
        .ends(
            at.id,
            End {
                artifacts: json!({"rate": 0}),
                ..End::well(2)
            },
        )
        .unwrap();
    let ended = seen(&world, at).await;

    assert_eq!(ended.status, Status::Successful);
    assert_eq!(ended.elapsed, Some(65.0));
    assert_eq!(ended.finished.unwrap().as_millisecond(), NOW + 65_000);
    let counts = Counts {
        ok: 2,
        changed: 2,
        ..Counts::default()
    };
    assert_eq!(ended.counts, Some(counts));
    assert_eq!(ended.artifacts["rate"], 0);
    assert!(ended.events_stored && ended.status.is_ended());
}

#[tokio::test]
async fn each_of_the_four_ends_is_one() {
    for (end, status) in [
        (End::well(1), Status::Successful),
        (End::failed("stop", "web-1", "no"), Status::Failed),
        (End::error("no inventory"), Status::Error),
        (
            End {
                status: Move::Canceled,
                ..End::well(0)
            },
            Status::Canceled,
        ),
    ] {
        let world = World::with(JobTemplate::default()).await;
        let at = launched(&world).await;
        world.fake.ends(at.id, end.clone()).unwrap();

        let ended = seen(&world, at).await;

        assert_eq!(ended.status, status);
        assert!(ended.status.is_ended());
        assert_eq!(ended.explanation, end.explanation);
    }
}

#[tokio::test]
async fn failed_task_and_the_end_of_the_output_are_read() {
    let world = World::with(JobTemplate::default()).await;
    let at = launched(&world).await;
    let lines = (1..=100).fold(String::new(), |lines, line| format!("{lines}line {line}\n"));
    let output = format!(
        "{lines}\u{1b}[0;31mfatal: [web-1]\u{1b}[0m SECRET{:024}\n",
        0
    );
    let message = "Status code was 404";
    world
        .fake
        .ends(
            at.id,
            End {
                output,
                ..End::failed("stop campaign", "web-1", message)
            },
        )
        .unwrap();

    let tasks = world.client.failed_tasks(at, soon()).await.unwrap();
    let tail = world.client.tail(at, 2, soon()).await.unwrap().unwrap();

    let task = FailedTask {
        task: "stop campaign".to_owned(),
        host: "web-1".to_owned(),
        message: message.to_owned(),
        unreachable: false,
    };
    assert_eq!(tasks, [task]);
    assert_eq!(tail.text, "line 100\nfatal: [web-1] [redacted]\n");
}

#[tokio::test]
async fn apology_for_a_large_output_is_not_taken_for_it() {
    let world = World::with(JobTemplate::default()).await;
    let at = launched(&world).await;
    let output = format!("{}last\n", "a long line that says nothing\n".repeat(40_000));
    world
        .fake
        .ends(
            at.id,
            End {
                output,
                ..End::well(1)
            },
        )
        .unwrap();

    let tail = world.client.tail(at, 2, soon()).await.unwrap().unwrap();

    assert_eq!(tail.text, "a long line that says nothing\nlast");
}

#[tokio::test]
async fn details_come_later_than_the_end() {
    let world = World::with(JobTemplate::default()).await;
    world.fake.events_arrive_after(Duration::from_secs(20));
    let at = launched(&world).await;
    world
        .fake
        .ends(at.id, End::failed("stop", "web-1", "no"))
        .unwrap();

    let early = seen(&world, at).await;
    assert_eq!((early.counts, early.events_stored), (None, false));
    assert!(
        world
            .client
            .failed_tasks(at, soon())
            .await
            .unwrap()
            .is_empty()
    );

    world.fake.set_now(NOW + 20_000);
    let late = seen(&world, at).await;
    assert_eq!(late.counts.unwrap().failures, 1);
    assert_eq!(
        world.client.failed_tasks(at, soon()).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn pending_job_names_its_blocker() {
    let world = World::with(JobTemplate::default()).await;
    let first = launched(&world).await;
    let second = world.launched(&order("r-2")).await.job.at;
    world.fake.set_now(NOW + 31_000);

    let explanation = seen(&world, second).await.explanation;

    assert_eq!(
        explanation,
        format!("waiting for job-{} to finish", first.id)
    );
}

#[tokio::test]
async fn wish_to_end_a_job_is_answered_in_three_ways() {
    let world = World::with(JobTemplate::default()).await;
    let at = launched(&world).await;
    world.fake.runs(at.id).unwrap();

    assert_eq!(
        world.client.cancel(at, soon()).await.unwrap(),
        Cancel::Asked
    );
    assert_eq!(seen(&world, at).await.status, Status::Canceled);
    assert_eq!(
        world.client.cancel(at, soon()).await.unwrap(),
        Cancel::Ended
    );
    world.fake.purge(at.id);
    assert_eq!(world.client.cancel(at, soon()).await.unwrap(), Cancel::Gone);
    assert_eq!(world.client.job(at, soon()).await.unwrap(), None);
    assert_eq!(world.client.tail(at, 2, soon()).await.unwrap(), None);
}

#[tokio::test]
async fn wish_may_be_ignored() {
    let world = World::with(JobTemplate::default()).await;
    world.fake.ignore_cancel(true);
    let at = launched(&world).await;
    world.fake.runs(at.id).unwrap();

    assert_eq!(
        world.client.cancel(at, soon()).await.unwrap(),
        Cancel::Asked
    );

    assert_eq!(seen(&world, at).await.status, Status::Running);
}

#[tokio::test]
async fn approvals_that_wait_are_counted() {
    let world = World::with(JobTemplate::default()).await;
    world.fake.approvals_pending(2);

    assert_eq!(world.client.pending_approvals(soon()).await.unwrap(), 2);
}
