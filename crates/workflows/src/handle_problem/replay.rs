//! A run is launched again by a person, in check mode, and followed to its end.
//! Nothing is written: it answers no problem.

use std::time::Duration;

use jiff::Timestamp;
use release::runbook::{
    self, Answer, Ended, JobAt, Kind, Launched, NoReplay, Purpose, Replay, Run, Unwell,
};
use tokio::time::{Instant, sleep};

use crate::remedy::runbook::{Asking, Automation};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait between two looks at the job.
const PAUSE: Duration = Duration::from_secs(2);

/// How often to look for where it ran, which comes later than its end.
const DETAILS: u32 = 5;

/// What became of it.
#[derive(Debug)]
pub enum Replayed {
    /// It must not be launched.
    Refused(NoReplay),
    /// Nothing was launched.
    NotLaunched(String),
    /// Nobody knows whether it was launched.
    Doubtful(String),
    /// It was not what was ordered, and its end was wished.
    Different {
        /// The job.
        job: JobAt,
        /// What is different.
        differences: Vec<String>,
    },
    /// It is not followed any more.
    Left {
        /// The job.
        job: JobAt,
        /// Why.
        why: String,
    },
    /// It has ended.
    Ended {
        /// What it has left behind.
        ended: Box<Ended>,
        /// Whether that is well.
        judged: Result<(), Unwell>,
    },
}

/// Launches the check of a run, once, and follows it. `told` hears the controller's
/// word whenever it is asked.
pub async fn replay(
    automation: &Automation,
    run: &Run,
    now: Timestamp,
    told: impl Fn(&JobAt, &str),
) -> Replayed {
    let form = match asking(automation, run, now).form().await {
        Answer::Is(form) => form,
        Answer::Gone => return Replayed::Refused(runbook::Unfit::Gone.into()),
        Answer::Unheard(why) => return Replayed::NotLaunched(why),
    };
    let replay = match runbook::replay(&automation.listed, run, &form, now) {
        Ok(replay) => replay,
        Err(why) => return Replayed::Refused(why),
    };
    let Replay { run, attempt } = &replay;
    let launched = match asking(automation, run, now).launch(attempt).await {
        Launched::Job(launched) => launched,
        Launched::Refused { status, text } => {
            return Replayed::NotLaunched(format!("the controller said {status}: {text}"));
        }
        // None is asked: it has no check mode.
        Launched::Done(_) => return Replayed::Refused(NoReplay::Request),
        Launched::NotSent(why) => return Replayed::NotLaunched(why),
        Launched::Unknown(why) => return Replayed::Doubtful(why),
    };
    let job = launched.job;
    let mut differences = launched.differences;
    if job.kind == Kind::Workflow {
        differences.push("it is cut into slices, which do not say whether they check".to_owned());
    }
    if !differences.is_empty() {
        asking(automation, run, now)
            .cancel(std::slice::from_ref(&job))
            .await;
        return Replayed::Different { job, differences };
    }
    told(&job, &launched.status);
    let timeout = run.runbook.timeout.unsigned_abs();
    followed(automation, run, (&job, now), Instant::now() + timeout, told).await
}

async fn followed(
    automation: &Automation,
    run: &Run,
    (job, now): (&JobAt, Timestamp),
    until: Instant,
    told: impl Fn(&JobAt, &str),
) -> Replayed {
    let left = |why: String| Replayed::Left {
        job: job.clone(),
        why,
    };
    loop {
        let why = match asking(automation, run, now).job(job).await {
            Answer::Is(shown) => {
                told(job, &shown.status);
                if shown.is_ended() {
                    break;
                }
                format!("it is {}", shown.status)
            }
            Answer::Gone => return left("the controller does not know it any more".to_owned()),
            Answer::Unheard(why) => why,
        };
        if until <= Instant::now() {
            asking(automation, run, now)
                .cancel(std::slice::from_ref(job))
                .await;
            return left(format!("its time is over and its end was wished; {why}"));
        }
        sleep(PAUSE).await;
    }
    let mut looks = 0;
    loop {
        looks += 1;
        match asking(automation, run, now).ended(job).await {
            Answer::Is(ended) if ended.counts.is_some() || DETAILS <= looks => {
                let judged = ended.judge(Purpose::Check, None);
                let ended = Box::new(ended);
                return Replayed::Ended { ended, judged };
            }
            Answer::Gone => return left("the controller does not know it any more".to_owned()),
            Answer::Unheard(why) if DETAILS <= looks => return left(why),
            Answer::Is(_) | Answer::Unheard(_) => {}
        }
        sleep(PAUSE).await;
    }
}

fn asking<'a>(automation: &'a Automation, run: &'a Run, now: Timestamp) -> Asking<'a> {
    Asking {
        automation,
        run,
        now,
        until: Instant::now() + PATIENCE,
    }
}
