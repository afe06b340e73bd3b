//! `monspec report`

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use lambda::settings::{required, unusable};
use release::link::Scope;
use release::links::{LinkSettings, Links};
use release::validation::ValidationId;
use secrecy::SecretString;

use crate::failure::Failure;

const URL: &str = "DT_BUILD_REPORT_URL";
const KEYS: &str = "REPORT_KEYS";

/// Creates links to the report.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Link(Link),
}

/// Signs a link: to the start page, which opens everything, or to one part.
///
/// The keys are those of the functions, in `REPORT_KEYS`; there is no flag for
/// them.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    monspec report link --days 30\n  \
    monspec report link --problems\n  \
    monspec report link --changes\n  \
    monspec report link --pipeline Shop --comparison StagingToProduction\n  \
    monspec report link --pipeline Shop --comparison StagingToProduction --badge")]
struct Link {
    /// The address of the report, else `DT_BUILD_REPORT_URL`.
    #[arg(long, value_name = "URL")]
    report_url: Option<String>,

    /// For how many days the link is valid.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,

    /// Open only the history of this pipeline.
    #[arg(long, value_name = "NAME", requires = "comparison")]
    pipeline: Option<String>,

    /// The comparison whose history it is.
    #[arg(long, value_name = "NAME", requires = "pipeline")]
    comparison: Option<String>,

    /// Open the badge instead of the history; this link may be public.
    #[arg(long, requires = "pipeline")]
    badge: bool,

    /// Open only one evaluation.
    #[arg(long, value_name = "ID", conflicts_with = "pipeline")]
    evaluation: Option<ValidationId>,

    /// Open only the problems and what was done about them.
    #[arg(long, conflicts_with_all = ["pipeline", "evaluation", "changes", "flag"])]
    problems: bool,

    /// Open only the feature flags as they are now.
    #[arg(long, conflicts_with_all = ["pipeline", "evaluation"])]
    changes: bool,

    /// Open only the history of this flag.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["pipeline", "evaluation", "changes"])]
    flag: Option<String>,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Command::Link(link) = &options.command;
    writeln!(out, "{}", link.signed(now())?)?;
    Ok(ExitCode::SUCCESS)
}

impl Link {
    fn signed(&self, now: Timestamp) -> Result<String, Failure> {
        let base = match &self.report_url {
            Some(url) => url.clone(),
            None => required(URL, "the address of the report, or give --report-url")?,
        };
        if !(base.starts_with("https://") || base.starts_with("http://")) {
            return Err(unusable(URL, "it begins with `https://`").into());
        }
        let keys = required(
            KEYS,
            "the keys that sign report links, `<id>:<secret>`; there is no flag for them",
        )?;
        let settings = LinkSettings {
            base,
            public: false,
        };
        let links = Links::new(&settings, &SecretString::from(keys))
            .map_err(|invalid| unusable(KEYS, invalid))?;
        let time = SignedDuration::from_hours(24 * i64::from(self.days));
        let expiry = now.saturating_add(time).unwrap_or(Timestamp::MAX);
        Ok(links.until(self.scope(), expiry))
    }

    fn scope(&self) -> Scope<'_> {
        if self.problems {
            return Scope::Problems;
        }
        if self.changes {
            return Scope::Changes;
        }
        if let Some(flag) = &self.flag {
            return Scope::Flag(flag);
        }
        match (&self.evaluation, &self.pipeline, &self.comparison) {
            (Some(id), _, _) => Scope::Evaluation(*id),
            (None, Some(pipeline), Some(comparison)) if self.badge => Scope::Badge {
                pipeline,
                comparison,
            },
            (None, Some(pipeline), Some(comparison)) => Scope::History {
                pipeline,
                comparison,
            },
            _ => Scope::Start,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command begins when it is called"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
