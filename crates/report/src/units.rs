//! Numbers in the unit that a person thinks in.
//!
//! The monspec and the JSON keep the unit of the metric; only what is read is
//! turned.

mod number;

pub(crate) use number::{compact, distinct, rounded};

use monspec::Finding;

/// What a number counts, as far as the name of its metric or the tenant tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Hundredths.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// How often in a minute.
    PerMinute,
    /// How often in a second.
    PerSecond,
    /// Nothing that is known.
    Plain,
}

/// A unit in the size that suits a row or a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) divisor: f64,
    pub(crate) suffix: &'static str,
}

impl Unit {
    /// The unit of a metric as the spec names it, seen through its aggregate.
    pub fn of(metric: &str, aggregate: &str) -> Self {
        if aggregate.eq_ignore_ascii_case("count") {
            return Self::Plain;
        }
        if let Some(name) = metric.strip_prefix("com.dynatrace.builtin:") {
            return known(name, V1);
        }
        let Some(selector) = metric.strip_prefix("builtin:") else {
            // The names of series leave the prefix of the first API out.
            return known(metric, V1);
        };
        let mut parts = top_level_parts(selector);
        let base = known(parts.next().unwrap_or_default(), V2);
        parts.fold(base, transformed)
    }

    /// The unit of the numbers of a finding.
    pub fn of_finding(finding: &Finding) -> Self {
        Self::of(&finding.metric, &finding.aggregate)
    }

    /// The unit of a metric for which the tenant has a word of its own; what is
    /// known here goes first, because it knows what was converted.
    pub fn of_tenant(metric: &str, aggregate: &str, word: Option<&str>) -> Self {
        let known = Self::of(metric, aggregate);
        let Some(word) = word else { return known };
        if known != Self::Plain || aggregate.eq_ignore_ascii_case("count") {
            return known;
        }
        let mut parts = top_level_parts(metric).peekable();
        let is_prefix = |part: &&str| NAMESPACES.contains(part);
        parts.next_if(is_prefix);
        parts.skip(1).fold(Self::of_word(word), transformed)
    }

    /// What either version of the API calls it: `MicroSecond (µs)`.
    fn of_word(word: &str) -> Self {
        let word = word.split_once(" (").map_or(word, |(name, _)| name);
        match word.to_ascii_lowercase().as_str() {
            "microsecond" | "µs" => Self::Microseconds,
            "millisecond" | "ms" => Self::Milliseconds,
            "second" | "s" => Self::Seconds,
            "percent" | "%" => Self::Percent,
            "byte" | "b" => Self::Bytes,
            "bytepersecond" | "b/s" => Self::BytesPerSecond,
            "perminute" | "count/min" => Self::PerMinute,
            "persecond" | "count/s" => Self::PerSecond,
            _ => Self::Plain,
        }
    }

    /// How programs are told the unit of a number that keeps it.
    pub fn symbol(self) -> Option<&'static str> {
        Some(match self {
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Percent => "%",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
            Self::PerMinute => "/min",
            Self::PerSecond => "/s",
            Self::Plain => return None,
        })
    }

    /// The unit of a series, whose name ends in `metric(AGGREGATE,SIDE)`.
    pub(crate) fn of_series(name: &str) -> Self {
        let Some((before, arguments)) = name.rsplit_once('(') else {
            return Self::Plain;
        };
        let aggregate = arguments.split(',').next().unwrap_or_default();
        // The name of the service may hold the separator too.
        before
            .match_indices(" - ")
            .map(|(at, separator)| Self::of(&before[at + separator.len()..], aggregate))
            .find(|unit| *unit != Self::Plain)
            .unwrap_or(Self::Plain)
    }

    /// The size of the unit that suits numbers up to `largest`.
    pub(crate) fn scale(self, largest: f64) -> Scale {
        let largest = largest.abs();
        let fitting = |sizes: &[(f64, &'static str)]| {
            let (divisor, suffix) = sizes
                .iter()
                .rev()
                .find(|(from, _)| *from <= largest)
                .copied()
                .unwrap_or(sizes[0]);
            Scale { divisor, suffix }
        };
        let plain = |suffix| Scale {
            divisor: 1.0,
            suffix,
        };
        match self {
            // A service that takes seconds is still told in milliseconds, so
            // that neighbours compare; from ten seconds on the digits are noise.
            Self::Microseconds if largest < 100.0 => plain(" µs"),
            Self::Microseconds if largest < 1e7 => Scale {
                divisor: 1e3,
                suffix: " ms",
            },
            Self::Microseconds => Scale {
                divisor: 1e6,
                suffix: " s",
            },
            Self::Milliseconds if largest < 1e4 => plain(" ms"),
            Self::Milliseconds => Scale {
                divisor: 1e3,
                suffix: " s",
            },
            Self::Seconds => plain(" s"),
            Self::Percent => plain(" %"),
            Self::Bytes => fitting(&[
                (1.0, " B"),
                (1e3, " kB"),
                (1e6, " MB"),
                (1e9, " GB"),
                (1e12, " TB"),
            ]),
            Self::BytesPerSecond => fitting(&[
                (1.0, " B/s"),
                (1e3, " kB/s"),
                (1e6, " MB/s"),
                (1e9, " GB/s"),
            ]),
            Self::PerMinute => plain(" /min"),
            Self::PerSecond => plain(" /s"),
            Self::Plain => plain(""),
        }
    }
}

impl Scale {
    /// The numbers of one row with their unit, rounded only so far that they
    /// still differ if they do.
    pub(crate) fn told<const N: usize>(self, numbers: [Option<f64>; N]) -> [Option<String>; N] {
        let scaled = numbers.map(|number| number.map(|number| number / self.divisor));
        distinct(scaled).map(|text| text.map(|text| text + self.suffix))
    }
}

/// What the key of a metric may begin with.
const NAMESPACES: [&str; 5] = ["builtin", "calc", "dsfm", "ext", "func"];

type Known = &'static [(&'static str, Unit)];

/// A name that ends in a dot stands for all that begin with it.
const V1: Known = &[
    ("service.responsetime", Unit::Microseconds),
    ("servicemethod.responsetime", Unit::Microseconds),
    ("app.useractionduration", Unit::Microseconds),
    ("pgi.responsiveness", Unit::Microseconds),
    ("host.disk.readtime", Unit::Milliseconds),
    ("host.disk.writetime", Unit::Milliseconds),
    ("pgi.jvm.garbagecollectiontime", Unit::Milliseconds),
    ("service.failurerate", Unit::Percent),
    ("service.serversidefailurerate", Unit::Percent),
    ("service.clientsidefailurerate", Unit::Percent),
    ("servicemethod.failurerate", Unit::Percent),
    ("servicemethod.serversidefailurerate", Unit::Percent),
    ("servicemethod.clientsidefailurerate", Unit::Percent),
    ("host.cpu.", Unit::Percent),
    ("host.mem.availablepercentage", Unit::Percent),
    ("host.disk.freespacepercentage", Unit::Percent),
    ("pgi.cpu.usage", Unit::Percent),
    ("pgi.suspension", Unit::Percent),
    ("host.mem.available", Unit::Bytes),
    ("host.mem.used", Unit::Bytes),
    ("host.disk.availablespace", Unit::Bytes),
    ("host.disk.usedspace", Unit::Bytes),
    ("pgi.mem.usage", Unit::Bytes),
    ("pgi.jvm.committedmemory", Unit::Bytes),
    ("pgi.jvm.usedmemory", Unit::Bytes),
    ("host.disk.bytesread", Unit::BytesPerSecond),
    ("host.disk.byteswritten", Unit::BytesPerSecond),
    ("host.nic.bytesreceived", Unit::BytesPerSecond),
    ("host.nic.bytessent", Unit::BytesPerSecond),
    ("pgi.nic.bytesreceived", Unit::BytesPerSecond),
    ("pgi.nic.bytessent", Unit::BytesPerSecond),
    ("host.mem.pagefaults", Unit::PerSecond),
    ("host.disk.readoperations", Unit::PerSecond),
    ("host.disk.writeoperations", Unit::PerSecond),
];

const V2: Known = &[
    ("service.response.time", Unit::Microseconds),
    ("service.keyRequest.response.time", Unit::Microseconds),
    ("apps.web.actionDuration.", Unit::Milliseconds),
    ("host.disk.readTime", Unit::Milliseconds),
    ("host.disk.writeTime", Unit::Milliseconds),
    ("service.errors.total.rate", Unit::Percent),
    ("service.errors.server.rate", Unit::Percent),
    ("service.errors.client.rate", Unit::Percent),
    ("service.keyRequest.errors.server.rate", Unit::Percent),
    ("service.keyRequest.errors.client.rate", Unit::Percent),
    ("host.cpu.", Unit::Percent),
    ("host.mem.avail.pct", Unit::Percent),
    ("tech.generic.cpu.usage", Unit::Percent),
    ("host.mem.avail.bytes", Unit::Bytes),
    ("host.mem.used", Unit::Bytes),
    ("host.disk.avail", Unit::Bytes),
    ("host.disk.used", Unit::Bytes),
    ("tech.generic.mem.workingSetSize", Unit::Bytes),
    ("tech.jvm.memory.pool.committed", Unit::Bytes),
    ("tech.jvm.memory.pool.used", Unit::Bytes),
    ("host.disk.bytesRead", Unit::BytesPerSecond),
    ("host.disk.bytesWritten", Unit::BytesPerSecond),
];

fn known(name: &str, table: Known) -> Unit {
    table
        .iter()
        .find(|(known, _)| *known == name || (known.ends_with('.') && name.starts_with(known)))
        .map_or(Unit::Plain, |(_, unit)| *unit)
}

/// The unit after one transformation of a selector. One that is not known here
/// may turn the number into anything, so nothing is claimed.
fn transformed(unit: Unit, transformation: &str) -> Unit {
    const KEEP: [&str; 13] = [
        "auto",
        "avg",
        "filter",
        "fold",
        "limit",
        "max",
        "median",
        "merge",
        "min",
        "names",
        "percentile",
        "sort",
        "splitBy",
    ];
    let (name, arguments) = transformation
        .split_once('(')
        .unwrap_or((transformation, ""));
    match (name, arguments.trim_end_matches(')')) {
        _ if KEEP.contains(&name) => unit,
        ("sum" | "value", _) => unit,
        ("rate", "1m") if unit == Unit::Plain => Unit::PerMinute,
        ("rate", "1s") if unit == Unit::Plain => Unit::PerSecond,
        ("rate", "1s") if unit == Unit::Bytes => Unit::BytesPerSecond,
        _ => Unit::Plain,
    }
}

/// Splits at colons that stand neither in brackets nor in quotes.
fn top_level_parts(selector: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted) = (0_u32, false);
    selector.split(move |letter| {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ':' && depth == 0 && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_follows_from_the_metric_and_what_was_done_to_it() {
        for (metric, aggregate, unit) in [
            (
                "com.dynatrace.builtin:service.responsetime",
                "p90",
                Unit::Microseconds,
            ),
            (
                "com.dynatrace.builtin:service.responsetime",
                "count",
                Unit::Plain,
            ),
            (
                "com.dynatrace.builtin:service.requestspermin",
                "count",
                Unit::Plain,
            ),
            ("builtin:host.cpu.user:splitBy():max", "avg", Unit::Percent),
            (
                "builtin:service.response.time:filter(eq(\"a:b\",\"(\")):avg",
                "avg",
                Unit::Microseconds,
            ),
            (
                "builtin:service.response.time:toUnit(MicroSecond,MilliSecond)",
                "avg",
                Unit::Plain,
            ),
            (
                "builtin:service.requestCount.total:rate(1m)",
                "avg",
                Unit::PerMinute,
            ),
            ("(builtin:service.response.time/2)", "avg", Unit::Plain),
            ("toRelationships:calls", "avg", Unit::Plain),
            ("calc:service.mine", "avg", Unit::Plain),
        ] {
            assert_eq!(Unit::of(metric, aggregate), unit, "{metric} {aggregate}");
        }
    }

    #[test]
    fn word_of_the_tenant_counts_where_nothing_is_known() {
        for (metric, aggregate, word, unit) in [
            (
                "calc:service.mine",
                "avg",
                "MilliSecond",
                Unit::Milliseconds,
            ),
            (
                "calc:service.mine:splitBy():avg",
                "avg",
                "MicroSecond (µs)",
                Unit::Microseconds,
            ),
            (
                "calc:service.mine:toUnit(MicroSecond,Second)",
                "avg",
                "MicroSecond",
                Unit::Plain,
            ),
            ("calc:service.mine", "count", "MilliSecond", Unit::Plain),
            ("mine", "max", "Byte", Unit::Bytes),
            (
                "builtin:service.response.time",
                "avg",
                "Unspecified",
                Unit::Microseconds,
            ),
            ("mine", "max", "Unspecified", Unit::Plain),
        ] {
            assert_eq!(
                Unit::of_tenant(metric, aggregate, Some(word)),
                unit,
                "{metric}"
            );
            assert_eq!(
                Unit::of_tenant(metric, aggregate, None),
                Unit::of(metric, aggregate)
            );
        }
    }

    #[test]
    fn series_of_a_service_with_a_dash_keeps_its_unit() {
        for (name, unit) in [
            ("Cart - service.responsetime(AVG,UPPER)", Unit::Microseconds),
            ("Cart - EU - service.failurerate(AVG,UPPER)", Unit::Percent),
            ("Cart - service.responsetime(COUNT,UPPER)", Unit::Plain),
            ("Cart", Unit::Plain),
        ] {
            assert_eq!(Unit::of_series(name), unit, "{name}");
        }
    }

    #[test]
    fn numbers_of_a_row_share_their_unit_and_differ_if_they_do() {
        let told = |unit: Unit, numbers: [Option<f64>; 2]| {
            let largest = numbers.iter().flatten().fold(0.0, |a: f64, b| a.max(*b));
            unit.scale(largest)
                .told(numbers)
                .map(Option::unwrap_or_default)
        };

        assert_eq!(
            told(Unit::Microseconds, [Some(412_345.0), Some(900.0)]),
            ["412.3 ms", "0.9 ms"]
        );
        assert_eq!(
            told(Unit::Microseconds, [Some(115_000.1), Some(115_000.0)]),
            ["115.0001 ms", "115 ms"]
        );
        assert_eq!(told(Unit::Microseconds, [Some(2.5e7), None]), ["25 s", ""]);
        assert_eq!(told(Unit::Percent, [Some(2.0), Some(0.0)]), ["2 %", "0 %"]);
        assert_eq!(
            told(Unit::Bytes, [Some(1_234_567.0), None]),
            ["1.235 MB", ""]
        );
        assert_eq!(
            told(Unit::Plain, [Some(1_234_567.0), Some(-1_000.0)]),
            ["1,234,567", "-1,000"]
        );
    }
}
