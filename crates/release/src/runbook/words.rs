//! What is said on a problem about a run.

use serde_json::Value;

use super::{Abort, Counts, Ended, JobAt, Move, Purpose, Run, Said, State, Told};
use crate::change::words::announced;
use crate::comment::{self, bounded, cut, plain, sentence_case, time};
use crate::problem::Problem;
use crate::verify;

/// How much of an output is shown, in characters.
const LONGEST_OUTPUT: usize = 600;

/// What is said with a step, if anything.
pub fn of(problem: &Problem, run: &Run, what: &Move) -> Option<String> {
    let said = what.said.as_ref()?;
    if let Some(text) = verified(problem, run, what) {
        return Some(text);
    }
    let runbook = name(run);
    let text = match said {
        Said::Paused(stopped) => format!(
            "{runbook} would take {} back, and nothing is begun for now. {}.",
            announced(&run.cause),
            sentence(&stopped.to_string())
        ),
        Said::Own(Told::Busy { job, status, by }) => format!(
            "{runbook} is not launched yet: job {job} of the same template is {}, launched by {}. \
             Its end is waited for.",
            plain(status),
            plain(by)
        ),
        Said::Own(Told::Queued(why)) => format!("{runbook} waits: {}", sentence(why)),
        Said::Own(Told::Checked) => checked(&runbook, what.more.checked.as_ref()?),
        Said::StillOpen => return None,
        Said::State => return state(run, what.state.as_ref()?).map(bounded),
    };
    Some(bounded(format!("Unbreakable: {text}")))
}

/// What the problem says of a run that ended well.
fn verified(problem: &Problem, run: &Run, what: &Move) -> Option<String> {
    let State::Verifying { ended } = &run.state else {
        return None;
    };
    let change = run.change();
    let back = format!("{} has taken it back, as of {}", name(run), time(ended.at));
    match (what.said.as_ref()?, &what.state) {
        (Said::StillOpen, _) => Some(verify::still_open(problem, &change, &back)),
        (_, Some(State::Healed { closed, .. })) => {
            Some(verify::ended(problem, &change, &back, *closed))
        }
        (_, Some(State::Unconfirmed { .. })) => Some(verify::unknown(&change, &back)),
        _ => None,
    }
}

fn state(run: &Run, state: &State) -> Option<String> {
    let text = if state.is_final() {
        over(run, state)
    } else {
        under_way(run, state)
    };
    let mode = match state {
        State::Shadowed { .. } => " (shadow mode)",
        _ => "",
    };
    text.map(|text| format!("Unbreakable{mode}: {text}"))
}

fn under_way(run: &Run, state: &State) -> Option<String> {
    let runbook = name(run);
    Some(match state {
        State::Waiting { .. } => format!(
            "{} is to blame, and {runbook} would take it back. A person has to say yes first.",
            announced(&run.cause)
        ),
        State::Unknown { attempt, why, .. } if run.runbook.is_request() => format!(
            "{} is to blame. {} was asked to take it back, and whether it did is not known: {}. \
             The request is repeated, under the same key, until {} at the latest.",
            announced(&run.cause),
            sentence_case(&receiver(run)),
            sentence(why),
            time(attempt.deadline)
        ),
        State::Unknown { why, .. } => format!(
            "{runbook} was to be launched, and whether it was is not known: {}. It is looked for, \
             and launched once more at most.",
            sentence(why)
        ),
        State::Launched {
            attempt, job: at, ..
        } => match attempt.purpose {
            Purpose::Check => format!("{runbook} was launched in check mode as {}.", job(at)),
            Purpose::Real => format!(
                "{} is to blame. {} was launched to take it back, as {}{}. It has to end before {}.",
                announced(&run.cause),
                sentence_case(&runbook),
                job(at),
                allowed(run),
                time(attempt.deadline)
            ),
        },
        State::Aborting { job: at, why, .. } => format!(
            "{} of {runbook} is ended: {}.",
            job(at),
            sentence(&why.to_string())
        ),
        State::Verifying { ended } if ended.job.is_none() => format!(
            "{} is to blame. {} was asked to take it back{}, and has done so at {} ({}). Whether \
             that helps shows when this problem closes.",
            announced(&run.cause),
            sentence_case(&receiver(run)),
            allowed(run),
            time(ended.at),
            results(ended)
        ),
        State::Verifying { ended } => format!(
            "{runbook} ended well at {} ({}). Whether that helps shows when this problem closes.",
            time(ended.at),
            results(ended)
        ),
        _ => return None,
    })
}

fn over(run: &Run, state: &State) -> Option<String> {
    let runbook = name(run);
    Some(match state {
        State::Late { ended, closed } => format!(
            "{runbook} was late: the problem had ended at {}, and it ended only at {}. {} stays \
             taken back and suspect; a person has to look.",
            time(*closed),
            time(ended.at),
            sentence_case(&announced(&run.cause))
        ),
        State::Failed { ended, why } => format!(
            "{runbook} did not take {} back: {} ({}).{} It is not tried a second time; a person \
             has to look.",
            announced(&run.cause),
            sentence(&why.to_string()),
            results(ended),
            details(ended)
        ),
        State::Aborted {
            job: at,
            why,
            status,
            ..
        } => aborted(&runbook, at, why, status),
        State::Stuck { job: at, why, .. } => format!(
            "{} of {runbook} has to end ({}), and goes on all the same. A person has to end it in \
             the controller.",
            job(at),
            sentence(&why.to_string())
        ),
        State::Gone { job: at, .. } => format!(
            "the controller does not know {} of {runbook} any more, so how it ended is not known. \
             A person has to look.",
            job(at)
        ),
        State::Lost { why, .. } if run.runbook.is_request() => format!(
            "whether {} has taken {} back is not known: {}. It is not asked again; a person has \
             to look there.",
            receiver(run),
            announced(&run.cause),
            sentence(why)
        ),
        State::Lost { why, .. } => format!(
            "whether {runbook} ran is not known: {}. It is not launched again; a person has to \
             look in the controller.",
            sentence(why)
        ),
        State::Shadowed { checked } => {
            format!(
                "{} is to blame, and {runbook} would have been launched \
                 to take it back{}. {}",
                announced(&run.cause),
                run.input
                    .limit
                    .as_deref()
                    .map_or_else(String::new, |limit| format!(", on {}", plain(limit))),
                match checked {
                    Some(ended) => format!(
                        "It ran in check mode only ({}).{}",
                        results(ended),
                        proves(ended)
                    ),
                    None => "Nothing was launched.".to_owned(),
                }
            )
        }
        State::Refused { why } => format!(
            "{} is to blame, and {runbook} is not run: {}.",
            announced(&run.cause),
            sentence(&why.to_string())
        ),
        State::NotNeeded { why } => format!(
            "{} was suspect, and {runbook} is not run: {}.",
            announced(&run.cause),
            sentence(&why.to_string())
        ),
        State::GaveUp => format!(
            "the time for answering this problem is over, and {runbook} was not run. A person has \
             to look."
        ),
        _ => return None,
    })
}

/// What is said where an action cannot even be made a run: the sentence of a
/// [`super::Refusal`].
pub fn refused(change: &str, why: &super::Refusal) -> String {
    bounded(format!(
        "Unbreakable: {} is to blame, and its action is not taken: {}.",
        plain(change),
        sentence(&why.to_string())
    ))
}

fn checked(runbook: &str, ended: &Ended) -> String {
    format!(
        "{runbook} ended well in check mode ({}).{}",
        results(ended),
        proves(ended)
    )
}

/// Modules that cannot check are left out, and then nothing was checked.
fn proves(ended: &Ended) -> &'static str {
    match ended.counts {
        Some(counts) if !counts.touched_any() => " Every task was left out, so it proves nothing.",
        Some(_) | None => "",
    }
}

fn aborted(runbook: &str, at: &JobAt, why: &Abort, status: &str) -> String {
    let why = sentence(&why.to_string());
    if status == "canceled" {
        format!("{} of {runbook} was ended, because {why}.", job(at))
    } else {
        format!(
            "{} of {runbook} was to be ended, because {why}, and ended as {} before. A person has \
             to look.",
            job(at),
            plain(status)
        )
    }
}

fn results(ended: &Ended) -> String {
    let Some(at) = &ended.job else {
        return answer(ended);
    };
    format!("{}{}", job(at), hosts(ended))
}

/// What a receiver says of what it did.
fn answer(ended: &Ended) -> String {
    let said = |name: &str| ended.artifacts.get(name);
    let changed = match said("changed").and_then(Value::as_bool) {
        Some(true) => "it says that it changed something",
        Some(false) => "it says that there was nothing to change",
        None => "it says no more",
    };
    let note = said("note").and_then(Value::as_str);
    let note = note.map_or_else(String::new, |note| format!(": {}", plain(note)));
    format!("{changed}{note}")
}

fn hosts(ended: &Ended) -> String {
    let took = ended
        .seconds
        .map_or_else(String::new, |seconds| format!(", {seconds} s"));
    let Some(counts) = ended.counts else {
        return took;
    };
    let Counts {
        ok,
        changed,
        failures,
        dark,
        skipped,
    } = counts;
    format!(
        "{took}, hosts: {ok} ok, {changed} changed, {failures} failed, {dark} unreachable, \
         {skipped} skipped"
    )
}

fn details(ended: &Ended) -> String {
    let task = ended.task.as_ref().map(|task| {
        format!(
            " Task {} failed on {}: {}.",
            plain(&task.name),
            plain(&task.host),
            plain(&task.message)
        )
    });
    let explanation = (!ended.explanation.is_empty())
        .then(|| format!(" The controller says: {}.", sentence(&ended.explanation)));
    let output = ended.tail.trim();
    let skipped = output.chars().count().saturating_sub(LONGEST_OUTPUT);
    let output: String = output.chars().skip(skipped).collect();
    let output =
        (!output.is_empty()).then(|| format!(" Its last output: {}", cut(&output, LONGEST_OUTPUT)));
    [task, explanation, output].into_iter().flatten().collect()
}

fn name(run: &Run) -> String {
    format!("runbook {}", plain(&run.runbook.alias))
}

fn receiver(run: &Run) -> String {
    let on = &run.runbook.on;
    format!("receiver {} of {}", plain(on), name(run))
}

fn allowed(run: &Run) -> String {
    let who = run.allowed.as_deref();
    who.map_or_else(String::new, |who| format!(", allowed by {}", plain(who)))
}

fn job(at: &JobAt) -> String {
    match &at.page {
        Some(page) => format!("job {} ({page})", at.id),
        None => format!("job {}", at.id),
    }
}

/// A sentence that goes on behind it, or ends there with a full stop of ours.
fn sentence(text: &str) -> String {
    comment::sentence(text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
