//! Reads metric selectors as far as needed to extend and to recognise them.

/// What a selector measures: the same for the selector that was sent and for
/// the spelling that Dynatrace answers with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    key: String,
    aggregation: Option<String>,
}

/// A selector of one metric, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) key: &'a str,
    steps: Vec<&'a str>,
}

/// What a selector consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    Metric(Parsed<'a>),
    /// Metrics that are calculated with, which only Dynatrace understands.
    Arithmetic,
    /// Several selectors where one is wanted.
    Several,
    /// Nothing, or a quote or parenthesis without its other half.
    Broken,
}

pub(super) fn shape(text: &str) -> Shape<'_> {
    let text = text.trim();
    let Some(marks) = marks(text) else {
        return Shape::Broken;
    };
    if text.is_empty() {
        return Shape::Broken;
    }
    if marks.iter().any(|(_, mark)| *mark == ',') {
        return Shape::Several;
    }
    if text.starts_with('(') || marks.iter().any(|(_, mark)| *mark != ':') {
        return Shape::Arithmetic;
    }

    let mut parts = Vec::new();
    let mut begin = 0;
    for (at, _) in &marks {
        parts.push(text[begin..*at].trim());
        begin = at + 1;
    }
    parts.push(text[begin..].trim());

    let in_key = if has_namespace(&parts) { 2 } else { 1 };
    let end = marks.get(in_key - 1).map_or(text.len(), |(at, _)| *at);
    Shape::Metric(Parsed {
        key: text[..end].trim(),
        steps: parts.split_off(in_key),
    })
}

/// The identity of a selector, where it is one of a single metric.
pub(super) fn identity(text: &str) -> Option<Identity> {
    match shape(text) {
        Shape::Metric(parsed) => Some(Identity {
            key: parsed.key.to_owned(),
            aggregation: parsed.steps.iter().rev().find_map(|step| aggregation(step)),
        }),
        Shape::Arithmetic | Shape::Several | Shape::Broken => None,
    }
}

impl Parsed<'_> {
    /// Whether the selector says itself how measurements become one number.
    pub(super) fn aggregates(&self) -> bool {
        self.steps.iter().any(|step| aggregation(step).is_some())
    }

    pub(super) fn splits(&self) -> bool {
        self.has("splitBy")
    }

    /// Whether the selector folds its series into one number, which takes the
    /// place of a resolution.
    pub(super) fn folds(&self) -> bool {
        self.has("fold")
    }

    fn has(&self, wanted: &str) -> bool {
        self.steps.iter().any(|step| name(step) == wanted)
    }
}

/// A part before the first dot belongs to the key, as in `builtin:host.cpu`,
/// unless it is a transformation that follows a key without a namespace.
fn has_namespace(parts: &[&str]) -> bool {
    match parts {
        [first, second, ..] => !first.contains('.') && !TRANSFORMATIONS.contains(&name(second)),
        _ => false,
    }
}

const AGGREGATIONS: &[&str] = &[
    "auto", "avg", "count", "fold", "max", "median", "min", "sum", "value",
];

const TRANSFORMATIONS: &[&str] = &[
    "auto",
    "avg",
    "count",
    "default",
    "delta",
    "filter",
    "fold",
    "last",
    "limit",
    "max",
    "median",
    "merge",
    "min",
    "names",
    "parents",
    "partition",
    "percentile",
    "rate",
    "rollup",
    "smooth",
    "sort",
    "splitBy",
    "sum",
    "timeshift",
    "toUnit",
    "value",
];

fn name(step: &str) -> &str {
    step.split('(').next().unwrap_or(step).trim()
}

/// The aggregation of a step in one spelling: `percentile(95)` is answered as
/// `percentile(95.0)`.
fn aggregation(step: &str) -> Option<String> {
    let name = name(step);
    if name == "percentile" {
        let argument = step.split_once('(')?.1.trim_end().strip_suffix(')')?;
        let percent: f64 = argument.trim().parse().ok()?;
        return Some(format!("percentile({percent})"));
    }
    AGGREGATIONS.contains(&name).then(|| name.to_owned())
}

/// Where colons, commas and operators stand outside of quotes and parentheses;
/// `None` if one of those is not closed.
fn marks(text: &str) -> Option<Vec<(usize, char)>> {
    let mut marks = Vec::new();
    let mut depth = 0_u32;
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '~' if quoted => {
                characters.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ':' | ',' | '+' | '*' | '/' if depth == 0 => marks.push((at, character)),
            // Keys may contain hyphens, so a minus sign is one with spaces.
            '-' if depth == 0 && text[..at].ends_with(' ') => marks.push((at, character)),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then_some(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Parsed<'_> {
        match shape(text) {
            Shape::Metric(parsed) => parsed,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn keys_are_told_from_their_transformations() {
        for (text, key) in [
            (
                "builtin:service.response.time",
                "builtin:service.response.time",
            ),
            (
                "builtin:host.cpu.idle:splitBy():avg",
                "builtin:host.cpu.idle",
            ),
            ("dt.service.request.count:sum", "dt.service.request.count"),
            ("queue-length:avg", "queue-length"),
            (
                "calc:service.checkout:filter(eq(\"a:b\",\"c\"))",
                "calc:service.checkout",
            ),
            ("func:slo.errors : splitBy ( )", "func:slo.errors"),
        ] {
            assert_eq!(parsed(text).key, key);
        }
    }

    #[test]
    fn spellings_of_the_same_measurement_are_recognised() {
        let sent = "builtin:service.response.time:splitBy():percentile(95)";
        let answered = "builtin:service.response.time:percentile(95.0):splitBy()";
        let other = "builtin:service.response.time:splitBy():percentile(95.5)";

        assert_eq!(identity(sent), identity(answered));
        assert_ne!(identity(sent), identity(other));
        assert_ne!(
            identity(sent),
            identity("builtin:service.response.time:splitBy():avg")
        );
    }

    #[test]
    fn marks_inside_of_quotes_and_parentheses_do_not_count() {
        let text = r#"builtin:a.b:filter(in("x",entitySelector("type(~"SERVICE~"),tag(~"k:v~")"))):splitBy():max"#;

        assert_eq!(parsed(text).key, "builtin:a.b");
        assert!(parsed(text).aggregates());
        assert!(parsed(text).splits());
    }

    #[test]
    fn only_aggregations_at_the_top_count_as_its_own() {
        let text = "builtin:a.b:filter(series(avg,gt(10)))";

        assert!(!parsed(text).aggregates());
        assert!(!parsed(text).splits());
        assert!(parsed("builtin:a.b:splitBy():fold(avg)").folds());
    }

    #[test]
    fn what_is_not_one_metric_is_said_to_be_so() {
        assert_eq!(shape("(builtin:a.b / builtin:c.d)"), Shape::Arithmetic);
        assert_eq!(
            shape("builtin:a.b:avg - builtin:c.d:avg"),
            Shape::Arithmetic
        );
        assert_eq!(shape("builtin:a.b:avg,builtin:c.d:avg"), Shape::Several);
        assert_eq!(shape("  "), Shape::Broken);
        assert_eq!(shape("builtin:a.b:filter(eq(\"x)"), Shape::Broken);
        assert_eq!(shape("builtin:a.b:avg)"), Shape::Broken);
    }
}
