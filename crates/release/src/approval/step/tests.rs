//! The rows of the table in [`crate::validation`] that have a name, as cases, and
//! random situations that find no duty without a way on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use monspec::Verdict;
use proptest::prelude::*;

use super::*;
use crate::execution::ExecutionMode;
use crate::validation::{ApprovalAction, Judged, Judgement, Registrant, ValidationId};
use crate::window::Window;

/// The file that the table is in.
const TABLE: &str = include_str!("../../validation.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let cases = cases();
    for (row, world, expected) in &cases {
        assert_eq!(told(&world.step()), *expected, "{row}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .filter(|row| !row.starts_with("judge.") && !row.starts_with("story."))
        .collect();
    assert_eq!(named, rows);
}

type Case = (&'static str, World, &'static str);

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let judged = || World::judged(Answer::Approve);
    let open = || judged().stands(open_run("run-2"));
    let intended = || open().intends("run-2", Answer::Approve);
    let rejected =
        || World::judged(Answer::Reject).but(|world| world.answered("run-1", Answer::Reject));
    vec![
        (
            "nothing-to-answer",
            judged().but(|world| world.registration.approval = None),
            "end: nothing to answer",
        ),
        (
            "not-yet",
            judged()
                .stands(Approval::NotReached)
                .knows(|known| known.over = Some(None)),
            "wait: the execution has not reached its approval",
        ),
        (
            "not-yet",
            judged()
                .stands(Approval::Answered(run("run-0", Given::Rejected, 5)))
                .knows(|known| known.over = Some(None)),
            "wait: the execution has not reached its approval",
        ),
        (
            "not-yet",
            judged().stands(Approval::Changing),
            "wait: the approval to open",
        ),
        (
            "not-yet",
            open().agreed(&[Some(Answer::Approve), None]),
            "wait: another validation of the approval is not judged yet",
        ),
        (
            "not-yet",
            open().agreed(&[Some(Answer::Approve), Some(Answer::Reject)]),
            "wait: another validation of the approval rejects it",
        ),
        (
            "not-yet",
            open().agreed(&[Some(Answer::Approve), Some(Answer::Hold)]),
            "wait: the verdict is held for a person",
        ),
        (
            "paused",
            open().agreed(&[Some(Answer::Approve)]).knows(|known| {
                known.stopped = Some(Some(Stopped::Frozen { until: None }));
            }),
            "wait: the end of a pause or freeze",
        ),
        (
            "intend",
            open().agreed(&[Some(Answer::Approve)]),
            "intend approve run-2",
        ),
        (
            "intend",
            World::judged(Answer::Reject)
                .stands(open_run("run-2"))
                .agreed(&[Some(Answer::Approve), Some(Answer::Reject)])
                .knows(|known| {
                    known.stopped = Some(Some(Stopped::Frozen { until: None }));
                }),
            "intend reject run-2",
        ),
        ("send", intended(), "send approve"),
        (
            "answered",
            intended().knows(|known| known.told = Some(Receipt::Taken)),
            "end: answered approve run-2",
        ),
        (
            "answered",
            intended().knows(|known| known.told = Some(Receipt::TooLate)),
            "wait: CodePipeline to show who answered the approval",
        ),
        (
            "answered",
            judged()
                .intends("run-2", Answer::Approve)
                .stands(Approval::Answered(run("run-2", Given::Approved, 30))),
            "end: answered approve run-2",
        ),
        (
            "answered",
            judged()
                .intends("run-1", Answer::Approve)
                .stands(open_run("run-2")),
            "end: answered approve run-1",
        ),
        (
            "answered",
            World::judged(Answer::Reject)
                .intends("run-2", Answer::Reject)
                .stands(open_run("run-2"))
                .knows(|known| known.told = Some(Receipt::Taken)),
            "end: answered reject run-2, then wait",
        ),
        (
            "answered",
            judged()
                .stands(Approval::Answered(run("run-2", Given::Approved, 30)))
                .agreed(&[Some(Answer::Approve), Some(Answer::Approve)]),
            "end: answered approve run-2",
        ),
        (
            "ended",
            judged()
                .stands(Approval::Answered(run("run-2", Given::Rejected, 30)))
                .agreed(&[Some(Answer::Approve)]),
            "end: a person",
        ),
        (
            "ended",
            judged()
                .intends("run-2", Answer::Approve)
                .stands(Approval::Answered(run("run-2", Given::Rejected, 30)))
                .agreed(&[Some(Answer::Approve)]),
            "end: a person",
        ),
        (
            "ended",
            judged()
                .stands(Approval::Answered(run("run-2", Given::Nothing, 30)))
                .agreed(&[]),
            "end: the execution Abandoned",
        ),
        (
            "ended",
            judged()
                .stands(Approval::NotReached)
                .knows(|known| known.over = Some(Some("Superseded".to_owned()))),
            "end: the execution Superseded",
        ),
        (
            "watched",
            rejected()
                .stands(Approval::Answered(run("run-1", Given::Rejected, 30)))
                .knows(|known| known.beyond_retry = Some(false)),
            "wait: a person who may override the rejection",
        ),
        (
            "watched.over",
            rejected()
                .stands(Approval::Answered(run("run-1", Given::Rejected, 30)))
                .knows(|known| known.beyond_retry = Some(true)),
            "rest",
        ),
        (
            "watched.overridden",
            rejected().stands(Approval::Answered(run("run-2", Given::Approved, 40))),
            "end: answered reject run-1, overridden",
        ),
    ]
}

proptest! {
    /// Whatever is true: one look after the other comes to an end. Nothing is sent
    /// twice, or without an intent for the open run, and nothing is approved that
    /// some validation does not approve.
    #[test]
    fn every_walk_ends_and_sends_what_it_may(
        draws in prop::collection::vec(any::<prop::sample::Index>(), 12),
        is_taken in any::<bool>(),
    ) {
        let mut world = World::drawn(&draws);
        let truth = world.known.clone();

        let steps = world.walk(if is_taken { Receipt::Taken } else { Receipt::TooLate });

        match steps.last() {
            Some(Step::Rest) => prop_assert!(world.judged.ending().is_some()),
            Some(Step::Wait(_)) => {}
            other => prop_assert!(false, "it ends with {other:?}"),
        }
        let sent = steps.iter().filter(|step| matches!(step, Step::Call(Call::Send(_))));
        prop_assert!(sent.count() <= 1, "{steps:?}");
        for step in &steps {
            match step {
                Step::Call(Call::Send(answer)) => {
                    let intent = world.judged.intent.as_ref().unwrap();
                    let Some(Approval::Open { run, .. }) = &truth.approval else {
                        return Err(TestCaseError::fail("it is not open"));
                    };
                    prop_assert_eq!(
                        (&intent.action_execution, intent.answer),
                        (&run.id, *answer)
                    );
                }
                Step::Write(what) if approves(what) => {
                    let answers = truth.answers.as_ref().unwrap();
                    prop_assert!(answers.iter().all(|answer| *answer == Some(Answer::Approve)));
                    prop_assert!(truth.stopped == Some(None));
                }
                _ => {}
            }
        }
    }
}

/// A validation and everything around it.
struct World {
    registration: Registration,
    judged: Judged,
    known: Observed,
}

impl World {
    /// A validation that was asked for in minute 10 and is judged.
    fn judged(answer: Answer) -> Self {
        let judgement = Judgement {
            verdict: match answer {
                Answer::Approve => Verdict::Passed,
                Answer::Reject => Verdict::Failed,
                Answer::Hold => Verdict::Inconclusive,
            },
            answer,
            summary: String::new(),
            at: minute(20),
        };
        Self {
            registration: registration(),
            judged: Judged::new(judgement, None),
            known: Observed::default(),
        }
    }

    fn drawn(draws: &[prop::sample::Index]) -> Self {
        let mut draws = draws.iter();
        let mut draw = |most: usize| draws.next().expect("there are enough").index(most);
        let each = [Answer::Approve, Answer::Reject, Answer::Hold];
        let own = each[draw(3)];
        let mut world = Self::judged(own);
        if draw(3) == 0 {
            world = world.intends(["run-1", "run-2"][draw(2)], each[draw(2)]);
        }
        if draw(4) == 0 {
            world.answered("run-1", each[draw(2)]);
        }
        let given = [Given::Approved, Given::Rejected, Given::Nothing];
        let answered = run(["run-1", "run-2"][draw(2)], given[draw(3)], 30);
        let stands = [
            Approval::NotReached,
            Approval::Changing,
            open_run("run-2"),
            Approval::Answered(answered),
        ][draw(4)]
        .clone();
        let answers = [
            vec![Some(own)],
            vec![Some(own), None],
            vec![Some(own), Some(each[draw(3)])],
        ][draw(3)]
        .clone();
        let stopped = (draw(3) == 0).then_some(Stopped::Frozen { until: None });
        world.stands(stands).agreed(&answers).knows(|known| {
            known.stopped = Some(stopped);
            known.over = Some(None);
            known.beyond_retry = Some(false);
        })
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn knows(self, learn: impl FnOnce(&mut Observed)) -> Self {
        self.but(|world| learn(&mut world.known))
    }

    fn stands(self, approval: Approval) -> Self {
        self.knows(|known| known.approval = Some(approval))
    }

    /// What the validations of the approval say, and nothing is paused.
    fn agreed(self, answers: &[Option<Answer>]) -> Self {
        self.knows(|known| {
            known.answers = Some(answers.to_vec());
            known.stopped = Some(None);
        })
    }

    fn intends(self, run: &str, answer: Answer) -> Self {
        let intent = Intent {
            action_execution: run.to_owned(),
            answer,
            at: minute(21),
        };
        self.but(|world| world.judged.intent = Some(intent))
    }

    fn answered(&mut self, run: &str, answer: Answer) {
        self.judged.progress = Progress::Ended(Ending::Answered {
            answer,
            action_execution: run.to_owned(),
            overridden: None,
        });
    }

    /// Every step until something has to happen first or nothing is left to do.
    /// What a step asks for is what is known; what it writes is written, and what
    /// was written about the end is followed by another look.
    fn walk(&mut self, told: Receipt) -> Vec<Step> {
        let truth = std::mem::take(&mut self.known);
        let mut steps = Vec::new();
        let mut asked = Vec::new();
        loop {
            let step = self.step();
            steps.push(step.clone());
            match step {
                Step::Ask(question) => {
                    assert!(!asked.contains(&question), "asked twice: {steps:?}");
                    asked.push(question);
                    self.find_out(question, &truth);
                }
                Step::Call(Call::Send(_)) => {
                    assert!(self.known.told.is_none(), "sent twice: {steps:?}");
                    self.known.told = Some(told);
                }
                Step::Write(what) => {
                    let ending = match *what {
                        Move::End(ending, _) => ending,
                        Move::Intend(intent) => {
                            assert_ne!(self.judged.intent.as_ref(), Some(&intent));
                            self.judged.intent = Some(intent);
                            continue;
                        }
                    };
                    let may_end = self
                        .judged
                        .ending()
                        .is_none_or(|before| before.is_watched() && ending.overridden().is_some());
                    assert!(may_end, "ended twice: {steps:?}");
                    self.judged.progress = Progress::Ended(ending);
                    self.known = Observed::default();
                    asked.clear();
                }
                Step::Wait(_) | Step::Rest => return steps,
            }
        }
    }

    fn find_out(&mut self, question: Question, truth: &Observed) {
        let known = &mut self.known;
        match question {
            Question::Approval => known.approval.clone_from(&truth.approval),
            Question::Execution => known.over.clone_from(&truth.over),
            Question::Answers => known.answers.clone_from(&truth.answers),
            Question::Agreement => {
                known.answers.clone_from(&truth.answers);
                known.stopped.clone_from(&truth.stopped);
            }
            Question::Retry => known.beyond_retry = truth.beyond_retry,
        }
    }

    fn step(&self) -> Step {
        let answering = Answering {
            registration: &self.registration,
            inherited: None,
            judged: &mut self.judged.clone(),
        };
        step(&answering, &self.known, minute(22))
    }
}

fn approves(what: &Move) -> bool {
    matches!(what, Move::Intend(intent) if intent.answer == Answer::Approve)
}

/// A step in a line.
fn told(step: &Step) -> String {
    let word = |answer: &Answer| match answer {
        Answer::Approve => "approve",
        Answer::Reject => "reject",
        Answer::Hold => "hold",
    };
    let what = match step {
        Step::Ask(question) => return format!("ask {question:?}"),
        Step::Call(Call::Send(answer)) => return format!("send {}", word(answer)),
        Step::Wait(wait) => {
            let what = wait.waiting_for.split(": ").next();
            return format!("wait: {}", what.unwrap_or_default());
        }
        Step::Rest => return "rest".to_owned(),
        Step::Write(what) => what,
    };
    match &**what {
        Move::Intend(intent) => {
            format!(
                "intend {} {}",
                word(&intent.answer),
                intent.action_execution
            )
        }
        Move::End(ending, waits) => {
            let ending = match ending {
                Ending::NothingToAnswer => "nothing to answer".to_owned(),
                Ending::Answered {
                    answer,
                    action_execution,
                    overridden,
                } => {
                    let then = overridden.as_ref().map_or("", |_| ", overridden");
                    format!("answered {} {action_execution}{then}", word(answer))
                }
                Ending::Person(_) => "a person".to_owned(),
                Ending::ExecutionEnded { status } => format!("the execution {status}"),
                other => format!("{other:?}"),
            };
            let then = waits.map_or("", |_| ", then wait");
            format!("end: {ending}{then}")
        }
    }
}

fn open_run(id: &str) -> Approval {
    Approval::Open {
        run: run(id, Given::Nothing, 21),
        earlier: Vec::new(),
    }
}

fn run(id: &str, given: Given, changed: i64) -> Run {
    Run {
        id: id.to_owned(),
        given,
        changed: minute(changed),
        person: PersonsAnswer {
            status: String::new(),
            who: None,
            why: None,
            at: Some(minute(changed)),
        },
    }
}

fn registration() -> Registration {
    Registration {
        id: ValidationId::new(minute(10), [0; 10]),
        pipeline: "Shop".to_owned(),
        execution: Some("e-1".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Direct,
        comparison: "StagingToProduction".to_owned(),
        window: Window {
            start: minute(10),
            end: minute(15),
        },
        approval: Some(ApprovalAction {
            stage: "Approve".to_owned(),
            action: "ApproveStaging".to_owned(),
        }),
        spec: String::new(),
        sources: Vec::new(),
        version: "1".to_owned(),
        deployments: Vec::new(),
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: BTreeMap::new(),
        environments: Vec::new(),
        result_hook: None,
        registered_at: minute(10),
        due_at: minute(17),
        give_up_at: minute(10) + SignedDuration::from_hours(24),
        expires_at: minute(10) + SignedDuration::from_hours(24 * 90),
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}
