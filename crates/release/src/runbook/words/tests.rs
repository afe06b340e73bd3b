//! The comments, as people read them.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::comment::LONGEST;
use crate::problem::Arrival;
use crate::runbook::Runbooks;
use crate::runbook::{
    About, Attempt, Cause, Input, Kind, Marking, Means, Needless, Refusal, Task, Unwell,
};

fn run() -> Run {
    let settings = json!({
        "controllers": {
            "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
        },
        "runbooks": {
            "stop-campaign": {
                "on": "awx",
                "template": 18,
                "name": "stop-campaign",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
            },
        },
    });
    let listed = Runbooks::read(&settings.to_string()).expect("they are good");
    Run {
        id: "r-1".to_owned(),
        runbook: listed.runbooks["stop-campaign"].clone(),
        problem: "P-1".to_owned(),
        cause: Cause {
            id: "e-1".to_owned(),
            kind: "CUSTOM_CONFIGURATION".to_owned(),
            at: at(0),
            title: "rate \"30\" % <b>*now*</b> {{7*7}} \u{1f600}".to_owned(),
            source: "Ansible Tower".to_owned(),
        },
        about: About::default(),
        input: Input::default(),
        holds: true,
        guards: true,
        allowed: None,
        checked: None,
        named: None,
        state: State::Asked,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_790_000_000 + second)
}

fn job() -> JobAt {
    JobAt {
        id: 812,
        kind: Kind::Job,
        page: Some("https://awx.acme/#/jobs/playbook/812".to_owned()),
    }
}

fn ended() -> Ended {
    Ended {
        job: Some(job()),
        status: "failed".to_owned(),
        at: at(60),
        seconds: Some(12),
        counts: Some(Counts {
            ok: 1,
            failures: 1,
            ..Counts::default()
        }),
        artifacts: serde_json::Map::new(),
        task: Some(Task {
            name: "set rate".to_owned(),
            host: "web-1".to_owned(),
            message: "Status code was 404 and not [200]".to_owned(),
        }),
        tail: "PLAY [all]\nfatal: [web-1]\n".to_owned(),
        explanation: String::new(),
        revision: String::new(),
    }
}

fn said(state: State) -> String {
    let what = Move {
        state: Some(state),
        said: Some(Said::State),
        ..Move::default()
    };
    of(&problem(), &run(), &what).expect("something is said")
}

fn problem() -> Problem {
    Problem::heard_of(
        "P-1",
        Arrival::Webhook,
        at(0),
        SignedDuration::from_hours(24),
    )
}

/// What is said of a run that has ended well.
fn said_after(what: &Move) -> String {
    let run = Run {
        state: State::Verifying { ended: ended() },
        ..run()
    };
    of(&problem(), &run, what).expect("something is said")
}

#[test]
fn what_the_problem_says_of_a_run_is_said_as_of_every_remedy() {
    let to = |state| Move {
        state: Some(state),
        said: Some(Said::State),
        ..Move::default()
    };
    let still_open = said_after(&Move {
        said: Some(Said::StillOpen),
        ..Move::default()
    });
    let (closed, ended) = (at(90), ended());

    for says in [
        "is still open, although runbook stop-campaign has taken it back",
        "make the change again",
        "No older change is known",
        "--problem=P-1",
    ] {
        assert!(still_open.contains(says), "{says}: {still_open}");
    }
    let healed = said_after(&to(State::Healed {
        ended: ended.clone(),
        closed,
    }));
    assert!(healed.contains("counts as bad from now on"), "{healed}");
    let unknown = said_after(&to(State::Unconfirmed { ended }));
    assert!(
        unknown.contains("stays suspect and taken back"),
        "{unknown}"
    );
}

fn launched() -> State {
    State::Launched {
        attempt: Attempt {
            purpose: Purpose::Real,
            floor: 811,
            marking: Marking::Variables,
            at: at(0),
            deadline: at(900),
            second: false,
        },
        job: job(),
        status: "pending".to_owned(),
        explanation: String::new(),
        differs: Vec::new(),
        others: Vec::new(),
    }
}

const CHANGE: &str = "the change \"rate \"30\" % &lt;b&gt;\\*now\\*&lt;/b&gt; {{7\\*7}} \u{1f600}\" \
                      (Ansible Tower, 2026-09-21 14:13:20 UTC)";

#[test]
fn start_names_change_runbook_job_and_deadline() {
    assert_eq!(
        said(launched()),
        format!(
            "Unbreakable: {CHANGE} is to blame. Runbook stop-campaign was launched to take it back, \
             as job 812 (https://awx.acme/#/jobs/playbook/812). It has to end before 2026-09-21 \
             14:28:20 UTC."
        )
    );
}

#[test]
fn good_end_has_counts_and_bad_end_has_task_and_output() {
    let mut well = ended();
    well.task = None;
    "successful".clone_into(&mut well.status);
    well.counts = Some(Counts {
        ok: 2,
        changed: 1,
        ..Counts::default()
    });
    assert_eq!(
        said(State::Verifying { ended: well }),
        "Unbreakable: runbook stop-campaign ended well at 2026-09-21 14:14:20 UTC (job 812 \
         (https://awx.acme/#/jobs/playbook/812), 12 s, hosts: 2 ok, 1 changed, 0 failed, 0 \
         unreachable, 0 skipped). Whether that helps shows when this problem closes."
    );
    let why = Unwell::Status {
        status: "failed".to_owned(),
    };
    let badly = said(State::Failed {
        ended: ended(),
        why,
    });
    for part in [
        "it ended as failed (job 812",
        "Task set rate failed on web-1: Status code was 404 and not \\[200\\].",
        "Its last output: PLAY \\[all\\] fatal: \\[web-1\\]",
        "It is not tried a second time; a person has to look.",
    ] {
        assert!(badly.contains(part), "{part}: {badly}");
    }
}

#[test]
fn each_state_that_people_care_about_has_words() {
    let real = Purpose::Real;
    for (state, says) in [
        (
            State::Waiting { since: at(0) },
            "A person has to say yes first.",
        ),
        (
            State::Unknown {
                attempt: match launched() {
                    State::Launched { attempt, .. } => attempt,
                    _ => panic!("it is launched"),
                },
                why: "the connection failed".to_owned(),
                again: None,
            },
            "whether it was is not known: the connection failed. It is looked for",
        ),
        (
            State::Late {
                ended: ended(),
                closed: at(30),
            },
            "was late: the problem had ended at 2026-09-21 14:13:50 UTC",
        ),
        (
            State::Stuck {
                purpose: real,
                job: job(),
                why: Abort::Overdue,
            },
            "has to end (it took longer than it may), and goes on all the same",
        ),
        (
            State::Gone {
                purpose: real,
                job: job(),
            },
            "does not know job 812",
        ),
        (
            State::Lost {
                purpose: real,
                why: "two launches have left nothing behind".to_owned(),
            },
            "It is not launched again",
        ),
        (
            State::Aborted {
                purpose: real,
                job: job(),
                why: Abort::Closed,
                status: "canceled".to_owned(),
            },
            "was ended, because the problem was over before it ran.",
        ),
        (
            State::Aborted {
                purpose: real,
                job: job(),
                why: Abort::Closed,
                status: "successful".to_owned(),
            },
            "was to be ended, because the problem was over before it ran, and ended as successful",
        ),
        (
            State::Refused {
                why: Refusal::SwitchedOff,
            },
            "runbook stop-campaign is not run: running runbooks is switched off",
        ),
        (
            State::NotNeeded {
                why: Needless::Closed,
            },
            "is not run: the problem is already closed.",
        ),
        (State::Shadowed { checked: None }, "(shadow mode)"),
        (State::GaveUp, "was not run. A person has to look."),
    ] {
        let text = said(state);
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[test]
fn request_has_words_of_its_own() {
    let mut run = run();
    run.runbook.on = "ops".to_owned();
    run.runbook.means = Means::Request {
        url: "https://ops.acme/hooks/undo".to_owned(),
    };
    run.allowed = Some("ann".to_owned());
    let State::Launched { attempt, .. } = launched() else {
        panic!("it is launched");
    };
    let done = |answer: &str| State::Verifying {
        ended: Ended::answered(answer, at(30)),
    };
    let proof = "changed".to_owned();
    for (state, says) in [
        (
            State::Unknown {
                attempt,
                why: "http://x answered 502".to_owned(),
                again: Some(at(5)),
            },
            "whether it did is not known: http://x answered 502. The request is repeated, under \
             the same key, until",
        ),
        (
            done(r#"{"changed":true,"note":"rate is *0* again {{7*7}}"}"#),
            "Receiver ops of runbook stop-campaign was asked to take it back, allowed by ann, and \
             has done so at 2026-09-21 14:13:50 UTC (it says that it changed something: rate is \
             \\*0\\* again",
        ),
        (
            done(r#"{"changed":false}"#),
            "(it says that there was nothing to change)",
        ),
        (done(r#"{"changed":"yes","note":5}"#), "(it says no more)"),
        (
            State::Failed {
                ended: Ended::answered("", at(30)),
                why: Unwell::NoProof { artifact: proof },
            },
            "it ended as successful, but did not say \\`changed\\` (it says no more).",
        ),
        (
            State::Lost {
                purpose: Purpose::Real,
                why: "502, and its time is over".to_owned(),
            },
            "is not known: 502, and its time is over. It is not asked again",
        ),
        (
            State::Refused {
                why: Refusal::NotTaken { status: 403 },
            },
            "is not run: the receiver refused the request (403).",
        ),
    ] {
        let what = Move {
            state: Some(state),
            said: Some(Said::State),
            ..Move::default()
        };
        let text = of(&problem(), &run, &what).unwrap();
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[test]
fn check_that_left_everything_out_proves_nothing() {
    let mut checked = ended();
    checked.counts = Some(Counts {
        skipped: 3,
        ..Counts::default()
    });
    let text = said(State::Shadowed {
        checked: Some(checked),
    });

    assert!(text.contains("so it proves nothing"), "{text}");
}

#[test]
fn no_comment_is_longer_than_its_bound() {
    let mut ended = ended();
    ended.tail = "*".repeat(100_000);
    ended.explanation = "*".repeat(100_000);
    if let Some(task) = &mut ended.task {
        task.message = "*".repeat(100_000);
    }
    let why = Unwell::NoHosts;

    let text = said(State::Failed { ended, why });

    assert!(text.chars().count() <= LONGEST);
}

#[test]
fn refusal_of_an_action_is_a_sentence_too() {
    let why = Refusal::Foreign {
        place: "https://evil".to_owned(),
    };
    let text = refused("rate *30*", &why);

    assert_eq!(
        text,
        "Unbreakable: rate \\*30\\* is to blame, and its action is not taken: the action names \
         https://evil, which is no listed controller or receiver; nothing was sent there, list it if it is meant."
    );
}
