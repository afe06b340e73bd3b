//! Whether a change of a flag may have caused a problem.

use jiff::Timestamp;

use crate::audit::{Cause, Entry};
use crate::declaration::Declaration;
use crate::state::{AuthorKind, State};

/// Why a change of a flag caused no problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCulprit {
    /// It was made to end what another change had begun.
    #[error("it ended, kept or took back another change")]
    Return,
    /// It is declared that changes of the flag cause nothing.
    #[error("its flag is declared harmless")]
    Harmless,
    /// A program answered a problem by it that had begun.
    #[error("it answered a problem that had begun")]
    Answer,
    /// The flag had this value before.
    #[error("it left the value of the flag as it was")]
    Same,
    /// It no longer held when the problem began.
    #[error("it had ended before the problem began")]
    EndedBefore,
}

/// The id of the change that takes this one back because a problem was blamed on
/// it. It is made at most once.
pub fn taken_back_by(change: &str) -> String {
    format!("{TAKEN_BACK}{change}")
}

const TAKEN_BACK: &str = "back-";

/// Whether a change of the flag was taken back because of a problem, and no person
/// has changed the flag since.
pub fn is_blamed(state: &State) -> bool {
    let newest_first = state.recent.iter().rev();
    let mut since = newest_first.take_while(|recent| recent.kind != AuthorKind::Person);
    since.any(|recent| recent.change.starts_with(TAKEN_BACK))
}

/// Until when a change moved its flag, if it may have caused a problem that began
/// then. `history` has the entries that follow it.
///
/// A change that was taken back because of a problem still competes: what is felt a
/// little later joins that problem, instead of being blamed on what came before.
pub fn as_culprit(
    entry: &Entry,
    history: &[Entry],
    flag: &Declaration,
    began: Timestamp,
) -> Result<Timestamp, NoCulprit> {
    let record = &entry.record;
    if !record.cause.competes() {
        return Err(NoCulprit::Return);
    }
    if flag.harmless {
        return Err(NoCulprit::Harmless);
    }
    // A problem begins in the minute that the tenant names, so what answers it may
    // seem to precede it.
    let is_answer = record.problem.is_some() && record.by.kind != AuthorKind::Person;
    if is_answer && began <= record.at {
        return Err(NoCulprit::Answer);
    }
    if record.before == record.after {
        return Err(NoCulprit::Same);
    }
    let mut later = history.iter().map(|later| &later.record);
    let ended = later.any(|later| {
        let ends = match later.cause {
            Cause::LeaseEnded | Cause::BoundReached => later.change == record.change,
            Cause::GivenBack => record.cause == Cause::Mitigated && later.problem == record.problem,
            _ => false,
        };
        ends && record.version < later.version && later.at <= began
    });
    if ended {
        return Err(NoCulprit::EndedBefore);
    }
    Ok(match (&record.cause, record.ends) {
        (Cause::RampStarted, Some(ends)) => ends,
        _ => record.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Record;
    use crate::state::Author;
    use crate::step::percent;
    use crate::value::Value;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
    }

    fn entry(version: u64, minute: i64, cause: Cause, change: &str) -> Entry {
        let record = Record {
            set: "prod".to_owned(),
            flag: "percent".to_owned(),
            version,
            at: at(minute),
            cause,
            before: Value::Integer(5),
            after: Value::Integer(50),
            ends: Some(at(minute + 30)),
            change: change.to_owned(),
            batch: None,
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: String::new(),
            triggered_by: "manual".to_owned(),
            problem: Some("P-1".to_owned()),
        };
        Entry::seal(record, None)
    }

    /// Each case: a change at minute 10, what follows it, and what it is to a
    /// problem at minute 40.
    #[test]
    fn change_is_a_culprit_while_it_holds() {
        let flag = percent();
        for (cause, later, expected) in [
            (Cause::Changed, None, Ok(at(10))),
            (Cause::Leased, None, Ok(at(10))),
            (Cause::RampStarted, None, Ok(at(40))),
            (Cause::GivenBack, None, Err(NoCulprit::Return)),
            (Cause::RampEnded, None, Err(NoCulprit::Return)),
            (
                Cause::Leased,
                Some(entry(2, 40, Cause::LeaseEnded, "c1")),
                Err(NoCulprit::EndedBefore),
            ),
            (
                Cause::Leased,
                Some(entry(2, 41, Cause::LeaseEnded, "c1")),
                Ok(at(10)),
            ),
            (
                Cause::Leased,
                Some(entry(2, 20, Cause::LeaseEnded, "c0")),
                Ok(at(10)),
            ),
            (
                Cause::Changed,
                Some(entry(2, 20, Cause::TakenBack, "back-c1")),
                Ok(at(10)),
            ),
            (
                Cause::Mitigated,
                Some(entry(2, 20, Cause::GivenBack, "c2")),
                Err(NoCulprit::EndedBefore),
            ),
        ] {
            let change = entry(1, 10, cause.clone(), "c1");
            let history: Vec<Entry> = later.into_iter().collect();
            let found = as_culprit(&change, &history, &flag, at(40));
            assert_eq!(found, expected, "{cause:?} {history:?}");
        }
    }

    #[test]
    fn what_answers_a_problem_that_had_begun_did_not_cause_it() {
        let mut change = entry(1, 10, Cause::Mitigated, "c1");
        let by_a_person = as_culprit(&change, &[], &percent(), at(10));
        change.record.by.kind = AuthorKind::Rule;

        let by_a_rule = as_culprit(&change, &[], &percent(), at(10));
        let before_the_problem = as_culprit(&change, &[], &percent(), at(11));

        assert_eq!(by_a_person, Ok(at(10)));
        assert_eq!(by_a_rule, Err(NoCulprit::Answer));
        assert_eq!(before_the_problem, Ok(at(10)));
    }

    #[test]
    fn harmless_flag_and_unchanged_value_cause_nothing() {
        let mut change = entry(1, 10, Cause::Changed, "c1");
        let harmless = Declaration {
            harmless: true,
            ..percent()
        };
        let found = as_culprit(&change, &[], &harmless, at(40));
        assert_eq!(found, Err(NoCulprit::Harmless));
        change.record.after = change.record.before.clone();
        let found = as_culprit(&change, &[], &percent(), at(40));
        assert_eq!(found, Err(NoCulprit::Same));
    }
}
