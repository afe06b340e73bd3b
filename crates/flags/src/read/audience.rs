//! Reads who is answered what.

use std::collections::BTreeMap;

use lint::{Cursor, Fields, Place, Report, did_you_mean, nearest, shortened};

use super::Known;
use super::name::check_name;
use super::shape::ROLLOUT;
use crate::declaration::{Audience, Rollout, Share};
use crate::targeting::{BadRule, FRACTIONAL, OPERATORS, Targeting};
use crate::value::Value;

/// Where a flag names the flag that is its share.
pub(super) struct PlacedShare {
    place: Place,
    flag: String,
}

/// Reads the audience, and where it names another flag.
pub(super) fn read_audience(
    fields: &Fields<'_>,
    variants: &BTreeMap<String, Value>,
    report: &mut Report<'_>,
) -> (Audience, Option<PlacedShare>) {
    match (fields.get("rollout"), fields.get("targeting")) {
        (None, None) => (Audience::Everybody, None),
        (Some(cursor), None) => match read_rollout(&cursor, variants, report) {
            Some((rollout, share)) => (Audience::Rollout(rollout), share),
            None => (Audience::Everybody, None),
        },
        (None, Some(cursor)) => {
            check_there_are_variants(&cursor, variants, report);
            let targeting = read_targeting(&cursor, report);
            (
                targeting.map_or(Audience::Everybody, Audience::Targeting),
                None,
            )
        }
        (Some(_), Some(cursor)) => {
            report.error(
                &cursor.place,
                "there is a rollout and a rule, and both say who is answered what",
                "remove one, or write the share into the rule: `{ \"fractional\": … }`",
            );
            (Audience::Everybody, None)
        }
    }
}

/// Looks whether a flag that is a share is there and holds percents.
pub(super) fn check_share(share: &PlacedShare, known: Known<'_>, report: &mut Report<'_>) {
    let PlacedShare { place, flag: name } = share;
    let Some(flag) = known.flag(name, place, report) else {
        return;
    };
    let within = |bound: Option<f64>| bound.is_some_and(|bound| (0.0..=100.0).contains(&bound));
    if !flag.kind.is_numeric() || !within(flag.bounds.min) || !within(flag.bounds.max) {
        report.error(
            place,
            format!("`{name}` is not bounded by 0 and 100"),
            "give it the type `integer` or `number`, `\"min\": 0` and `\"max\": 100`",
        );
    }
}

fn read_rollout(
    cursor: &Cursor<'_>,
    variants: &BTreeMap<String, Value>,
    report: &mut Report<'_>,
) -> Option<(Rollout, Option<PlacedShare>)> {
    check_there_are_variants(cursor, variants, report);
    let fields = cursor.object(ROLLOUT, report)?;
    let variant = read_variant(&fields, "variant", variants, report);
    let otherwise = read_variant(&fields, "otherwise", variants, report);
    let percent = fields.number("percent", report);
    if let (Some(percent), Some(cursor)) = (percent, fields.get("percent"))
        && !(0.0..=100.0).contains(&percent)
    {
        report.error(
            &cursor.place,
            format!("{percent} percent of all users are not a share of them"),
            "write a number from 0 to 100",
        );
    }
    let flag = fields.text("percentOf", check_name, report);
    let (share, placed) = match (percent, flag) {
        (Some(percent), None) => (Share::Percent(percent), None),
        (None, Some(flag)) => {
            let place = fields.get("percentOf")?.place;
            let placed = PlacedShare {
                place,
                flag: flag.clone(),
            };
            (Share::Flag(flag), Some(placed))
        }
        _ => {
            report.error(
                &fields.place,
                "exactly one of `percent` and `percentOf` says how large the share is",
                "write a number, or name the flag that holds it",
            );
            return None;
        }
    };
    let rollout = Rollout {
        variant: variant?,
        otherwise: otherwise?,
        share,
    };
    Some((rollout, placed))
}

fn read_variant(
    fields: &Fields<'_>,
    name: &str,
    variants: &BTreeMap<String, Value>,
    report: &mut Report<'_>,
) -> Option<String> {
    let variant = fields.required_text(name, check_name, report)?;
    if !variants.contains_key(variant) && !variants.is_empty() {
        let names: Vec<&str> = variants.keys().map(String::as_str).collect();
        report.error(
            &fields.get(name)?.place,
            format!("there is no variant `{}`", shortened(variant)),
            did_you_mean(variant, &names, "it can be"),
        );
    }
    Some(variant.to_owned())
}

fn check_there_are_variants(
    cursor: &Cursor<'_>,
    variants: &BTreeMap<String, Value>,
    report: &mut Report<'_>,
) {
    if variants.is_empty() {
        report.error(
            &cursor.place,
            "there are no variants to choose from",
            "name the values: `\"variants\": { \"<name>\": <value>, … }`",
        );
    }
}

fn read_targeting(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Targeting> {
    let why = match Targeting::new(cursor.value().json()) {
        Ok(targeting) => return Some(targeting),
        Err(why) => why,
    };
    let operators = || OPERATORS.into_iter().chain([FRACTIONAL]);
    let fix = match &why {
        BadRule::UnknownOperator(operator) => match nearest(operator, operators()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write it with the operators that all engines agree on".to_owned(),
        },
        BadRule::NoOperation => "write `{ \"<operator>\": [ … ] }`".to_owned(),
        BadRule::TooLong(_) | BadRule::TooDeep => "write a simpler rule".to_owned(),
    };
    report.error(&cursor.place, why.to_string(), fix);
    None
}
