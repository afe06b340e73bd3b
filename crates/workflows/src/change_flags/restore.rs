//! What a person sees before they take a change back; nothing is changed here.

use flags::key::{Denied, Presented, verify};
use flags::state::{Assignment, Author, AuthorKind, Course, State};
use flags::step::{self, Request, Situation, step};
use jiff::Timestamp;
use report::{Frame, Said, TakingBack, page};
use url::form_urlencoded;

use super::Services;

pub use report::content_security_policy;

/// The change that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The key that was presented.
    pub key: Option<&'a Presented>,
    /// The flag.
    pub flag: &'a str,
    /// The change of it.
    pub change: Option<&'a str>,
    /// What came of asking, if it was.
    pub outcome: Option<&'a str>,
}

/// What is shown of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A page.
    Page(String),
    /// Nobody knows who asks.
    Unknown,
    /// There is nothing that whoever asks may see.
    Nothing,
}

/// Shows what taking a change back would do, and whether it still may be.
pub async fn shown(services: &Services, asked: Asked<'_>, now: Timestamp) -> anyhow::Result<Shown> {
    let id = asked.key.map(|key| key.id.as_str());
    let look = services.flags.look(&services.set, id).await?;
    let key = match asked.key {
        Some(presented) => verify(look.key.as_ref(), presented, now),
        None => Err(Denied::Unknown),
    };
    let Ok(key) = key else {
        return Ok(Shown::Unknown);
    };
    let set = services.flags.set(&services.set).await?;
    let found = set.as_ref().and_then(|set| {
        let declared = set.declarations.flags.get(asked.flag)?;
        let change = asked.change?;
        key.reads(&set.name, declared)
            .then_some((set, declared, change))
    });
    let Some((set, declared, change)) = found else {
        return Ok(Shown::Nothing);
    };
    let untouched = State::default();
    let state = set.states.get(asked.flag).unwrap_or(&untouched);
    let situation = Situation {
        set: &set.name,
        flag: declared,
        state,
        now,
    };
    let mut words = state.assignments.iter();
    let said = words.find(|word| word.change == change);
    let frame = Frame {
        now,
        zone: None,
        start: None,
        stopped: &[],
    };
    Ok(Shown::Page(page::taking_back(
        &frame,
        &TakingBack {
            set: &set.name,
            flag: asked.flag,
            said: said.map(|word| Said {
                value: value(word),
                by: &word.by.name,
                at: word.at,
            }),
            value: state.value(declared, now).to_string(),
            after: after(situation, change),
            action: &format!("?{}", named(change)),
            outcome: asked.outcome,
        },
    )))
}

/// The parameter that names a change.
pub(super) fn named(change: &str) -> String {
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    parameters.append_pair("change", change).finish()
}

/// The value afterwards, or why it may not be.
fn after(situation: Situation<'_>, change: &str) -> Result<String, String> {
    let event = step::Event::TakeBack {
        change: change.to_owned(),
        began: None,
    };
    // Who asks changes nothing of what follows.
    let request = Request {
        change: String::new(),
        batch: None,
        by: Author {
            name: String::new(),
            kind: AuthorKind::Person,
        },
        why: String::new(),
        triggered_by: String::new(),
        problem: None,
        expected: None,
    };
    match step(situation, &request, &event) {
        step::Outcome::Written(transition) => Ok(transition.after().to_string()),
        step::Outcome::Refused(refusal) => Err(refusal.to_string()),
        _ => Err("it ended or was taken back already".to_owned()),
    }
}

fn value(word: &Assignment) -> String {
    match &word.course {
        Course::Steady(value) => value.to_string(),
        Course::Ramp(ramp) => format!("{} to {}", ramp.from, ramp.to),
    }
}
