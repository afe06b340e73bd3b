//! The text of an approval, within CodePipeline's limit.

use std::cmp::Ordering;

use monspec::{Finding, Outcome, Verdict};

/// What CodePipeline accepts, in characters.
pub const LONGEST: usize = 512;

/// How many findings are told before the reader is sent to the report.
const WORST: usize = 3;

/// One sentence on the verdict and the worst findings with their numbers.
///
/// `reason` replaces the count where the numbers were not judged.
pub fn text(
    verdict: Verdict,
    findings: &[Finding],
    reason: Option<&str>,
    note: Option<&str>,
) -> String {
    let headline = match reason {
        Some(reason) => reason.to_owned(),
        None => count(verdict, findings),
    };
    let mut text = format!("{}: {headline}.", title(verdict));
    if let Some(note) = note {
        text.push(' ');
        text.push_str(note);
    }
    for finding in worst(findings) {
        text.push(' ');
        text.push_str(&sentence(finding));
    }
    text
}

/// Puts the link behind the text and cuts the text, never the link.
pub fn with_link(text: &str, link: Option<&str>) -> String {
    let Some(link) = link else {
        return cut(text, LONGEST);
    };
    let room = LONGEST.saturating_sub(link.chars().count() + 1);
    format!("{} {link}", cut(text, room))
}

/// The findings that decide, worst first: violations by how far they are off,
/// then gaps, then what was accepted.
pub fn worst(findings: &[Finding]) -> Vec<&Finding> {
    let mut worst: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.outcome != Outcome::Held)
        .collect();
    worst.sort_by(|a, b| {
        rank(a)
            .cmp(&rank(b))
            .then_with(|| excess(b).total_cmp(&excess(a)))
    });
    worst.truncate(WORST);
    worst
}

/// A number as a person reads it: no noise, no lost magnitude.
pub fn number(value: f64) -> String {
    let text = match value.abs().partial_cmp(&100.0) {
        Some(Ordering::Less) => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    };
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
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
        Verdict::Failed => format!("{} of {all} signatures violated", of(Outcome::Violated)),
        Verdict::Inconclusive if all == 0 => "no signature was judged".to_owned(),
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
        (Some(upper), _) if observation > upper => format!("> {}", number(upper)),
        (_, Some(lower)) => format!("< {}", number(lower)),
        (_, None) => return format!("{subject}: {}.", finding.reason.trim_end_matches('.')),
    };
    let baseline = finding.baseline.map_or_else(String::new, |baseline| {
        format!(" (baseline {})", number(baseline))
    });
    format!("{subject} {} {bound}{baseline}.", number(observation))
}

fn subject(finding: &Finding) -> String {
    let metric = finding
        .metric
        .strip_prefix("com.dynatrace.builtin:")
        .unwrap_or(&finding.metric);
    let place = match &finding.address.method {
        Some(method) => format!("{} {method}", finding.address.service),
        None => finding.address.service.clone(),
    };
    format!("{place} {metric} {}", finding.aggregate)
}

fn rank(finding: &Finding) -> u8 {
    match finding.outcome {
        Outcome::Violated => 0,
        Outcome::Inconclusive if !finding.accepted => 1,
        Outcome::Inconclusive => 2,
        Outcome::Held => 3,
    }
}

/// How far beyond its limit, relative to the limit, so that milliseconds and
/// percents compare.
fn excess(finding: &Finding) -> f64 {
    let Some(observation) = finding.observation else {
        return 0.0;
    };
    [finding.upper_limit, finding.lower_limit]
        .into_iter()
        .flatten()
        .map(|limit| (observation - limit).abs() / limit.abs().max(f64::MIN_POSITIVE))
        .fold(0.0, f64::max)
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(1)).collect();
    short.push('…');
    short
}
