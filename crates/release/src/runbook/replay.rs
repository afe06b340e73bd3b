//! A run that is launched again by a person, in check mode: it answers no problem
//! and changes nothing.

use jiff::Timestamp;

use super::fit::fit;
use super::{Attempt, Form, Kind, Marking, Means, Purpose, Run, Runbooks, Unfit};

/// A run as it is launched again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The run, with an id of its own: whoever looks for a job of the first one
    /// does not find this.
    pub run: Run,
    /// Its launch, which is a check.
    pub attempt: Attempt,
}

/// Why a run is not launched again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReplay {
    /// Only what the operator lists is run.
    #[error(
        "HEAL_RUNBOOKS does not list runbook `{0}` any more as it was when the run was decided"
    )]
    Unlisted(String),
    /// The template does not do what a check needs.
    #[error("{0}")]
    Template(#[from] Unfit),
    /// A receiver knows no check.
    #[error("a receiver has no check mode")]
    Request,
    /// Its job would be taken for one that answers a problem.
    #[error(
        "the template takes no variables, so the check could not be told from a run that answers \
         a problem"
    )]
    Unmarked,
    /// A job of the template is under way.
    #[error("job {job} of {by} is {status}; try again when it has ended")]
    Busy {
        /// Its id.
        job: u64,
        /// Who launched it.
        by: String,
        /// The controller's word.
        status: String,
    },
    /// The variables are more than a controller is told.
    #[error("its variables are larger than what a controller is told")]
    TooLarge,
}

/// The check of a run that was decided, or why there is none.
pub fn replay(
    listed: &Runbooks,
    run: &Run,
    form: &Form,
    now: Timestamp,
) -> Result<Replay, NoReplay> {
    let runbook = &run.runbook;
    if !listed.lists(runbook) {
        return Err(NoReplay::Unlisted(runbook.alias.clone()));
    }
    let Means::Template(template) = &runbook.means else {
        return Err(NoReplay::Request);
    };
    let marking = fit(runbook, form, &run.input, Purpose::Check)?;
    // A template that only checks today may be changed between this and the launch;
    // a wish that is taken holds. A workflow takes none.
    if !form.takes_check || template.kind == Kind::Workflow {
        return Err(Unfit::NoCheck.into());
    }
    if marking != Marking::Variables {
        return Err(NoReplay::Unmarked);
    }
    if let Some(active) = form.active.first() {
        return Err(NoReplay::Busy {
            job: active.id,
            by: active.by.clone(),
            status: active.status.clone(),
        });
    }
    let replay = Replay::of(run, now);
    if replay.run.order(&replay.attempt).is_too_large() {
        return Err(NoReplay::TooLarge);
    }
    Ok(replay)
}

impl Replay {
    /// What would be launched, if nothing is in the way.
    pub fn of(run: &Run, now: Timestamp) -> Self {
        let mut again = run.clone();
        again.id = format!("{}-replay", run.id);
        Self {
            attempt: Attempt {
                purpose: Purpose::Check,
                floor: 0,
                marking: Marking::Variables,
                at: now,
                deadline: now.saturating_add(run.runbook.timeout).unwrap_or(now),
                second: false,
            },
            run: again,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::ledger::Known;
    use crate::problem::{Arrival, Problem};
    use crate::runbook::{About, Active, Begun, Cause, Draft, Input};

    fn listed(kind: &str) -> Runbooks {
        let settings = json!({
            "controllers": {
                "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
            },
            "runbooks": {"stop": {
                "on": "awx", "kind": kind, "template": 18, "name": "stop-campaign",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible"]},
            }},
        });
        Runbooks::read(&settings.to_string()).unwrap()
    }

    fn run(listed: &Runbooks) -> Run {
        let at = Timestamp::UNIX_EPOCH;
        let problem = Problem::heard_of("P-1", Arrival::Webhook, at, SignedDuration::from_hours(1));
        let draft = Draft {
            runbook: listed.runbooks["stop"].clone(),
            cause: Cause {
                id: "e-1".to_owned(),
                kind: "CUSTOM_CONFIGURATION".to_owned(),
                at,
                title: "rate".to_owned(),
                source: "Ansible".to_owned(),
            },
            input: Input::default(),
        };
        let id = "r-1".to_owned();
        match draft.begin(id, &problem, About::default(), &Known::default()) {
            Begun::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    fn form() -> Form {
        Form {
            name: "stop-campaign".to_owned(),
            takes_variables: true,
            takes_check: true,
            job_type: "run".to_owned(),
            newest: 7,
            ..Form::default()
        }
    }

    #[test]
    fn check_is_one_and_is_never_taken_for_its_run() {
        let listed = listed("job");
        let now = Timestamp::from_second(60).unwrap();

        let replay = replay(&listed, &run(&listed), &form(), now).unwrap();

        let order = replay.run.order(&replay.attempt);
        assert_eq!(order.purpose, Purpose::Check);
        assert_eq!(order.variables["unbreakable"]["mode"], "check");
        assert_eq!(order.variables["unbreakable"]["run"], "r-1-replay");
    }

    #[test]
    fn what_might_change_something_or_be_mistaken_is_refused() {
        let job = listed("job");
        let refused = |listed: &Runbooks, run: &Run, change: fn(&mut Form)| {
            let mut form = form();
            change(&mut form);
            let replayed = replay(listed, run, &form, Timestamp::UNIX_EPOCH);
            replayed.unwrap_err().to_string()
        };
        let of_job = |change| refused(&job, &run(&job), change);
        let unasked = Unfit::NoCheck.to_string();
        assert_eq!(of_job(|form| form.takes_check = false), unasked);
        // It happens to check, until somebody changes that.
        let only_checks = of_job(|form| {
            form.takes_check = false;
            form.job_type = "check".to_owned();
        });
        assert_eq!(only_checks, unasked);
        let workflow = listed("workflow");
        assert_eq!(refused(&workflow, &run(&workflow), |_| {}), unasked);

        let unmarked = of_job(|form| form.takes_variables = false);
        assert!(unmarked.contains("takes no variables"), "{unmarked}");
        let busy = of_job(|form| {
            form.active = vec![Active {
                id: 9,
                status: "running".to_owned(),
                by: "bob".to_owned(),
            }];
        });
        assert_eq!(busy, "job 9 of bob is running; try again when it has ended");
        let renamed = of_job(|form| form.name = "drop-all".to_owned());
        assert!(renamed.contains("is called `drop-all`"), "{renamed}");

        let gone = refused(&Runbooks::default(), &run(&job), |_| {});
        assert!(gone.contains("does not list runbook `stop`"), "{gone}");
        let mut large = run(&job);
        let text = json!("x".repeat(20_000));
        large.input.variables.insert("why".to_owned(), text);
        let large = refused(&job, &large, |_| {});
        assert!(large.contains("larger than"), "{large}");
    }
}
