//! `monspec rules try`

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use dynatrace::{Dynatrace, Tag};
use flags::Declarations;
use flags::step::Target;
use lambda::settings::parsed;
use monspec::lint::escaped;
use release::condition::{Answer, Checked, Facts, Measured, Metric, Sample};
use release::rule::{Restore, Rule};
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use workflows::handle_problem::Healing;
use workflows::rules::{facts, measure};

use super::Trying;
use crate::aws::now;
use crate::failure::Failure;
use crate::input::refuse_stdin_twice;
use crate::output;

/// How long the tenant may take for everything.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was found out about a rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tried<'a> {
    rule: &'a str,
    mode: &'a str,
    /// Nothing, where a number is not known.
    matches: Option<bool>,
    clauses: Vec<Checked>,
    would: String,
}

/// A problem, and where its numbers come from.
struct Problem {
    facts: Facts,
    sample: Option<Sample>,
    /// The client, or why there is none.
    tenant: Result<Dynatrace, Failure>,
    runtime: Runtime,
    until: Instant,
}

pub(super) fn run(options: &Trying, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let files = [
        Some(&options.files.file),
        options.files.flags.as_ref(),
        options.sample.as_ref(),
    ];
    refuse_stdin_twice(files.into_iter().flatten())?;
    let declared = options.files.declared()?;
    let rules = options.files.rules(declared.as_ref())?;
    let problem = problem(options)?;
    let tried: Vec<Tried<'_>> = rules
        .iter()
        .map(|(id, rule)| problem.tried(id, rule, declared.as_ref()))
        .collect();
    if options.json {
        output::json(out, &tried)?;
    } else {
        if !is_production(&problem.facts)? {
            writeln!(
                out,
                "the problem lacks the tag of production, HEAL_TAG: no rule is followed\n"
            )?;
        }
        tell(out, &tried)?;
    }
    let is_known = tried.iter().all(|one| one.matches.is_some());
    Ok(ExitCode::from(if is_known { 0 } else { 2 }))
}

fn problem(options: &Trying) -> Result<Problem, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Unavailable(format!("cannot ask from here: {error}")))?;
    let tenant = options.tenant.client();
    let until = Instant::now() + PATIENCE;
    let (facts, sample, tenant) = match (&options.sample, &options.problem) {
        (Some(file), _) => {
            let sample = Sample::read(&file.text()?);
            let sample = sample.map_err(|error| {
                let error = anyhow::Error::from(error);
                Failure::Data(format!("{file}: {error:#}"))
            })?;
            (sample.facts.clone(), Some(sample), tenant)
        }
        (None, Some(id)) => {
            let tenant = tenant?;
            let seen = runtime.block_on(tenant.problem(id, until));
            let seen = seen
                .map_err(|error| Failure::Unavailable(format!("{:#}", anyhow::Error::from(error))))?
                .ok_or_else(|| {
                    Failure::Usage("the tenant knows no problem of this id".to_owned())
                })?;
            (facts(&seen), None, Ok(tenant))
        }
        (None, None) => return Err(Failure::Usage("give --sample or --problem".to_owned())),
    };
    Ok(Problem {
        facts,
        sample,
        tenant,
        runtime,
        until,
    })
}

fn is_production(facts: &Facts) -> Result<bool, Failure> {
    let wanted: Tag = parsed("HEAL_TAG", Healing::default().tag)?;
    let carried = facts.tags.iter().map(|tag| Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    });
    Ok(carried.into_iter().any(|tag| tag.is(&wanted)))
}

impl Problem {
    fn tried<'a>(&self, id: &'a str, rule: &'a Rule, declared: Option<&Declarations>) -> Tried<'a> {
        // A number is asked for only where everything else holds.
        let (number, why) = match rule.when.answer(&self.facts, |_| None) {
            Answer::Ask(metric) => self.number(metric),
            Answer::Holds | Answer::Differs(_) => (None, None),
        };
        let mut clauses = rule.when.check(&self.facts, |_| number.clone());
        if let (Some(why), Some(last)) = (why, clauses.last_mut()) {
            last.found = why;
        }
        let differs = clauses.iter().any(|one| one.holds == Some(false));
        let unknown = clauses.iter().any(|one| one.holds.is_none());
        Tried {
            rule: id,
            mode: rule.mode.as_str(),
            matches: if differs {
                Some(false)
            } else {
                (!unknown).then_some(true)
            },
            clauses,
            would: would(rule, declared),
        }
    }

    /// A number, or why it is not known.
    fn number(&self, metric: &Metric) -> (Option<Measured>, Option<String>) {
        let given = self
            .sample
            .as_ref()
            .and_then(|sample| sample.measured(metric));
        if given.is_some() {
            return (given, None);
        }
        let tenant = match &self.tenant {
            Ok(tenant) => tenant,
            Err(failure) => {
                let why = format!(
                    "not known: `metrics` of the sample has no such selector, and the tenant \
                     cannot be asked: {failure}"
                );
                return (None, Some(why));
            }
        };
        let asked = measure(tenant, &self.facts, metric, now(), self.until);
        match self.runtime.block_on(asked) {
            Ok(measured) => (Some(measured), None),
            Err(error) => (None, Some(format!("not known: {error:#}"))),
        }
    }
}

/// What a rule does, in words.
fn would(rule: &Rule, declared: Option<&Declarations>) -> String {
    let mut words = rule.action.to_string();
    let targets = declared.map(|declared| rule.action.targets(declared));
    if let (release::rule::Action::Preset(_), Some(Ok(targets))) = (&rule.action, targets) {
        let values = targets.iter().filter_map(|(flag, target)| match target {
            Target::Value(value) => Some(format!("`{flag}` to {}", value.to_json())),
            Target::Ramp { .. } | Target::Steps(_) => None,
        });
        let values: Vec<String> = values.collect();
        words = format!("{words}: {}", values.join(", "));
    }
    let lasts = match (rule.restore, rule.ttl) {
        (Restore::OnClose, None) => "until the problem closes, for 24 hours at most".to_owned(),
        (Restore::OnClose, Some(ttl)) => format!("until the problem closes, for {ttl:#} at most"),
        (Restore::Never, None) => "until somebody says otherwise".to_owned(),
        (Restore::Never, Some(ttl)) => format!("for {ttl:#}"),
    };
    format!("{words}, {lasts}")
}

fn tell(out: &mut impl Write, tried: &[Tried<'_>]) -> io::Result<()> {
    for Tried {
        rule,
        mode,
        matches,
        clauses,
        would,
    } in tried
    {
        let ends = match matches {
            Some(true) => "matches",
            Some(false) => "does not match",
            None => "nobody can say whether it matches",
        };
        writeln!(out, "{} ({mode}): {ends}", escaped(rule))?;
        for clause in clauses {
            let holds = match clause.holds {
                Some(true) => "yes",
                Some(false) => "no ",
                None => "?  ",
            };
            writeln!(out, "  {holds} {}", escaped(&clause.to_string()))?;
        }
        if *matches != Some(false) {
            writeln!(out, "  would {}", escaped(would))?;
        }
    }
    Ok(())
}
