//! The text of an approval, within CodePipeline's limit.

use std::cmp::Ordering;

use monspec::{Finding, Outcome, Verdict, readable};

use crate::validation::PersonsDecision;

/// The longest text that CodePipeline accepts, in characters.
pub const LONGEST: usize = 512;

/// How many findings the text lists; the report has all.
const WORST: usize = 3;

/// One sentence on the verdict and the worst findings with their numbers.
///
/// `reason` replaces the count if the numbers were not judged.
pub fn text(
    verdict: Verdict,
    findings: &[Finding],
    reason: Option<&str>,
    note: Option<&str>,
) -> String {
    let mut text = headline(verdict, findings, reason);
    if let Some(note) = note {
        text.push(' ');
        text.push_str(note);
    }
    // Numbers that were not judged are no reason.
    let told = if reason.is_some() { &[] } else { findings };
    for finding in worst(told) {
        text.push(' ');
        text.push_str(&sentence(finding));
    }
    text
}

/// The verdict in one sentence.
///
/// `reason` replaces the count if the numbers were not judged.
pub fn headline(verdict: Verdict, findings: &[Finding], reason: Option<&str>) -> String {
    let why = match reason {
        Some(reason) => reason.to_owned(),
        None => count(verdict, findings),
    };
    format!("{}: {why}.", title(verdict))
}

/// The text of an approval that a person released although its verdict was held.
pub fn released(decision: &PersonsDecision, summary: &str) -> String {
    let PersonsDecision { who, why, .. } = decision;
    format!(
        "Released by {who}: {}. {summary}",
        why.trim_end_matches('.')
    )
}

/// Appends the link, and cuts the text but never the link.
pub fn with_link(text: &str, link: Option<&str>) -> String {
    let Some(link) = link else {
        return cut(text, LONGEST);
    };
    let room = LONGEST.saturating_sub(link.chars().count() + 1);
    format!("{} {link}", cut(text, room))
}

/// The deciding findings, worst first, without those that held.
pub fn worst(findings: &[Finding]) -> Vec<&Finding> {
    let mut worst: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.outcome != Outcome::Held)
        .collect();
    worst.sort_by(|a, b| worse_first(a, b));
    worst.truncate(WORST);
    worst
}

/// Sorts deciding findings first: violations by their excess, then gaps, then
/// accepted gaps, then findings that held.
pub fn worse_first(a: &Finding, b: &Finding) -> Ordering {
    rank(a)
        .cmp(&rank(b))
        .then_with(|| excess(b).total_cmp(&excess(a)))
}

/// Names a signature across builds, as the 2018 report did.
pub fn series_name(finding: &Finding) -> String {
    format!(
        "{} - {}({},{})",
        place(finding),
        metric(finding),
        finding.aggregate.to_uppercase(),
        finding.side.as_str().to_uppercase()
    )
}

/// The service, and the method within it.
fn place(finding: &Finding) -> String {
    match &finding.address.method {
        Some(method) => format!("{} {method}", finding.address.service),
        None => finding.address.service.clone(),
    }
}

/// The metric without the common prefix of built-in ones.
fn metric(finding: &Finding) -> &str {
    finding
        .metric
        .strip_prefix("com.dynatrace.builtin:")
        .unwrap_or(&finding.metric)
}

fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "Passed",
        Verdict::Failed => "Failed",
        Verdict::Inconclusive => "Inconclusive",
    }
}

fn count(verdict: Verdict, findings: &[Finding]) -> String {
    let of = |outcome| {
        findings
            .iter()
            .filter(|finding| finding.outcome == outcome)
            .count()
    };
    let all = findings.len();
    match verdict {
        Verdict::Passed => format!("{} of {all} signatures held", of(Outcome::Held)),
        Verdict::Failed if of(Outcome::Violated) == 0 => {
            "no signature is violated, but an open problem counts".to_owned()
        }
        Verdict::Failed => format!("{} of {all} signatures violated", of(Outcome::Violated)),
        Verdict::Inconclusive if all == 0 => "no signature was judged".to_owned(),
        Verdict::Inconclusive if of(Outcome::Inconclusive) == 0 => {
            "it is unknown whether a problem is open".to_owned()
        }
        Verdict::Inconclusive => {
            format!(
                "{} of {all} signatures could not be judged",
                of(Outcome::Inconclusive)
            )
        }
    }
}

fn sentence(finding: &Finding) -> String {
    let subject = subject(finding);
    let (Some(observation), Outcome::Violated) = (finding.observation, finding.outcome) else {
        return format!("{subject}: {}.", finding.reason.trim_end_matches('.'));
    };
    let bound = match (finding.upper_limit, finding.lower_limit) {
        (Some(upper), _) if observation > upper => format!("> {}", readable(upper)),
        (_, Some(lower)) => format!("< {}", readable(lower)),
        (_, None) => return format!("{subject}: {}.", finding.reason.trim_end_matches('.')),
    };
    let baseline = finding.baseline.map_or_else(String::new, |baseline| {
        format!(" (baseline {})", readable(baseline))
    });
    let coverage = match finding.coverage {
        none if none.is_empty() => String::new(),
        coverage => format!("; {coverage}"),
    };
    format!(
        "{subject} {} {bound}{baseline}{coverage}.",
        readable(observation)
    )
}

/// Names a signature in a sentence.
pub fn subject(finding: &Finding) -> String {
    format!(
        "{} {} {}",
        place(finding),
        metric(finding),
        finding.aggregate
    )
}

fn rank(finding: &Finding) -> u8 {
    match finding.outcome {
        Outcome::Violated => 0,
        Outcome::Inconclusive if !finding.accepted => 1,
        Outcome::Inconclusive => 2,
        Outcome::Held => 3,
    }
}

/// The excess over the limit, relative to it, so that milliseconds and percents
/// are comparable; negative within the limit.
fn excess(finding: &Finding) -> f64 {
    let Some(observation) = finding.observation else {
        return 0.0;
    };
    let relative = |beyond: f64, limit: f64| beyond / limit.abs().max(f64::MIN_POSITIVE);
    let above = finding
        .upper_limit
        .map(|limit| relative(observation - limit, limit));
    let below = finding
        .lower_limit
        .map(|limit| relative(limit - observation, limit));
    above
        .into_iter()
        .chain(below)
        .reduce(f64::max)
        .unwrap_or(0.0)
}

pub(crate) fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use monspec::{Address, BoundSide};

    use super::*;

    fn finding(metric: &str, outcome: Outcome, observation: f64, limit: f64) -> Finding {
        Finding {
            address: Address {
                service: "Cart".to_owned(),
                method: None,
                signature: 0,
            },
            metric: metric.to_owned(),
            aggregate: "avg".to_owned(),
            side: BoundSide::Upper,
            outcome,
            accepted: false,
            observation: Some(observation),
            baseline: Some(100.0),
            coverage: monspec::Coverage::default(),
            tolerance: None,
            upper_limit: Some(limit),
            lower_limit: None,
            margin: Some(limit - observation),
            reason: "somebody said so.".to_owned(),
        }
    }

    fn gap(metric: &str) -> Finding {
        Finding {
            observation: None,
            upper_limit: None,
            ..finding(metric, Outcome::Inconclusive, 0.0, 0.0)
        }
    }

    #[test]
    fn worst_violations_come_first_and_gaps_after_them() {
        let findings = [
            gap("silent"),
            finding("a little", Outcome::Violated, 116.0, 115.0),
            finding("fine", Outcome::Held, 90.0, 115.0),
            finding(
                "com.dynatrace.builtin:much",
                Outcome::Violated,
                500.0,
                115.0,
            ),
        ];

        let text = text(Verdict::Failed, &findings, None, None);

        assert_eq!(
            text,
            "Failed: 2 of 4 signatures violated. Cart much avg 500 > 115 (baseline 100). \
             Cart a little avg 116 > 115 (baseline 100). Cart silent avg: somebody said so."
        );
    }

    #[test]
    fn only_the_limit_that_is_broken_weighs() {
        let between = Finding {
            lower_limit: Some(1.0),
            ..finding("a little", Outcome::Violated, 116.0, 115.0)
        };
        let findings = [
            between,
            finding("more", Outcome::Violated, 130.0, 115.0),
            finding("far from it", Outcome::Held, 10.0, 115.0),
            finding("close", Outcome::Held, 114.0, 115.0),
        ];

        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by(|a, b| worse_first(a, b));

        let metrics: Vec<&str> = sorted.iter().map(|one| one.metric.as_str()).collect();
        assert_eq!(metrics, ["more", "a little", "close", "far from it"]);
    }

    #[test]
    fn reason_stands_where_nothing_was_measured() {
        assert_eq!(
            text(Verdict::Inconclusive, &[], Some("overtaken by d-2"), None),
            "Inconclusive: overtaken by d-2."
        );
        assert_eq!(
            text(Verdict::Inconclusive, &[], None, None),
            "Inconclusive: no signature was judged."
        );
    }

    #[test]
    fn long_text_is_cut_and_the_link_is_whole() {
        let link = format!("https://report.example/v/{}", "x".repeat(100));

        let text = with_link(&"ä".repeat(1_000), Some(&link));

        assert_eq!(text.chars().count(), LONGEST);
        assert!(text.ends_with(&format!("… {link}")), "{text}");
        assert_eq!(with_link("short", None), "short");
    }

    #[test]
    fn series_keep_the_names_they_had_in_2018() {
        let finding = finding(
            "com.dynatrace.builtin:service.responsetime",
            Outcome::Held,
            1.0,
            2.0,
        );

        assert_eq!(
            series_name(&finding),
            "Cart - service.responsetime(AVG,UPPER)"
        );
    }
}
