//! Rows of the tables of validations and remediations that take a store, a remote
//! or a person: the test that tells each of them.
//!
//! The other rows are cases of the tests of the functions that decide them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A row, and the file and the name of its test.
type Told = (&'static str, &'static str, &'static str);

const VALIDATIONS: &str = "crates/release/src/validation.rs";

#[rustfmt::skip]
const OF_VALIDATIONS: [Told; 17] = [
    ("registered", "tests/tests/it/gate/registration.rs", "same_job_twice_gives_one_validation"),
    ("unreadable", "tests/tests/it/gate/refused.rs", "record_that_makes_its_worker_panic_is_told_and_rests_after_a_while"),
    ("claimed", "tests/tests/it/gate/faults.rs", "two_ticks_at_once_judge_and_answer_once"),
    ("judged-and-intended", "crates/store/tests/it/verdicts.rs", "intent_is_stored_with_its_verdict_or_neither_is"),
    ("counted", "tests/tests/it/gate/refused.rs", "verdict_is_told_once_and_only_when_it_is_stored"),
    ("hook", "tests/tests/it/gate/hook.rs", "result_is_posted_once_and_signed"),
    ("hook.refused", "tests/tests/it/gate/hook.rs", "receiver_that_is_down_is_tried_again_and_holds_up_nothing"),
    ("hook.never", "tests/tests/it/gate/hook.rs", "result_for_an_origin_that_is_allowed_no_more_is_given_up"),
    ("hook.no-result", "tests/tests/it/gate/hook.rs", "hook_of_a_validation_that_never_had_a_result_is_given_up_visibly"),
    ("hook.superseded", "tests/tests/it/gate/hook.rs", "result_that_is_owed_is_posted_although_its_validation_is_superseded"),
    ("gave-up.unjudged", "tests/tests/it/gate/refused.rs", "verdict_that_is_never_stored_ends_in_a_visible_state"),
    ("gave-up", "tests/tests/it/gate/approvals.rs", "nobody_answers_for_ever"),
    ("released", "tests/tests/it/gate/wishes.rs", "held_verdict_that_is_released_is_approved_through_the_gate"),
    ("rejudged", "tests/tests/it/gate/wishes.rs", "held_window_whose_data_came_late_is_judged_again"),
    ("rejudged.unjudged", "crates/release/src/validation/wish/tests.rs", "what_gave_up_before_it_was_judged_may_be_judged_again"),
    ("rejudged.stuck", "tests/tests/it/gate/refused.rs", "record_that_makes_its_worker_panic_is_told_and_rests_after_a_while"),
    ("settled", "tests/tests/it/gate/approvals.rs", "validation_without_approval_is_judged_and_settled"),
];

const REMEDIATIONS: &str = "crates/release/src/remediation.rs";

#[rustfmt::skip]
const OF_REMEDIATIONS: [Told; 3] = [
    ("noticed", "crates/store/tests/it/problems.rs", "notice_that_is_worked_on_at_once_is_claimed_with_the_same_write"),
    ("reopened", "tests/tests/it/heal/causes.rs", "problem_that_was_over_and_opens_again_is_answered"),
    ("intended", "tests/tests/it/heal/healed.rs", "bad_release_is_replaced_once_and_told_to_the_end"),
];

#[test]
fn every_row_has_a_name_and_a_test() {
    for (table, told) in [
        (VALIDATIONS, &OF_VALIDATIONS[..]),
        (REMEDIATIONS, &OF_REMEDIATIONS),
    ] {
        let text = read(table);
        // Behind its head and the dashes; a table ends at the first line that is none.
        let lines = text
            .lines()
            .skip_while(|line| !line.starts_with("//! | Row |"));
        let rows = lines.skip(2).take_while(|line| line.starts_with("//! |"));
        let names = rows.map(|row| {
            let name = row
                .strip_prefix("//! | `")
                .and_then(|row| row.split_once('`'));
            name.unwrap_or_else(|| panic!("{table}: a row without a name: {row}"))
                .0
        });
        let names: BTreeSet<&str> = names.collect();
        let stories: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix("story."))
            .collect();

        let named: BTreeSet<&str> = told.iter().map(|(row, ..)| *row).collect();
        assert_eq!(stories, named, "{table}");
        assert!(
            names.len() > stories.len(),
            "{table} has rows that are decided"
        );
        for (row, file, test) in told {
            let is_there = read(file).contains(&format!("fn {test}("));
            assert!(is_there, "`{row}`: {file} has no `{test}`");
        }
    }
}

fn read(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
