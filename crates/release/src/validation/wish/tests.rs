//! Which wish is fulfilled in which state, and what is left then.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::execution::ExecutionMode;
use crate::validation::{
    ApprovalAction, Hook, Intent, Judged, Judgement, Registrant, Registration, ValidationId,
};
use crate::window::Window;

#[test]
fn only_what_was_held_or_given_up_is_released() {
    let cases = [
        ("waiting", State::Waiting, Err(Unfulfilled::NotJudged)),
        (
            "given up unjudged",
            State::Unjudged(gave_up()),
            Err(Unfulfilled::NotJudged),
        ),
        (
            "superseded",
            State::Unjudged(superseded()),
            Err(Unfulfilled::Over),
        ),
        ("held", held(|_| {}), Ok(())),
        ("held and given up", held(given_up), Ok(())),
        (
            "superseded once judged",
            held(|judged| judged.progress = Progress::Settled(superseded())),
            Err(Unfulfilled::Over),
        ),
        (
            "passed",
            held(|judged| judged.judgement.verdict = Verdict::Passed),
            Err(Unfulfilled::Decided(Verdict::Passed)),
        ),
        (
            "rejected by policy",
            held(|judged| judged.judgement.answer = Answer::Reject),
            Err(Unfulfilled::NotHeld),
        ),
        ("intended", held(intended), Err(Unfulfilled::Answering)),
        (
            "released",
            held(|judged| judged.released = Some(word())),
            Err(Unfulfilled::Released),
        ),
        (
            "released, intended and given up",
            held(|judged| {
                judged.released = Some(word());
                intended(judged);
                given_up(judged);
            }),
            Ok(()),
        ),
    ];
    for (name, state, expected) in cases {
        let before = validation(state);

        let after = before.fulfilled(Wish::Release, &word());

        assert_eq!(after.clone().map(|_| ()), expected, "{name}");
        if let Ok(after) = after {
            assert_eq!(after.released(), Some(&word()), "{name}");
            assert_eq!(after.ending(), None, "{name}");
            assert_eq!(after.intent(), before.intent(), "{name}");
            assert_eq!(after.answer(), Some(Answer::Approve), "{name}");
        }
    }
}

#[test]
fn what_nobody_decided_is_judged_again_and_the_rest_goes_on() {
    let again = |state| (validation(state), State::Waiting);
    let stuck = |state: State| Validation {
        stuck_since: Some(Timestamp::UNIX_EPOCH),
        ..validation(state)
    };
    let failed = || held(|judged| judged.judgement.verdict = Verdict::Failed);
    let cases = [
        again(held(|_| {})),
        again(held(given_up)),
        again(State::Unjudged(gave_up())),
        (stuck(State::Waiting), State::Waiting),
        (stuck(held(|_| {})), State::Waiting),
        (stuck(failed()), failed()),
        (stuck(held(intended)), held(intended)),
    ];
    for (before, expected) in cases {
        let goes_on = before.is_decided();

        let after = before.fulfilled(Wish::Rejudge, &word()).unwrap();

        assert_eq!(after.state, expected, "{before:?}");
        assert_eq!(after.rejudged.len(), usize::from(!goes_on), "{before:?}");
        assert_eq!(after.hook() == Hook::Owed, !goes_on, "{before:?}");
        let result = after.result.as_ref().map(|result| result.text.as_str());
        assert_eq!(result, Some(&*after.delivery()), "{before:?}");
        assert_eq!(after.stuck_since, None);
        assert_eq!(after.counts, Counts::default());
    }
}

#[test]
fn what_gave_up_before_it_was_judged_may_be_judged_again() {
    let waiting = validation(State::Waiting);
    assert_eq!(waiting.may(Wish::Rejudge), Err(Unfulfilled::NotJudged));

    let gave_up = validation(State::Unjudged(gave_up()));

    assert_eq!(gave_up.may(Wish::Rejudge), Ok(()));
    assert_eq!(gave_up.may(Wish::Release), Err(Unfulfilled::NotJudged));
}

fn held(change: impl FnOnce(&mut Judged)) -> State {
    let judgement = Judgement {
        verdict: Verdict::Inconclusive,
        answer: Answer::Hold,
        summary: String::new(),
        at: Timestamp::UNIX_EPOCH,
    };
    let mut judged = Judged::new(judgement, None);
    change(&mut judged);
    State::Judged(judged)
}

fn given_up(judged: &mut Judged) {
    judged.progress = Progress::Settled(gave_up());
}

fn intended(judged: &mut Judged) {
    judged.intent = Some(Intent {
        action_execution: "run-1".to_owned(),
        answer: Answer::Approve,
        at: Timestamp::UNIX_EPOCH,
    });
}

fn gave_up() -> Ending {
    Ending::GaveUp {
        waiting_for: "a person".to_owned(),
    }
}

fn superseded() -> Ending {
    Ending::Superseded {
        by: ValidationId::new(Timestamp::UNIX_EPOCH, [1; 10]),
    }
}

fn word() -> PersonsDecision {
    PersonsDecision {
        who: "ada".to_owned(),
        why: "checked by hand".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    }
}

/// One whose result was posted and that was looked at in vain.
fn validation(state: State) -> Validation {
    let at = Timestamp::UNIX_EPOCH;
    let registration = Registration {
        id: ValidationId::new(at, [0; 10]),
        pipeline: "Shop".to_owned(),
        execution: Some("e-1".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Direct,
        comparison: "StagingToProduction".to_owned(),
        environments: Vec::new(),
        window: Window { start: at, end: at },
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
        result_hook: Some("https://results.example".to_owned()),
        registered_at: at,
        due_at: at,
        give_up_at: at,
        expires_at: at,
    };
    let mut validation = Validation {
        state,
        counts: Counts {
            faults: 1,
            waits: 2,
        },
        ..Validation::registered(registration)
    };
    let result = validation.result.as_mut().unwrap();
    result.posted = Some(at);
    validation
}
