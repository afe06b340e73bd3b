//! How messages and findings are printed, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use monspec::lint::{Message, Severity, escaped};
use monspec::{Finding, Verdict, verdict};
use release::evidence::{Asked, Evidenced};
use report::{Numbers, Unit};
use serde::Serialize;
use workflows::compare::{LookedAt, View};

/// Prints messages the way compilers do, and how many there are.
pub(crate) fn messages(
    out: &mut impl Write,
    file: &impl Display,
    messages: &[Message],
) -> io::Result<()> {
    let file = escaped(&file.to_string());
    for Message {
        severity,
        position,
        path,
        problem,
        fix,
    } in messages
    {
        writeln!(out, "{file}:{position}: {severity}: {problem} ({path})")?;
        writeln!(out, "    help: {fix}")?;
    }
    let counts: Vec<_> = [Severity::Error, Severity::Warning, Severity::Hint]
        .into_iter()
        .map(|severity| {
            (
                severity,
                messages
                    .iter()
                    .filter(|one| one.severity == severity)
                    .count(),
            )
        })
        .filter(|(_, count)| 0 < *count)
        .map(|(severity, count)| format!("{count} {severity}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if !counts.is_empty() {
        writeln!(out, "{file}: {}", counts.join(", "))?;
    }
    Ok(())
}

/// Prints the messages of several files as one JSON list.
pub(crate) fn messages_json(
    out: &mut impl Write,
    files: &[(&impl Display, Vec<Message>)],
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        file: String,
        #[serde(flatten)]
        message: &'a Message,
    }
    let lines: Vec<_> = files
        .iter()
        .flat_map(|(file, messages)| messages.iter().map(move |message| (file, message)))
        .map(|(file, message)| Line {
            file: file.to_string(),
            message,
        })
        .collect();
    json(out, &lines)
}

/// Prints which environments were looked at, and when, for each service entry.
pub(crate) fn windows(out: &mut impl Write, looked_at: &[LookedAt]) -> io::Result<()> {
    let header = ["SERVICE", "SIDE", "ENVIRONMENT", "FROM (UTC)", "TO (UTC)"].map(str::to_owned);
    let row = |service: &str, side: &str, view: &View| {
        [
            service.to_owned(),
            side.to_owned(),
            view.environment.clone(),
            view.window.start.to_string(),
            view.window.end.to_string(),
        ]
    };
    let rows = looked_at.iter().flat_map(|one| {
        let source = row(&one.service, "observation", &one.source);
        let compare = one.compare.as_ref();
        let compare = compare.map(|view| row(&one.service, "baseline", view));
        std::iter::once(source).chain(compare)
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    table(out, &rows)?;
    writeln!(out)
}

/// Prints what the tenant warned about.
pub(crate) fn warnings(out: &mut impl Write, findings: &[Evidenced]) -> io::Result<()> {
    let mut warned = false;
    for Evidenced {
        finding,
        source,
        compare,
    } in findings
    {
        for asked in std::iter::once(source).chain(compare) {
            for warning in &asked.warnings {
                let Asked { environment, .. } = asked;
                let address = &finding.address;
                let line = format!("warning: {address} in {environment}: {warning}");
                writeln!(out, "{}", escaped(&line))?;
                warned = true;
            }
        }
    }
    if warned {
        writeln!(out)?;
    }
    Ok(())
}

/// The tenant's units of metric selectors, by selector.
pub(crate) type Units = BTreeMap<String, String>;

/// The unit of the numbers of a finding.
pub(crate) fn unit(finding: &Finding, units: &Units) -> Unit {
    let word = units.get(&finding.metric).map(String::as_str);
    Unit::of_tenant(&finding.metric, &finding.aggregate, word)
}

/// Prints the verdict and an aligned table of the findings, with numbers in the
/// units that people think in.
pub(crate) fn findings(
    out: &mut impl Write,
    findings: &[Finding],
    units: &Units,
) -> io::Result<()> {
    let header = [
        "OUTCOME",
        "SIGNATURE",
        "METRIC",
        "OBSERVATION",
        "BASELINE",
        "LIMIT",
        "REASON",
    ]
    .map(str::to_owned);
    let rows = findings.iter().map(|finding| {
        let numbers = Numbers::in_unit(finding, unit(finding, units));
        let number = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let reason = match numbers.margin {
            Some(margin) if finding.coverage.is_empty() => margin,
            Some(margin) => format!("{margin}; {}", finding.coverage),
            None => finding.reason.clone(),
        };
        [
            told(finding),
            finding.address.to_string(),
            format!("{} ({})", finding.metric, finding.aggregate),
            number(numbers.observation),
            number(numbers.baseline),
            number(numbers.limit),
            // Pages keep a factor on one line, terminals do so anyway.
            reason.replace('\u{a0}', " "),
        ]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    table(out, &rows)?;
    writeln!(out, "\nverdict: {}", verdict(findings))
}

/// The exit code for the verdict.
pub(crate) fn exit_code(verdict: Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Passed => 0,
        Verdict::Failed => 1,
        Verdict::Inconclusive => 2,
    })
}

fn told(finding: &Finding) -> String {
    if finding.accepted {
        "accepted".to_owned()
    } else {
        finding.outcome.to_string()
    }
}

/// Prints aligned columns.
pub(crate) fn table<const COLUMNS: usize>(
    out: &mut impl Write,
    rows: &[[String; COLUMNS]],
) -> io::Result<()> {
    // Metrics and reasons hold what authors and tenants wrote.
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| escaped(cell)))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in &rows {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints a value as JSON.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
