//! What the pages are made of. Whoever reads the store fills these in.

mod changes;
mod problem;
mod remedies;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use monspec::Verdict;
use release::evidence::Evidence;
use release::plot::Plotted;
use release::validation::{Environments, Validation, ValidationId};

pub(crate) use changes::{Answered, Until};
pub use changes::{Changes, FlagHistory, FlagNow, Said, TakingBack, Written};
pub use problem::{AnsweredProblem, ProblemRow, Problems};
pub use remedies::{Closing, Remedies};
pub(crate) use remedies::{Outcomes, Remedy};

/// A pipeline and one of its comparisons, for the start page.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The pipeline.
    pub pipeline: String,
    /// The comparison.
    pub comparison: String,
    /// The validation that was judged last.
    pub last: ValidationId,
    /// What a person calls its build.
    pub version: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// When it fell.
    pub judged_at: Timestamp,
    /// The latest verdicts, oldest first, the last one included.
    pub trend: Vec<Verdict>,
    /// Where the history is.
    pub history: String,
    /// Where the last evaluation is.
    pub evaluation: String,
}

/// One page of all gates.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The gates of this page.
    pub gates: &'a [Gate],
    /// Where the gates from the first on are, if this is not their page.
    pub first: Option<&'a str>,
    /// Where the gates behind these are.
    pub next: Option<&'a str>,
    /// Where the flags are.
    pub changes: Option<&'a str>,
    /// Where the problems are.
    pub problems: Option<&'a str>,
}

/// One page of the history of a pipeline and a comparison.
#[derive(Clone, Debug)]
pub struct History<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The comparison.
    pub comparison: &'a str,
    /// How far back was looked.
    pub span: SignedDuration,
    /// The builds of this page, oldest first.
    pub builds: &'a [Build],
    /// Where older builds of the span are.
    pub older: Option<&'a str>,
    /// Where newer builds of the span are.
    pub newer: Option<&'a str>,
    /// Where the longest span is, if this one is shorter.
    pub longest: Option<&'a str>,
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

impl History<'_> {
    /// The environments that the newest build compares.
    pub(crate) fn compared(&self) -> &[Environments] {
        let newest = self.builds.last();
        newest.map_or(&[], |build| &build.validation.registration.environments)
    }

    /// The environments of the observations and of the baselines, each once.
    pub(crate) fn environments(&self) -> (Vec<&str>, Vec<&str>) {
        let each = self.compared().iter();
        let sources: BTreeSet<&str> = each.clone().map(|one| one.source.as_str()).collect();
        let compares: BTreeSet<&str> = each.filter_map(|one| one.compare.as_deref()).collect();
        (
            sources.into_iter().collect(),
            compares.into_iter().collect(),
        )
    }
}

/// A validation and what charts show of it.
#[derive(Clone, Debug)]
pub struct Build {
    /// The validation.
    pub validation: Validation,
    /// The numbers of its signatures; none until it is judged.
    pub plot: Vec<Plotted>,
    /// Where its evaluation is.
    pub evaluation: String,
}

/// Everything that is known of one validation.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// The validation.
    pub validation: &'a Validation,
    /// What led to the verdict, once there is one.
    pub evidence: Option<&'a Evidence>,
    /// The text of the monspec that judges it.
    pub spec: Option<&'a str>,
    /// Where the history of its pipeline and comparison is.
    pub history: Option<&'a str>,
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// The parameters that are missing, and what could be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Where the form is sent.
    pub action: &'a str,
    /// What was given as the pipeline.
    pub pipeline: &'a str,
    /// What was given as the comparison.
    pub comparison: &'a str,
    /// What can be chosen; nothing where the reader may not know.
    pub gates: &'a [Gate],
}

/// Why there is nothing to show. None of these says whether something exists
/// that the reader may not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The link was changed, cut or signed with a key that is gone.
    LinkNotValid,
    /// The link was good once.
    LinkExpired,
    /// Nothing is at this address, or no longer.
    NotFound,
    /// A parameter cannot be used.
    BadParameter {
        /// Its name.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// The records could not be read.
    Unavailable,
}
