//! Rows of tables that take a store, a remote or a person: the test that tells each
//! of them.
//!
//! The other rows are cases of the tests of the functions that decide them, and may
//! have a test here beside them.

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

const ANNOUNCEMENTS: &str = "crates/workflows/src/announce.rs";

#[rustfmt::skip]
const OF_ANNOUNCEMENTS: [Told; 9] = [
    ("first", "tests/tests/it/flags/required.rs", "taken_it_is_made_with_its_event"),
    ("found", "tests/tests/it/announce/pipeline.rs", "job_that_arrives_twice_announces_once"),
    ("lacking", "tests/tests/it/announce/late.rs", "one_late_service_of_two_is_told_later_and_nobody_twice"),
    ("doubt.repeat", "tests/tests/it/announce/doubt.rs", "tenant_that_cannot_say_what_is_there_is_told_all_the_same"),
    ("doubt.fault", "tests/tests/it/flags/owed.rs", "killed_after_the_tenant_was_told_it_is_not_told_again"),
    ("attached", "tests/tests/it/announce/pipeline.rs", "deployment_is_announced_with_its_way_back"),
    ("missing", "tests/tests/it/announce/late.rs", "report_that_matches_nobody_is_waited_for"),
    ("refused", "tests/tests/it/announce/doubt.rs", "type_that_is_refused_does_not_silence_the_other"),
    ("fault", "tests/tests/it/announce/doubt.rs", "fault_with_one_type_does_not_silence_the_other"),
];

const DEPLOYMENTS: &str = "crates/workflows/src/push_deployment_event.rs";

#[rustfmt::skip]
const OF_DEPLOYMENTS: [Told; 13] = [
    ("entered", "tests/tests/it/announce/pipeline.rs", "deployment_enters_the_ledger_though_the_tenant_is_down"),
    ("attached", "tests/tests/it/announce/pipeline.rs", "deployment_is_announced_with_its_way_back"),
    ("doubt", "tests/tests/it/announce/doubt.rs", "tenant_that_cannot_say_what_is_there_is_told_all_the_same"),
    ("one-type", "tests/tests/it/announce/doubt.rs", "fault_with_one_type_does_not_silence_the_other"),
    ("done", "tests/tests/it/announce/pipeline.rs", "job_that_arrives_twice_announces_once"),
    ("continued", "tests/tests/it/announce/late.rs", "late_service_is_told_when_the_job_is_continued"),
    ("nobody", "tests/tests/it/announce/late.rs", "four_minutes_without_a_service_end_with_what_to_check"),
    ("some", "tests/tests/it/announce/late.rs", "service_that_never_comes_does_not_undo_what_the_other_was_told"),
    ("unattached", "tests/tests/it/announce/callers.rs", "notice_about_entities_that_are_not_there_fails_to_be_repeated"),
    ("several", "tests/tests/it/binaries/announce.rs", "refused_notice_stops_none_behind_it_and_a_retry_announces_nothing_twice"),
    ("nothing", "tests/tests/it/announce/callers.rs", "instance_that_joins_its_group_is_not_announced"),
    ("refused", "tests/tests/it/announce/pipeline.rs", "parameters_that_cannot_be_used_fail_the_job_with_what_to_correct"),
    ("fault", "tests/tests/it/binaries/announce.rs", "job_fails_in_the_same_invocation_when_the_tenant_is_down"),
];

const PUBLISHED: &str = "crates/workflows/src/publish_validation.rs";

#[rustfmt::skip]
const OF_PUBLISHED: [Told; 9] = [
    ("unregistered", "tests/tests/it/publish/waiting.rs", "action_that_registers_beside_this_one_is_waited_for"),
    ("unjudged", "tests/tests/it/publish/waiting.rs", "verdict_is_awaited_by_continued_jobs_and_then_published"),
    ("over", "tests/tests/it/publish/waiting.rs", "wait_that_is_over_ends_with_what_was_waited_for"),
    ("ended", "tests/tests/it/publish/waiting.rs", "validation_that_ends_without_a_verdict_is_waited_for_no_longer"),
    ("refused", "tests/tests/it/publish/mistakes.rs", "name_of_nothing_is_told_with_what_there_is"),
    ("written", "tests/tests/it/publish/evidence.rs", "evidence_published_again_has_the_same_bytes"),
    ("published", "tests/tests/it/publish/evidence.rs", "action_fails_on_the_verdicts_it_names_and_on_no_other"),
    ("rollback", "tests/tests/it/publish/waiting.rs", "execution_that_takes_a_stage_back_publishes_nothing"),
    ("fault", "tests/tests/it/publish/mistakes.rs", "artifact_store_that_is_broken_is_a_fault"),
];

const REQUIRED: &str = "crates/flags/src/require.rs";

#[rustfmt::skip]
const OF_REQUIRED: [Told; 13] = [
    ("prepared", "tests/tests/it/flags/required.rs", "refused_nobody_ever_reads_it_and_it_is_told_to_nobody"),
    ("busy", "tests/tests/it/flags/required.rs", "busy_while_another_change_waits_for_its_event"),
    ("named", "tests/tests/it/flags/required.rs", "naming_a_problem_is_no_mitigation_without_the_scope_for_it"),
    ("mitigated", "tests/tests/it/flags/required.rs", "what_takes_back_and_what_mitigates_needs_no_tenant"),
    ("passed", "tests/tests/it/flags/required.rs", "silent_tenant_is_asked_again_and_nothing_holds_up_a_stop"),
    ("clock", "tests/tests/it/flags/required.rs", "clock_ends_a_trial_under_a_prepared_change_for_readers_and_writes_it_later"),
    ("taken", "tests/tests/it/flags/required.rs", "taken_it_is_made_with_its_event"),
    ("found", "tests/tests/it/flags/required.rs", "found_killed_after_the_tenant_was_told_it_is_made"),
    ("refused", "tests/tests/it/flags/required.rs", "refused_nobody_ever_reads_it_and_it_is_told_to_nobody"),
    ("missing", "tests/tests/it/flags/required.rs", "missing_killed_before_the_tenant_was_told_it_is_not_made"),
    ("silent", "tests/tests/it/flags/required.rs", "silent_tenant_is_asked_again_and_nothing_holds_up_a_stop"),
    ("overtaken", "tests/tests/it/flags/required.rs", "overtaken_while_its_event_was_sent_it_is_not_made"),
    ("corrected", "tests/tests/it/flags/required.rs", "corrected_where_the_tenant_has_the_event_after_all"),
];

#[test]
fn every_row_has_a_name_and_a_test() {
    for (table, told) in [
        (VALIDATIONS, &OF_VALIDATIONS[..]),
        (REMEDIATIONS, &OF_REMEDIATIONS),
        (ANNOUNCEMENTS, &OF_ANNOUNCEMENTS),
        (DEPLOYMENTS, &OF_DEPLOYMENTS),
        (PUBLISHED, &OF_PUBLISHED),
        (REQUIRED, &OF_REQUIRED),
    ] {
        let text = read(table);
        let names = names(table, &text);
        let stories: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix("story."))
            .collect();

        let named: BTreeSet<&str> = told.iter().map(|(row, ..)| *row).collect();
        let untold: Vec<_> = stories.difference(&named).collect();
        assert!(untold.is_empty(), "{table}: no test of {untold:?}");
        for row in &named {
            let is_row = stories.contains(row) || names.contains(row);
            assert!(is_row, "{table} has no row `{row}`");
        }
        for (row, file, test) in told {
            let is_there = read(file).contains(&format!("fn {test}("));
            assert!(is_there, "`{row}`: {file} has no `{test}`");
        }
    }
}

/// The names of the rows of all tables in a file.
fn names<'t>(table: &str, text: &'t str) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("//! | Row |") {
            continue;
        }
        // Behind its head and the dashes; a table ends at the first line that is none.
        let rows = lines.by_ref().skip(1);
        for row in rows.take_while(|line| line.starts_with("//! |")) {
            let name = row
                .strip_prefix("//! | `")
                .and_then(|row| row.split_once('`'));
            let (name, _) = name.unwrap_or_else(|| panic!("{table}: a row without a name: {row}"));
            names.insert(name);
        }
    }
    assert!(!names.is_empty(), "{table} has no rows");
    names
}

fn read(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
