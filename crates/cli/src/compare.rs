//! `monspec compare`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use dynatrace::{Dynatrace, Error};
use jiff::{SignedDuration, Timestamp};
use monspec::{Comparison, Finding, ServiceEntry};
use release::window::{Window, saturating_add};
use report::json;
use tokio::time::Instant;
use workflows::compare::{Judged, Outcome, Request, compare};

use crate::annotated;
use crate::compared::compared;
use crate::failure::Failure;
use crate::input::Input;
use crate::output;
use crate::progress;
use crate::tenant;

/// The time after which the tenant counts as unavailable.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long Dynatrace needs until a minute is complete, in seconds.
const INGEST_DELAY: u32 = 120;

const NOTES: &str = "\
Settings:
  The settings are those of the functions. The token comes from the environment
  only: DT_API_TOKEN, with the scopes metrics.read and entities.read, or
  DataExport for API v1.

What the gate checks and this command does not:
  This command reads no record of deployments. A missing baseline stays a gap, even
  with `missingBaseline: firstRelease`, and a window in which a bad build ran counts
  as a good one.

Examples:
  monspec compare monspec.json --comparison StagingToProduction --minutes 5 \\
      --tenant-url https://abc12345.live.dynatrace.com
  monspec compare monspec.json --comparison StagingToProduction --minutes 30 \\
      --until 2026-01-05T10:00:00Z --json";

/// Measures both sides of a comparison in the tenant and judges them.
///
/// Exits with 0 when the verdict is passed, 1 when failed, 2 when inconclusive,
/// and 69 when the tenant does not answer.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// The monspec; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    /// The comparison to judge by.
    #[arg(long, value_name = "NAME")]
    comparison: String,

    /// The length of the window, up to a day.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1440))]
    minutes: u16,

    /// Where the window ends, before the comparison shifts it: a time in RFC 3339.
    ///
    /// A window of two minutes or more ends with the last whole minute before.
    /// Without this option it ends early enough for its data to be complete:
    /// `DT_INGEST_DELAY_SECONDS`, or 120 seconds.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,

    /// Print the verdict and the findings as JSON.
    #[arg(long)]
    json: bool,

    /// Also write the monspec with the results in it.
    #[arg(long, value_name = "PATH")]
    annotated: Option<PathBuf>,

    #[command(flatten)]
    tenant: tenant::Options,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let (spec, source) = options.file.spec()?;
    let compared = compared(&spec, &options.comparison)?;
    let window = window(options, &compared, ingest_delay()?, now())?;
    let tenant = options.tenant.client()?;
    let request = Request {
        compared: &compared,
        window,
    };
    let judged = judged(&tenant, request)?;
    let findings: Vec<Finding> = judged
        .findings
        .iter()
        .map(|one| one.finding.clone())
        .collect();

    if let Some(path) = &options.annotated {
        annotated::write(
            path,
            &source,
            &options.comparison,
            &findings,
            &judged.entities,
        )?;
    }
    if options.json {
        let unit = |finding: &Finding| output::unit(finding, &judged.units);
        let document = json::measured(judged.verdict, &judged.findings, unit);
        output::json(out, &document)?;
    } else {
        output::windows(out, &judged.looked_at)?;
        output::warnings(out, &judged.findings)?;
        output::findings(out, &findings, &judged.units)?;
    }
    Ok(output::exit_code(judged.verdict))
}

/// The window before it is shifted; after that it must be over.
fn window(
    options: &Options,
    compared: &[(&ServiceEntry, &Comparison)],
    ingest_delay: SignedDuration,
    now: Timestamp,
) -> Result<Window, Failure> {
    let length = SignedDuration::from_mins(options.minutes.into());
    let ahead = looks_ahead(compared);
    let until = match options.until {
        Some(until) if saturating_add(until, ahead) > now => {
            return Err(Failure::Usage(format!(
                "a window that ends at {} is not over; choose an earlier --until",
                saturating_add(until, ahead)
            )));
        }
        Some(until) => until,
        None => {
            let back = ingest_delay.saturating_add(ahead);
            whole_second(saturating_add(
                now,
                SignedDuration::ZERO.saturating_sub(back),
            ))
        }
    };
    Ok(Window::ending_at(until, length))
}

fn ingest_delay() -> Result<SignedDuration, Failure> {
    let seconds: u32 = lambda::settings::parsed("DT_INGEST_DELAY_SECONDS", INGEST_DELAY)?;
    Ok(SignedDuration::from_secs(seconds.into()))
}

/// How far the last of the windows is shifted into the future.
fn looks_ahead(compared: &[(&ServiceEntry, &Comparison)]) -> SignedDuration {
    let seconds = compared
        .iter()
        .flat_map(|(_, comparison)| {
            let baseline = comparison
                .compare
                .as_ref()
                .map(|_| comparison.shift_compare_seconds);
            [Some(comparison.shift_source_seconds), baseline]
        })
        .flatten()
        .map(i64::saturating_neg)
        .fold(0, i64::max);
    SignedDuration::from_secs(seconds)
}

fn judged(tenant: &Dynatrace, request: Request<'_>) -> Result<Judged, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Unavailable(format!("cannot ask from here: {error}")))?;
    let outcome = runtime.block_on(async {
        let deadline = Instant::now() + PATIENCE;
        progress::shown(tenant, compare(tenant, request, deadline)).await
    });
    match outcome {
        Ok(Outcome::Judged(judged)) => Ok(judged),
        Ok(Outcome::Refused(overlap)) => Err(Failure::Usage(overlap.to_string())),
        Err(error) => Err(unanswered(&error)),
    }
}

fn unanswered(error: &anyhow::Error) -> Failure {
    let check = match error.downcast_ref::<Error>() {
        Some(Error::Throttled) => "ask again in a minute, or set DT_CALLS_PER_MINUTE",
        Some(Error::Malformed { .. }) => "check that DT_TENANT_URL is the address of a tenant",
        _ => "check DT_TENANT_URL and whether this machine may reach it",
    };
    Failure::Unavailable(format!("cannot ask the tenant: {error:#}; {check}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock, once per command"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use monspec::Monspec;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    const NOW: &str = "2026-01-05T10:08:30.25Z";

    fn spec(shift: i64) -> Monspec {
        let text = format!(
            r#"{{ "Shop": {{
                "etype": "SERVICE",
                "environments": {{ "S": {{ "tags": [{{ "key": "a" }}] }}, "P": {{ "tags": [{{ "key": "b" }}] }} }},
                "comparisons": [
                    {{ "name": "Gate", "source": "S", "compare": "P", "shiftcomparetimeframe": {shift} }}
                ],
                "perfsignature": [{{ "timeseries": "response" }}]
            }} }}"#
        );
        monspec::read(&text, |_| None).spec.unwrap()
    }

    /// The window, or why there is none.
    fn told(shift: i64, minutes: &str, more: &[&str]) -> String {
        let line = ["compare", "-", "--comparison", "Gate", "--minutes", minutes];
        let Command { options } = Command::parse_from([&line, more].concat());
        let delay = SignedDuration::from_secs(120);
        let spec = spec(shift);
        match window(
            &options,
            &spec.compared("Gate"),
            delay,
            NOW.parse().unwrap(),
        ) {
            Ok(window) => format!("{} to {}", window.start, window.end),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn window_ends_when_its_data_is_complete() {
        assert_eq!(
            told(0, "5", &[]),
            "2026-01-05T10:01:00Z to 2026-01-05T10:06:00Z"
        );
        assert_eq!(
            told(0, "1", &[]),
            "2026-01-05T10:05:30Z to 2026-01-05T10:06:30Z"
        );
    }

    #[test]
    fn window_that_is_shifted_ahead_is_over_as_well() {
        assert_eq!(
            told(-600, "5", &[]),
            "2026-01-05T09:51:00Z to 2026-01-05T09:56:00Z"
        );
        assert_eq!(
            told(-600, "5", &["--until", "2026-01-05T10:00:00Z"]),
            "a window that ends at 2026-01-05T10:10:00Z is not over; choose an earlier --until"
        );
    }

    #[test]
    fn until_may_have_any_offset_and_loses_its_torn_minute() {
        assert_eq!(
            told(0, "30", &["--until", "2026-01-05T10:30:59+01:00"]),
            "2026-01-05T09:00:00Z to 2026-01-05T09:30:00Z"
        );
    }
}
