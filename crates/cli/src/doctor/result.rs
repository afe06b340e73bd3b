//! The result of a check, and how it is printed.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use monspec::lint::escaped;
use serde::Serialize;

use crate::output;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CheckResult {
    state: State,
    check: &'static str,
    subject: String,
    said: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Gap,
    Fail,
}

/// It is as it should be.
pub(super) fn ok(
    check: &'static str,
    subject: impl Into<String>,
    said: impl fmt::Display,
) -> CheckResult {
    told(State::Ok, check, subject, said, None)
}

/// It may be meant like that.
pub(super) fn warn(
    check: &'static str,
    subject: impl Into<String>,
    said: impl fmt::Display,
    fix: impl Into<String>,
) -> CheckResult {
    told(State::Warn, check, subject, said, Some(fix.into()))
}

/// It could not be checked.
pub(super) fn unchecked(
    check: &'static str,
    subject: impl Into<String>,
    said: impl fmt::Display,
    fix: impl Into<String>,
) -> CheckResult {
    told(State::Gap, check, subject, said, Some(fix.into()))
}

/// Something will not work.
pub(super) fn fail(
    check: &'static str,
    subject: impl Into<String>,
    said: impl fmt::Display,
    fix: impl Into<String>,
) -> CheckResult {
    told(State::Fail, check, subject, said, Some(fix.into()))
}

fn told(
    state: State,
    check: &'static str,
    subject: impl Into<String>,
    said: impl fmt::Display,
    fix: Option<String>,
) -> CheckResult {
    CheckResult {
        state,
        check,
        subject: subject.into(),
        said: said.to_string(),
        fix,
    }
}

/// An error with everything underneath it.
pub(super) fn because(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

/// The exit code that tells a script what was found. What was not looked at is
/// no success.
pub(super) fn exit_code(results: &[CheckResult]) -> ExitCode {
    let any = |state| results.iter().any(|one| one.state == state);
    ExitCode::from(if any(State::Fail) {
        1
    } else if any(State::Gap) {
        2
    } else {
        0
    })
}

/// Prints a line for each, with the fix below, and the summary.
pub(super) fn print(out: &mut impl Write, results: &[CheckResult]) -> io::Result<()> {
    for one in results {
        let CheckResult { check, subject, .. } = one;
        let line = format!("{subject}: {}", one.said);
        writeln!(out, "{:5} {check:12} {}", one.state, escaped(&line))?;
        if let Some(fix) = &one.fix {
            writeln!(out, "{:19}help: {}", "", escaped(fix))?;
        }
    }
    let Summary {
        ok,
        warn,
        gap,
        fail,
    } = Summary::of(results);
    let plural = if warn == 1 { "" } else { "s" };
    writeln!(
        out,
        "\n{ok} ok, {warn} warning{plural}, {gap} not checked, {fail} failed"
    )
}

/// Prints the same for programs.
pub(super) fn json(out: &mut impl Write, results: &[CheckResult]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Told<'a> {
        summary: Summary,
        checks: &'a [CheckResult],
    }
    let summary = Summary::of(results);
    output::json(
        out,
        &Told {
            summary,
            checks: results,
        },
    )
}

#[derive(Serialize)]
struct Summary {
    ok: usize,
    warn: usize,
    gap: usize,
    fail: usize,
}

impl Summary {
    fn of(results: &[CheckResult]) -> Self {
        let count = |state| results.iter().filter(|one| one.state == state).count();
        Self {
            ok: count(State::Ok),
            warn: count(State::Warn),
            gap: count(State::Gap),
            fail: count(State::Fail),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Gap => "gap",
            Self::Fail => "fail",
        })
    }
}
