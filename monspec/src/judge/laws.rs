//! Laws that hold for all numbers.

use proptest::prelude::*;

use super::*;
use crate::comparison::{OpenProblems, ScaleFactors, WhenInconclusive};
use crate::signature::{Aggregate, BoundSide, Merge, Metric};

fn side() -> impl Strategy<Value = BoundSide> {
    prop_oneof![Just(BoundSide::Upper), Just(BoundSide::Lower)]
}

/// Numbers as metrics have them. Whole numbers make equality likely and let
/// powers of two scale them without rounding.
fn number() -> impl Strategy<Value = f64> {
    (-1_000_i32..1_000).prop_map(f64::from)
}

fn signature() -> impl Strategy<Value = Signature> {
    let limits = (
        proptest::option::of(number()),
        proptest::option::of(number()),
    );
    (side(), limits).prop_map(|(validate, (upper_limit, lower_limit))| Signature {
        metric: Metric::Timeseries("response".into()),
        aggregate: Aggregate::Avg,
        validate,
        upper_limit,
        lower_limit,
        merge: Merge::Tenant,
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let missing = prop_oneof![
        Just(MissingBaseline::Inconclusive),
        Just(MissingBaseline::FirstRelease)
    ];
    (0_i32..200, missing, any::<bool>()).prop_map(|(factor, missing_baseline, has_compare)| {
        Comparison {
            name: "Gate".into(),
            source: "Staging".into(),
            compare: has_compare.then(|| "Production".into()),
            scale: ScaleFactors {
                default: f64::from(factor),
                ..ScaleFactors::default()
            },
            shift_source_seconds: 0,
            shift_compare_seconds: 0,
            when_inconclusive: WhenInconclusive::Hold,
            missing_baseline,
            open_problems: OpenProblems::default(),
        }
    })
}

fn measurement() -> impl Strategy<Value = Measurement> {
    let part = (number(), 0..3_usize, 0..3_usize);
    prop_oneof![
        4 => number().prop_map(Measurement::Value),
        1 => part.prop_map(|(value, answered, silent)| Measurement::Mean {
            value,
            of: Answered { answered, entities: answered + silent },
        }),
        1 => any::<f64>().prop_map(Measurement::Value),
        1 => Just(Measurement::Value(f64::NAN)),
        1 => Just(Measurement::Value(f64::INFINITY)),
        1 => Just(Measurement::Value(f64::NEG_INFINITY)),
        1 => Just(Measurement::Missing(Gap::FirstRelease)),
        1 => Just(Measurement::Missing(Gap::NoData("Staging".into()))),
    ]
}

fn judged(
    signature: &Signature,
    comparison: &Comparison,
    observation: Measurement,
    baseline: Measurement,
) -> Finding {
    let address = Address {
        service: "Shop".into(),
        method: None,
        signature: 0,
    };
    judge_signature(
        address,
        signature,
        comparison,
        &Measured {
            observation,
            baseline,
        },
    )
}

fn of_numbers(
    signature: &Signature,
    comparison: &Comparison,
    observed: f64,
    baseline: f64,
) -> Finding {
    judged(
        signature,
        comparison,
        Measurement::Value(observed),
        Measurement::Value(baseline),
    )
}

fn map_limits(signature: &Signature, change: impl Fn(f64) -> f64) -> Signature {
    Signature {
        upper_limit: signature.upper_limit.map(&change),
        lower_limit: signature.lower_limit.map(&change),
        ..signature.clone()
    }
}

proptest! {
    #[test]
    fn scaling_everything_keeps_the_outcome(
        signature in signature(), comparison in comparison(),
        observed in number(), baseline in number(), power in -10_i32..20,
    ) {
        // Smaller powers have more digits than the shortest form of a number.
        let scale = |number: f64| number * 2_f64.powi(power);
        let before = of_numbers(&signature, &comparison, observed, baseline);
        let after = of_numbers(&map_limits(&signature, scale), &comparison, scale(observed), scale(baseline));
        prop_assert_eq!(before.outcome, after.outcome);
        prop_assert_eq!(before.margin.map(scale), after.margin);
    }

    #[test]
    fn another_unit_keeps_the_outcome(
        signature in signature(), comparison in comparison(),
        observed in number(), baseline in number(),
    ) {
        // Microseconds become milliseconds.
        let convert = |number: f64| number / 1_000.0;
        let before = of_numbers(&signature, &comparison, observed, baseline);
        let after = of_numbers(&map_limits(&signature, convert), &comparison, convert(observed), convert(baseline));
        prop_assert_eq!(before.outcome, after.outcome);
    }

    /// The limit is calculated in whole numbers and written as a person would,
    /// for every percentage of two digits, 99 as 9.9.
    #[test]
    fn a_value_on_its_limit_holds_and_the_next_one_does_not(
        digits in -1_000_000_000_000_i64..1_000_000_000_000, places in 0..12,
    ) {
        let read = |digits: i64, places: i32| -> f64 { format!("{digits}e-{places}").parse().unwrap() };
        let baseline = read(digits, places);
        for tenths in (0..100).chain((100..1000).step_by(10)) {
            let factor = read(tenths, 1);
            let share = digits.abs() * tenths;
            let upper = read(digits * 1_000 + share, places + 3);
            let lower = read(digits * 1_000 - share, places + 3);
            for (side, limit, worse) in [
                (BoundSide::Upper, upper, upper.next_up()),
                (BoundSide::Lower, lower, lower.next_down()),
            ] {
                let Bounds { range, .. } = Bounds::derived(side, baseline, factor).unwrap();
                prop_assert!(range.admits(limit), "{side} {baseline} {factor}: {limit}");
                prop_assert!(!range.admits(worse), "{side} {baseline} {factor}: {worse}");
            }
        }
    }

    #[test]
    fn shifting_static_limits_and_the_observation_keeps_the_outcome(
        signature in signature(), comparison in comparison(),
        observed in number(), baseline in number(), by in number(),
    ) {
        prop_assume!(!signature.needs_baseline());
        let shift = |number: f64| number + by;
        let before = of_numbers(&signature, &comparison, observed, baseline);
        let after = of_numbers(&map_limits(&signature, shift), &comparison, shift(observed), baseline);
        prop_assert_eq!(before.outcome, after.outcome);
    }

    #[test]
    fn a_worse_observation_never_repairs_a_violation(
        side in side(), comparison in comparison(),
        observed in any::<f64>(), worse_by in 0.0..1e6_f64, baseline in number(), limit in proptest::option::of(number()),
    ) {
        let (upper_limit, lower_limit) = match side {
            BoundSide::Upper => (limit, None),
            BoundSide::Lower => (None, limit),
        };
        let signature = Signature {
            metric: Metric::Timeseries("response".into()),
            aggregate: Aggregate::Avg,
            validate: side,
            upper_limit,
            lower_limit,
            merge: Merge::Tenant,
        };
        let worse = match side {
            BoundSide::Upper => observed + worse_by,
            BoundSide::Lower => observed - worse_by,
        };
        let before = of_numbers(&signature, &comparison, observed, baseline);
        let after = of_numbers(&signature, &comparison, worse, baseline);
        prop_assert!(before.outcome != Outcome::Violated || after.outcome != Outcome::Held);
        if let (Some(before), Some(after)) = (before.margin, after.margin) {
            prop_assert!(after <= before);
        }
    }

    #[test]
    fn only_finite_numbers_are_ever_held(
        signature in signature(), comparison in comparison(),
        observation in measurement(), baseline in measurement(),
    ) {
        let finding = judged(&signature, &comparison, observation.clone(), baseline.clone());
        if finding.outcome == Outcome::Inconclusive {
            prop_assert!(finding.upper_limit.is_none() && finding.lower_limit.is_none() && finding.margin.is_none());
        } else {
            prop_assert!(observation.finite().is_ok());
            prop_assert!(!signature.needs_baseline() || baseline.finite().is_ok());
            let shown = [finding.observation, finding.upper_limit, finding.lower_limit, finding.margin];
            prop_assert!(shown.into_iter().flatten().all(f64::is_finite));
        }
        prop_assert_eq!(finding.outcome == Outcome::Held, finding.margin.is_some_and(|margin| 0.0 <= margin));
    }

    #[test]
    fn silence_never_makes_a_pass_and_never_hides_a_violation(
        signature in signature(), comparison in comparison(), observed in number(), baseline in number(),
        answered in 1..5_usize, silent in 0..3_usize,
    ) {
        let all = of_numbers(&signature, &comparison, observed, baseline);
        let of = Answered { answered, entities: answered + silent };
        let part = Measurement::Mean { value: observed, of };
        let finding = judged(&signature, &comparison, part, Measurement::Value(baseline));
        prop_assert_eq!(finding.coverage.observation, Some(of));
        let expected = match all.outcome {
            Outcome::Held if 0 < silent => Outcome::Inconclusive,
            other => other,
        };
        prop_assert_eq!(finding.outcome, expected);
    }

    #[test]
    fn only_the_first_release_is_ever_accepted(
        signature in signature(), comparison in comparison(),
        observation in measurement(), baseline in measurement(),
    ) {
        let finding = judged(&signature, &comparison, observation.clone(), baseline.clone());
        let may_be = baseline == Measurement::Missing(Gap::FirstRelease)
            && observation.finite().is_ok()
            && comparison.missing_baseline == MissingBaseline::FirstRelease
            && comparison.compare.is_some()
            && signature.needs_baseline();
        prop_assert_eq!(finding.accepted, may_be);
    }

    #[test]
    fn the_order_of_signatures_does_not_matter(
        cases in proptest::collection::vec((signature(), comparison(), measurement(), measurement()), 0..6),
        seed in any::<prop::sample::Index>(),
    ) {
        let findings: Vec<_> = cases
            .into_iter()
            .map(|(signature, comparison, observation, baseline)| judged(&signature, &comparison, observation, baseline))
            .collect();
        let mut rotated = findings.clone();
        if !rotated.is_empty() {
            let by = seed.index(rotated.len());
            rotated.rotate_left(by);
            rotated.swap(0, by);
        }
        prop_assert_eq!(verdict(&findings), verdict(&rotated));
    }
}
