//! The table of moves, row by row, and everything that is no row of it.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_controller::{End, IllegalMove, JobTemplate, Plan, Status};
use serde_json::json;

use crate::caller::{Caller, NOW};

/// The file that the table is in.
const TABLE: &str = include_str!("../../src/job.rs");

#[test]
fn jobs_make_the_moves_of_the_table_and_no_others() {
    let rows: BTreeSet<(&str, &str)> = TABLE
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("//! | ")?.split(" | ");
            Some((cells.next()?, cells.next()?))
        })
        .filter(|(from, _)| *from != "From")
        .collect();
    let pairs = Status::ALL
        .into_iter()
        .flat_map(|from| Status::ALL.map(|to| (from, to)));
    let made: BTreeSet<(&str, &str)> = pairs
        .filter(|(from, to)| from.may_become(*to))
        .map(|(from, to)| (from.word(), to.word()))
        .collect();

    assert_eq!(rows.len(), 9);
    assert_eq!(made, rows);
}

#[tokio::test]
async fn no_job_is_moved_where_the_table_has_no_row() -> anyhow::Result<()> {
    for status in Status::ALL {
        let caller = Caller::start().await?;
        let job = caller.launch().await?;
        let to_there = match status {
            Status::New | Status::Pending => Ok(()),
            Status::Waiting => caller.fake.moves(job, Status::Waiting),
            Status::Running => caller.fake.runs(job),
            end => caller.fake.ends(
                job,
                End {
                    status: end,
                    ..End::well(1)
                },
            ),
        };
        to_there?;
        let from = caller.fake.jobs()[0].status;
        for to in Status::ALL {
            if !from.may_become(to) {
                let moved = caller.fake.moves(job, to);
                assert_eq!(moved, Err(IllegalMove::NoSuchWay(from, to)));
            }
        }
        assert_eq!(caller.fake.jobs()[0].status, from);
    }
    Ok(())
}

#[tokio::test]
async fn second_job_waits_for_the_first_unless_several_may_run() -> anyhow::Result<()> {
    for simultaneous in [false, true] {
        let caller = Caller::with(JobTemplate {
            simultaneous,
            ..JobTemplate::default()
        })
        .await?;
        let first = caller.launch().await?;
        let second = caller.launch().await?;

        let moved = caller.fake.runs(second);

        let expected = if simultaneous {
            Ok(())
        } else {
            Err(IllegalMove::Blocked(first))
        };
        assert_eq!(moved, expected);
        caller.fake.ends(first, End::well(1))?;
        assert_eq!(caller.fake.runs(second), Ok(()));
    }
    Ok(())
}

#[tokio::test]
async fn wish_to_end_a_waiting_job_comes_true_when_it_runs() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let job = caller.launch().await?;
    caller.fake.moves(job, Status::Waiting)?;

    let wished = caller
        .post(&format!("/jobs/{job}/cancel/"), &json!({}))
        .await?;

    assert_eq!(wished.status, 202);
    assert_eq!(caller.fake.jobs()[0].status, Status::Waiting);
    caller.fake.runs(job)?;
    assert_eq!(caller.fake.jobs()[0].status, Status::Canceled);
    let again = caller
        .post(&format!("/jobs/{job}/cancel/"), &json!({}))
        .await?;
    assert_eq!(again.status, 405);
    Ok(())
}

#[tokio::test]
async fn plan_moves_jobs_by_the_clock() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.fake.plan(
        caller.template,
        Plan {
            pending: Duration::from_secs(2),
            running: Duration::from_secs(10),
            end: End::failed("stop", "web-1", "no"),
        },
    );
    let job = caller.launch().await?;
    for (ms, status) in [
        (1_999, "pending"),
        (2_000, "running"),
        (11_999, "running"),
        (12_000, "failed"),
    ] {
        caller.fake.set_now(NOW + ms);
        let seen = caller.get(&format!("/jobs/{job}/")).await?;
        assert_eq!(seen.body["status"], status, "{ms}");
    }
    let seen = caller.get(&format!("/jobs/{job}/")).await?;
    assert_eq!(seen.body["failed"], true);
    assert_eq!(seen.body["elapsed"], 10.0);
    Ok(())
}
