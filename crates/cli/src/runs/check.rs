//! `monspec runs replay --check`

use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;

use release::runbook::{JobAt, Run};
use serde::Serialize;
use workflows::handle_problem::Automation;
use workflows::handle_problem::replay::{Replayed, replay};

use super::shown::{Job, Meant};
use super::{Table, Which, line};
use crate::aws::now;
use crate::failure::Failure;
use crate::runbooks::{Unlisted, automation};
use crate::{output, progress};

/// What a check has shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    run: &'a str,
    runbook: &'a str,
    #[serde(flatten)]
    means: Meant<'a>,
    job_type: &'static str,
    job: Job<'a>,
    /// Why that is not well.
    why: Option<String>,
}

/// Launches a run again in check mode, and shows what its job has shown.
pub(super) fn check(
    table: &Table,
    which: &Which,
    run: &Run,
    out: &mut impl Write,
) -> Result<ExitCode, Failure> {
    let automation = table.account.wait(automation(&table.account.sdk));
    let automation = automation.map_err(unlisted)?;
    match table.account.wait(told(&automation, run)) {
        Replayed::Refused(why) => Err(Failure::Usage(format!("nothing was launched: {why}"))),
        Replayed::NotLaunched(why) => {
            Err(Failure::Unavailable(format!("nothing was launched: {why}")))
        }
        Replayed::Doubtful(why) => Err(Failure::Unavailable(format!(
            "nobody can say whether a check of {} was launched: {why}; look at its jobs",
            Meant::of(&run.runbook)
        ))),
        Replayed::Different { job, differences } => Err(Failure::Unavailable(format!(
            "{} is not what was ordered, and its end was wished: {}; see that it has ended",
            named(&job),
            differences.join(", ")
        ))),
        Replayed::Left { job, why } => Err(Failure::Unavailable(format!("{}: {why}", named(&job)))),
        Replayed::Ended { ended, judged } => {
            let code = ExitCode::from(u8::from(judged.is_err()));
            let checked = Checked {
                run: &run.id,
                runbook: &run.runbook.alias,
                means: Meant::of(&run.runbook),
                job_type: "check",
                job: Job::ended(&ended),
                why: judged.err().map(|why| why.to_string()),
            };
            if which.json {
                output::json(out, &checked)?;
            } else {
                checked.tell(out)?;
            }
            Ok(code)
        }
    }
}

/// The check, with the controller's word on the terminal while it goes on.
async fn told(automation: &Automation, run: &Run) -> Replayed {
    let words = RefCell::new("asking the controller".to_owned());
    let work = replay(automation, run, now(), |job, status| {
        *words.borrow_mut() = format!("{} is {status}", named(job));
    });
    // On the heap: all that is awaited together is large.
    progress::told(|| words.borrow().clone(), Box::pin(work)).await
}

impl Checked<'_> {
    fn tell(&self, out: &mut impl Write) -> Result<(), Failure> {
        let Self {
            run,
            runbook,
            means,
            ..
        } = self;
        line(out, &format!("check of run {run}"))?;
        let at = format!("{runbook} ({means}), in check mode");
        line(out, &format!("  runbook  {at}"))?;
        if let Some(why) = &self.why {
            line(out, &format!("  why      {why}"))?;
        }
        for text in self.job.lines() {
            line(out, &text)?;
        }
        line(out, "nothing was written, and no problem was answered")
    }
}

fn named(job: &JobAt) -> String {
    let page = job.page.as_ref().map(|page| format!(" ({page})"));
    format!("job {}{}", job.id, page.unwrap_or_default())
}

fn unlisted(why: Unlisted) -> Failure {
    match why {
        Unlisted::Nothing(why) => Failure::Usage(format!("no runbook is listed: {why}")),
        Unlisted::Unread(error) => Failure::Unavailable(format!(
            "{:#}; these credentials need ssm:GetParameters on the list and on the secrets of \
             its controllers",
            anyhow::Error::from(error)
        )),
        Unlisted::Wrong(wrong) => {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            Failure::Usage(format!(
                "HEAL_RUNBOOKS cannot be used: {}",
                wrong.join("; ")
            ))
        }
    }
}
