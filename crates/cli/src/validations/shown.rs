//! How validations are shown, to people and to programs.

use std::fmt::Display;
use std::io::{self, Write};

use jiff::Timestamp;
use monspec::lint::escaped;
use release::approval::Answer;
use release::evidence::Unjudged;
use release::outlook::{MINUTES_KEPT_DAYS, Outlook, may_be_forgotten, reasons};
use release::validation::wish::{Unfulfilled, Wish};
use release::validation::{ApprovalAction, Ending, PersonsDecision, Registration, Validation};
use serde::Serialize;
use store::{Pending, Unsettled};

use super::form;
use super::records::Known;
use crate::output;

/// Prints an aligned table.
pub(super) fn table(out: &mut impl Write, found: &Unsettled) -> io::Result<()> {
    let header = [
        "VALIDATION",
        "STATE",
        "PIPELINE",
        "COMPARISON",
        "BUILD",
        "REGISTERED (UTC)",
        "NEXT LOOK (UTC)",
    ]
    .map(str::to_owned);
    let rows = found.validations.iter().map(|pending| {
        let Pending {
            validation,
            next_look,
        } = pending;
        let registration = &validation.registration;
        [
            registration.id.to_string(),
            Outlook::of(validation).word().to_owned(),
            registration.pipeline.clone(),
            registration.comparison.clone(),
            registration.version.clone(),
            second(registration.registered_at).to_string(),
            next_look.map_or_else(|| "–".to_owned(), |due| second(due).to_string()),
        ]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    output::table(out, &rows)?;
    if found.more {
        writeln!(out, "\nthere are more; name one --pipeline")?;
    }
    if 0 < found.unreadable {
        let count = found.unreadable;
        writeln!(
            out,
            "\n{count} cannot be read; the metric Unreadable counts them"
        )?;
    }
    Ok(())
}

/// Prints what is listed as JSON.
pub(super) fn list_json(out: &mut impl Write, found: &Unsettled) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        validations: Vec<Line<'a>>,
        more: bool,
        unreadable: usize,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        #[serde(flatten)]
        head: Head<'a>,
        next_look: Option<String>,
    }
    let lines = found.validations.iter().map(|pending| Line {
        head: Head::of(&pending.validation),
        next_look: pending.next_look.map(|due| due.to_string()),
    });
    output::json(
        out,
        &List {
            validations: lines.collect(),
            more: found.more,
            unreadable: found.unreadable,
        },
    )
}

/// What is the same wherever a validation is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    validation: String,
    state: &'static str,
    pipeline: &'a str,
    execution: Option<&'a str>,
    comparison: &'a str,
    version: &'a str,
    registered_at: String,
    verdict: Option<&'static str>,
}

impl<'a> Head<'a> {
    fn of(validation: &'a Validation) -> Self {
        let Registration {
            id,
            pipeline,
            execution,
            comparison,
            version,
            registered_at,
            ..
        } = &validation.registration;
        let judgement = validation.judgement();
        Self {
            validation: id.to_string(),
            state: Outlook::of(validation).word(),
            pipeline,
            execution: execution.as_deref(),
            comparison,
            version,
            registered_at: registered_at.to_string(),
            verdict: judgement.map(|judgement| judgement.verdict.as_str()),
        }
    }
}

/// One validation: why it is where it is, and what continues its pipeline.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Story<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    window: form::Span,
    judged_at: Option<String>,
    summary: Option<&'a str>,
    approval: Option<form::ApprovalAction<'a>>,
    ending: Option<form::Ending<'a>>,
    /// What the state means, in a sentence.
    means: String,
    /// Why the verdict is what it is.
    reasons: Vec<String>,
    /// What continues the pipeline, any of them.
    continues: Vec<Continues>,
    /// The other validations of the same approval.
    others: Vec<Head<'a>>,
    released: Option<form::PersonsDecision<'a>>,
    rejudged: Vec<form::PersonsDecision<'a>>,
}

/// Something that a person can do.
#[derive(Serialize)]
struct Continues {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl<'a> Story<'a> {
    pub(super) fn of(known: &'a Known, now: Timestamp) -> Self {
        let validation = &known.found.validation;
        let judgement = validation.judgement();
        let judged = known
            .found
            .evidence
            .as_ref()
            .filter(|_| judgement.is_some());
        Self {
            head: Head::of(validation),
            window: validation.registration.window.into(),
            judged_at: judgement.map(|judgement| judgement.at.to_string()),
            summary: judgement.map(|judgement| judgement.summary.as_str()),
            approval: validation.registration.approval.as_ref().map(Into::into),
            ending: validation.ending().map(Into::into),
            means: means(validation, &known.others),
            reasons: judged.map(reasons).unwrap_or_default(),
            continues: continues(known, now),
            others: known.others.iter().map(Head::of).collect(),
            released: validation.released().map(Into::into),
            rejudged: validation.rejudged.iter().map(Into::into).collect(),
        }
    }

    pub(super) fn tell(&self, out: &mut impl Write) -> io::Result<()> {
        let Head {
            validation,
            state,
            pipeline,
            execution,
            comparison,
            version,
            verdict,
            ..
        } = &self.head;
        writeln!(out, "{validation} is {state}: {}", plain(&self.means))?;
        writeln!(out)?;
        let mut line = |what: &str, value: &str| writeln!(out, "  {what:11} {}", plain(value));
        line("pipeline", pipeline)?;
        line("execution", execution.unwrap_or("not known"))?;
        line("build", version)?;
        line("comparison", comparison)?;
        let form::Span { start, end } = self.window;
        line("window", &format!("{} to {}", second(start), second(end)))?;
        if let (Some(verdict), Some(at)) = (verdict, &self.judged_at) {
            line("verdict", &format!("{verdict}, judged at {at}"))?;
        }
        if let Some(form::ApprovalAction { stage, action }) = &self.approval {
            line("approval", &format!("{action} in stage {stage}"))?;
        }
        for form::PersonsDecision { who, why, at } in &self.rejudged {
            line("rejudged", &format!("by {who} at {}: {why}", second(*at)))?;
        }
        if let Some(form::PersonsDecision { who, why, at }) = &self.released {
            line("released", &format!("by {who} at {}: {why}", second(*at)))?;
        }
        if !self.reasons.is_empty() {
            writeln!(out, "\nWhy:")?;
            for reason in &self.reasons {
                writeln!(out, "  {}", plain(reason))?;
            }
        }
        if !self.others.is_empty() {
            writeln!(out, "\nThe approval also waits for:")?;
            for Head {
                validation, state, ..
            } in &self.others
            {
                writeln!(out, "  {validation}, which is {state}")?;
            }
        }
        if !self.continues.is_empty() {
            writeln!(out, "\nWhat continues the pipeline:")?;
        }
        for Continues {
            what,
            command,
            link,
        } in &self.continues
        {
            writeln!(out, "  {}", plain(what))?;
            for how in command.iter().chain(link) {
                writeln!(out, "    {}", plain(how))?;
            }
        }
        Ok(())
    }
}

/// What the state of a validation means, in a sentence.
fn means(validation: &Validation, others: &[Validation]) -> String {
    let registration = &validation.registration;
    match Outlook::of(validation) {
        Outlook::Measuring => format!(
            "it is judged at {} at the earliest, and missing data is queried again",
            second(registration.due_at)
        ),
        Outlook::Troubled => {
            let times = validation.counts.faults;
            format!(
                "something it needs failed {times} times in a row; the log of validate-builds \
                 shows what, and it is retried until {}",
                second(validation.waits_until())
            )
        }
        Outlook::Stuck => format!(
            "the work on it crashed repeatedly until {} and is no longer retried; the log of \
             validate-builds shows where",
            second(validation.stuck_since.unwrap_or(registration.due_at))
        ),
        Outlook::Held => "it could not be judged, and a person has to decide".to_owned(),
        Outlook::Answering => {
            let states: Vec<Outlook> = others.iter().map(Outlook::of).collect();
            let waits_for = |outlook| states.contains(&outlook);
            let reason = if waits_for(Outlook::Held) {
                "another validation of its approval is held"
            } else if waits_for(Outlook::GivenUp) {
                "another validation of its approval was given up"
            } else if waits_for(Outlook::Measuring) || waits_for(Outlook::Troubled) {
                "another validation of its approval is not judged yet"
            } else {
                "its approval is not open yet"
            };
            reason.to_owned()
        }
        Outlook::Rejected => "its approval was rejected, and the stage can be retried".to_owned(),
        Outlook::Posting => "its approval is answered, but its result is not posted yet".to_owned(),
        Outlook::GivenUp => match (validation.ending(), validation.answer()) {
            (_, Some(Answer::Hold)) => "it was held, and nobody decided in time".to_owned(),
            (Some(Ending::GaveUp { waiting_for }), _) => format!("it gave up: {waiting_for}"),
            _ => "its time was over".to_owned(),
        },
        Outlook::Over => match validation.ending() {
            Some(Ending::Superseded { by }) => {
                format!("the same action asked again; validation {by} took its place")
            }
            Some(Ending::NothingToAnswer) => "it answers no approval".to_owned(),
            Some(Ending::ExecutionEnded { status }) => {
                format!("its execution ended as {status} before the approval was answered")
            }
            Some(Ending::Answered { .. } | Ending::Person(_)) => {
                "its approval is answered".to_owned()
            }
            Some(Ending::GaveUp { .. }) | None => "nothing is left to do".to_owned(),
        },
    }
}

fn continues(known: &Known, now: Timestamp) -> Vec<Continues> {
    let validation = &known.found.validation;
    let registration = &validation.registration;
    let id = registration.id;
    let mut ways = Vec::new();
    let evidence = known.found.evidence.as_ref();
    // What came before the window's end stays where it came.
    let is_overtaken = evidence
        .is_some_and(|evidence| evidence.context.unjudged == Some(Unjudged::Overtaken))
        && validation.judgement().is_some();
    if validation.may(Wish::Rejudge).is_ok() && !is_overtaken {
        let old = if may_be_forgotten(registration.window.end, now) {
            format!(" (it ended more than {MINUTES_KEPT_DAYS} days ago, so values may be gone)")
        } else {
            String::new()
        };
        ways.push(Continues {
            what: if validation.is_decided() {
                "Fix the defect, then have it processed again:".to_owned()
            } else {
                format!("Fix the cause, then have the same window judged again{old}:")
            },
            command: Some(format!("monspec validations rejudge {id} --reason TEXT")),
            link: None,
        });
    }
    if validation.may(Wish::Release).is_ok() {
        ways.push(Continues {
            what: or(
                &ways,
                "have it approved as it is, with your name and reason:",
            ),
            command: Some(format!("monspec validations release {id} --reason TEXT")),
            link: None,
        });
    }
    let Some(ApprovalAction { stage, action }) = &registration.approval else {
        return ways;
    };
    let click = match Outlook::of(validation) {
        Outlook::Held | Outlook::GivenUp | Outlook::Stuck => or(
            &ways,
            &format!("answer {action} of stage {stage} yourself:"),
        ),
        Outlook::Rejected => format!("Retry stage {stage}, then approve {action} yourself:"),
        _ => return ways,
    };
    ways.push(Continues {
        what: click,
        command: None,
        link: known.console.pipeline(&registration.pipeline),
    });
    ways
}

/// The sentence as the first of what continues the pipeline, or as another.
fn or(ways: &[Continues], sentence: &str) -> String {
    let (first, rest) = sentence.split_at(1);
    if ways.is_empty() {
        format!("{}{rest}", first.to_uppercase())
    } else {
        format!("Or {sentence}")
    }
}

/// Prints the effect of a person's wish on a validation.
pub(super) fn wished(out: &mut impl Write, validation: &Validation, wish: Wish) -> io::Result<()> {
    let id = validation.registration.id;
    match (wish, validation.released()) {
        (Wish::Release, Some(PersonsDecision { who, why, .. })) => {
            let (who, why) = (plain(who), plain(why));
            let then = match validation.ending() {
                Some(_) => means(validation, &[]),
                None => "its approval is given within a minute, once it is open and its other \
                         validations agree"
                    .to_owned(),
            };
            writeln!(out, "{id} is released by {who}: {why}\n{}", plain(then))
        }
        _ if validation.is_decided() => writeln!(out, "{id} is processed again within a minute"),
        _ => writeln!(out, "{id} is judged again within a minute"),
    }
}

pub(super) fn wished_json(
    out: &mut impl Write,
    validation: &Validation,
    now: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wished<'a> {
        #[serde(flatten)]
        head: Head<'a>,
        released: Option<form::PersonsDecision<'a>>,
        rejudged: Vec<form::PersonsDecision<'a>>,
        window_may_be_forgotten: bool,
    }
    output::json(
        out,
        &Wished {
            head: Head::of(validation),
            released: validation.released().map(Into::into),
            rejudged: validation.rejudged.iter().map(Into::into).collect(),
            window_may_be_forgotten: may_be_forgotten(validation.registration.window.end, now),
        },
    )
}

/// Why a wish is not fulfilled, and what helps instead.
pub(super) fn refused(validation: &Validation, wish: Wish, why: &Unfulfilled) -> String {
    let id = validation.registration.id;
    let verb = match wish {
        Wish::Rejudge => "judged again",
        Wish::Release => "released",
    };
    let instead = match why {
        Unfulfilled::NotJudged if validation.may(Wish::Rejudge).is_ok() => {
            "; have it judged again, or answer the approval yourself"
        }
        Unfulfilled::NotJudged => "; wait for its verdict, or answer the approval yourself",
        Unfulfilled::Decided(_) => {
            "; to overrule the verdict, answer the approval yourself, after a rejection by \
             retrying its stage"
        }
        Unfulfilled::Over | Unfulfilled::Released | Unfulfilled::TooOften(_) => {
            "; `monspec validations show` shows its current state"
        }
        Unfulfilled::NotHeld | Unfulfilled::NoApproval | Unfulfilled::Answering => "",
    };
    format!("validation {id} is not {verb}: {why}{instead}")
}

/// What others wrote, shown and not obeyed.
pub(super) fn plain(text: impl Display) -> String {
    escaped(&text.to_string())
}

fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
