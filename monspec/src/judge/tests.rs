use std::collections::BTreeMap;

use super::{
    Answered, Finding, Gap, Measured, Measurement, Outcome, Verdict, addresses, judge, verdict,
};
use crate::read;
use crate::spec::Monspec;
use Measurement::{Missing, Value};

/// A spec with one comparison and one signature, both completed by the case.
fn spec(comparison: &str, signature: &str) -> Monspec {
    let source = format!(
        r#"{{ "Shop": {{
            "etype": "SERVICE",
            "environments": {{
                "Staging": {{ "tags": [{{ "key": "a" }}] }}, "Production": {{ "tags": [{{ "key": "b" }}] }}
            }},
            "comparisons": [{{ "name": "Gate", "source": "Staging", {comparison} }}],
            "perfsignature": [{{ "timeseries": "response", {signature} }}]
        }} }}"#
    );
    let reading = read(&source, |_| None);
    reading
        .spec
        .unwrap_or_else(|| panic!("{:#?}", reading.messages))
}

fn judged(
    comparison: &str,
    signature: &str,
    observation: Measurement,
    baseline: Measurement,
) -> Finding {
    let spec = spec(comparison, signature);
    let [(entry, comparison)] = spec.compared("Gate")[..] else {
        panic!("one entry")
    };
    let (address, _) = addresses(entry).next().unwrap();
    let measured = BTreeMap::from([(
        address,
        Measured {
            observation,
            baseline,
        },
    )]);
    judge(entry, comparison, &measured).remove(0)
}

const BY_TEN: &str = r#""compare": "Production", "scalefactorperc": { "default": 10 }"#;

#[track_caller]
fn check(comparison: &str, signature: &str, observation: f64, baseline: f64, expected: &str) {
    let finding = judged(comparison, signature, Value(observation), Value(baseline));
    let margin = finding
        .margin
        .map_or_else(|| "none".to_owned(), |margin| margin.to_string());
    assert_eq!(
        format!("{}, margin {margin}: {}", finding.outcome, finding.reason),
        expected
    );
}

#[test]
fn upper_limit_derives_from_the_baseline() {
    let upper = r#""validate": "upper""#;
    check(
        BY_TEN,
        upper,
        90.0,
        100.0,
        "held, margin 20: 90 does not exceed the upper limit 110 (baseline 100 + 10 %)",
    );
    check(
        BY_TEN,
        upper,
        110.0,
        100.0,
        "held, margin 0: 110 does not exceed the upper limit 110 (baseline 100 + 10 %)",
    );
    check(
        BY_TEN,
        upper,
        110.5,
        100.0,
        "violated, margin -0.5: 110.5 is above the upper limit 110 (baseline 100 + 10 %)",
    );
    check(
        BY_TEN,
        upper,
        -95.0,
        -100.0,
        "held, margin 5: -95 does not exceed the upper limit -90 (baseline -100 + 10 %)",
    );
    check(
        BY_TEN,
        upper,
        0.0,
        0.0,
        "held, margin 0: 0 does not exceed the upper limit 0 (baseline 0 + 10 %)",
    );
}

#[test]
fn how_many_of_how_many_answered_is_told() {
    let mean = |value: f64, answered: usize, entities: usize| Measurement::Mean {
        value,
        of: Answered { answered, entities },
    };
    let upper = r#""validate": "upper""#;
    for (signature, observation, baseline, outcome, reason) in [
        (
            upper,
            mean(90.0, 2, 2),
            mean(100.0, 3, 3),
            Outcome::Held,
            "90 does not exceed the upper limit 110 (baseline 100 + 10 %); 2 of 2 entities answered, and 3 of 3 entities answered for the baseline",
        ),
        (
            upper,
            mean(90.0, 1, 2),
            Value(100.0),
            Outcome::Inconclusive,
            "the answers are within the limits, but some are missing: 1 of 2 entities answered",
        ),
        (
            upper,
            mean(90.0, 1, 1),
            mean(100.0, 2, 3),
            Outcome::Inconclusive,
            "the answers are within the limits, but some are missing: 1 of 1 entity answered, and \
             2 of 3 entities answered for the baseline",
        ),
        (
            upper,
            mean(120.0, 1, 2),
            Value(100.0),
            Outcome::Violated,
            "120 is above the upper limit 110 (baseline 100 + 10 %); 1 of 2 entities answered",
        ),
        (
            r#""upperlimit": 100"#,
            mean(90.0, 2, 2),
            mean(100.0, 2, 3),
            Outcome::Held,
            "90 does not exceed the upper limit 100; 2 of 2 entities answered, and 2 of 3 entities answered for the baseline",
        ),
    ] {
        let finding = judged(BY_TEN, signature, observation, baseline);
        assert_eq!(
            (finding.outcome, finding.reason.as_str()),
            (outcome, reason)
        );
    }
}

#[test]
fn lower_limit_derives_from_the_baseline() {
    let lower = r#""validate": "lower""#;
    check(
        BY_TEN,
        lower,
        90.0,
        100.0,
        "held, margin 0: 90 does not fall below the lower limit 90 (baseline 100 - 10 %)",
    );
    check(
        BY_TEN,
        lower,
        89.0,
        100.0,
        "violated, margin -1: 89 is below the lower limit 90 (baseline 100 - 10 %)",
    );
    check(
        BY_TEN,
        lower,
        -111.0,
        -100.0,
        "violated, margin -1: -111 is below the lower limit -110 (baseline -100 - 10 %)",
    );
}

#[test]
fn factor_of_the_metric_precedes_the_default() {
    let own = r#""compare": "Production", "scalefactorperc": { "default": 10, "response": 50 }"#;
    check(
        own,
        r#""validate": "upper""#,
        150.0,
        100.0,
        "held, margin 0: 150 does not exceed the upper limit 150 (baseline 100 + 50 %)",
    );
}

#[test]
fn without_a_factor_nothing_may_be_worse() {
    check(
        r#""compare": "Production""#,
        r#""validate": "upper""#,
        100.5,
        100.0,
        "violated, margin -0.5: 100.5 is above the upper limit 100 (baseline 100 + 0 %)",
    );
}

#[test]
fn static_limits_are_both_enforced_and_replace_the_derived_one() {
    let both = r#""upperlimit": 100, "lowerlimit": 50"#;
    check(
        BY_TEN,
        both,
        100.0,
        1.0,
        "held, margin 0: 100 lies between the limits 50 and 100",
    );
    check(
        BY_TEN,
        both,
        50.0,
        1.0,
        "held, margin 0: 50 lies between the limits 50 and 100",
    );
    check(
        BY_TEN,
        both,
        101.0,
        1.0,
        "violated, margin -1: 101 is above the upper limit 100",
    );
    check(
        BY_TEN,
        both,
        49.0,
        1.0,
        "violated, margin -1: 49 is below the lower limit 50",
    );
    check(
        BY_TEN,
        r#""upperlimit": 100"#,
        101.0,
        1000.0,
        "violated, margin -1: 101 is above the upper limit 100",
    );
    check(
        BY_TEN,
        r#""lowerlimit": 50, "validate": "upper""#,
        1e6,
        1.0,
        "held, margin 999950: 1000000 does not fall below the lower limit 50",
    );
}

#[test]
fn static_limits_need_no_baseline_but_show_one() {
    let gap = Missing(Gap::NoData("Production".into()));
    let without = judged(BY_TEN, r#""upperlimit": 100"#, Value(1.0), gap);
    assert_eq!((without.outcome, without.baseline), (Outcome::Held, None));
    let with = judged(BY_TEN, r#""upperlimit": 100"#, Value(1.0), Value(7.0));
    assert_eq!((with.outcome, with.baseline), (Outcome::Held, Some(7.0)));
}

#[test]
fn gap_is_inconclusive_with_its_reason_and_never_a_pass() {
    let gap = |gap: &Gap| Missing(gap.clone());
    let no_data = Gap::NoData("Staging".into());
    for (observation, baseline, reason) in [
        (
            gap(&no_data),
            Value(1.0),
            "no observation: Dynatrace has no data for Staging; check that it got traffic during the window",
        ),
        (
            Value(1.0),
            gap(&no_data),
            "no baseline: Dynatrace has no data for Staging; check that it got traffic during the window",
        ),
        (
            gap(&no_data),
            gap(&Gap::FirstRelease),
            "no observation: Dynatrace has no data for Staging; check that it got traffic during the window",
        ),
        (
            Value(f64::NAN),
            Value(1.0),
            "no observation: the value is not a finite number, so it cannot be compared",
        ),
        (
            Value(1.0),
            Value(f64::INFINITY),
            "no baseline: the value is not a finite number, so it cannot be compared",
        ),
        (
            Value(1.0),
            Value(f64::MAX),
            "no baseline: the value is not a finite number, so it cannot be compared",
        ),
        (
            Value(1.0),
            gap(&Gap::FirstRelease),
            "this is the first release, so there is no baseline yet",
        ),
    ] {
        let finding = judged(BY_TEN, r#""validate": "upper""#, observation, baseline);
        assert_eq!(finding.outcome, Outcome::Inconclusive);
        assert_eq!(finding.reason, reason);
        assert!(!finding.accepted, "{reason}");
        assert_eq!(verdict(&[finding]), Verdict::Inconclusive);
    }
}

#[test]
fn comparison_without_a_compare_side_has_nothing_to_hold_against() {
    let finding = judged(
        r#""_compare": 0"#,
        r#""validate": "upper""#,
        Value(1.0),
        Value(1.0),
    );
    assert_eq!(finding.outcome, Outcome::Inconclusive);
    assert!(
        finding
            .reason
            .starts_with("there is nothing to compare it with"),
        "{}",
        finding.reason
    );
}

#[test]
fn missing_baseline_of_a_first_release_is_accepted_where_the_spec_says_so() {
    let lenient = format!(r#"{BY_TEN}, "missingBaseline": "firstRelease""#);
    let first = || Missing(Gap::FirstRelease);
    let any = r#""validate": "upper""#;

    let accepted = judged(&lenient, any, Value(1.0), first());
    assert_eq!(
        (accepted.outcome, accepted.accepted),
        (Outcome::Inconclusive, true)
    );
    assert_eq!(verdict(std::slice::from_ref(&accepted)), Verdict::Passed);

    assert!(
        !judged(BY_TEN, any, Value(1.0), first()).accepted,
        "not allowed by the spec"
    );
    assert!(
        !judged(&lenient, any, first(), first()).accepted,
        "nothing was observed"
    );
    let other = Missing(Gap::NoData("Production".into()));
    assert!(
        !judged(&lenient, any, Value(1.0), other).accepted,
        "another gap"
    );
}

#[test]
fn signature_that_nobody_measured_is_a_gap() {
    let spec = spec(BY_TEN, r#""validate": "upper""#);
    let [(entry, comparison)] = spec.compared("Gate")[..] else {
        panic!("one entry")
    };
    let findings = judge(entry, comparison, &BTreeMap::new());
    assert_eq!(findings[0].reason, "no observation: nothing was measured");
    assert_eq!(verdict(&findings), Verdict::Inconclusive);
}

#[test]
fn findings_follow_the_order_of_the_file_with_methods_last() {
    let spec = spec(
        BY_TEN,
        r#""validate": "upper" }, { "timeseries": "b" }], "servicemethods": [
            { "name": "z", "perfsignature": [{ "timeseries": "c" }] },
            { "name": "a", "perfsignature": [{ "timeseries": "d" }, { "timeseries": "e" }] }
        ], "_": [{ "_": 0"#,
    );
    let [(entry, comparison)] = spec.compared("Gate")[..] else {
        panic!("one entry")
    };
    let findings = judge(entry, comparison, &BTreeMap::new());
    let order: Vec<_> = findings
        .iter()
        .map(|one| format!("{} {}", one.metric, one.address))
        .collect();
    assert_eq!(
        order,
        [
            "response Shop.perfsignature[0]",
            "b Shop.perfsignature[1]",
            "c Shop.servicemethods[\"z\"].perfsignature[0]",
            "d Shop.servicemethods[\"a\"].perfsignature[0]",
            "e Shop.servicemethods[\"a\"].perfsignature[1]",
        ]
    );
}

#[test]
fn verdict_weighs_violations_over_gaps_over_what_held() {
    let finding = |observation: f64| {
        judged(
            BY_TEN,
            r#""validate": "upper""#,
            Value(observation),
            Value(100.0),
        )
    };
    let (held, violated, gap) = (finding(1.0), finding(200.0), finding(f64::NAN));
    let of =
        |findings: &[&Finding]| verdict(&findings.iter().copied().cloned().collect::<Vec<_>>());
    assert_eq!(of(&[]), Verdict::Inconclusive);
    assert_eq!(of(&[&held, &held]), Verdict::Passed);
    assert_eq!(of(&[&held, &gap]), Verdict::Inconclusive);
    assert_eq!(of(&[&held, &gap, &violated]), Verdict::Failed);
}
