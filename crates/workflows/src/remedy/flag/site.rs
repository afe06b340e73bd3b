//! One change of a flag that is to blame, with what one pass knows of the flag.

use std::sync::Arc;

use anyhow::Context as _;
use flags::state::{Author, AuthorKind, State};
use flags::step::{Event, Outcome, Refusal, Request, Situation, Transition, step};
use flags::taken_back_by;
use release::change::{FlagChange, FlagValue, Place, Remedy};
use release::deployment::Standing;
use release::problem::{Problem, Remediation};
use release::remediation::{
    Created, HealRefusal, Made, Observed, Progress, Question, Running, Runs, Shown,
};
use store::{Commit, Decision, FlagSet, Flags, Found};

use super::{View, Views};
use crate::remedy::adapter::{Alternative, BeforeBlame, Context, Notes};

/// Who takes changes back, in the history of a flag.
const AUTHOR: &str = "Unbreakable";

/// One change of a flag that is to blame, with what is known of the flag.
pub(crate) struct Site {
    culprit: FlagChange,
    view: Option<View>,
}

impl Site {
    /// With the look at the flag, if there was one in this pass.
    pub(crate) fn new(culprit: &FlagChange, views: &mut Views) -> Self {
        Self {
            culprit: culprit.clone(),
            view: views.remove(&culprit.flag),
        }
    }

    /// What the look at the flag says of it, if that was asked.
    pub(crate) fn sighted(&self) -> Option<BeforeBlame> {
        let holder = self.view.as_ref()?.holders.get(&self.culprit.id)?;
        Some(BeforeBlame {
            holder: holder.clone(),
            reading: None,
        })
    }

    /// Finds out what a step asks for.
    pub(crate) async fn find_out(
        &mut self,
        context: Context<'_>,
        remediation: &Remediation,
        question: Question,
        observed: &mut Observed,
    ) -> anyhow::Result<()> {
        match question {
            Question::Holder => {
                observed.holder = Some(context.ledger.holder(&remediation.culprit).await?);
            }
            Question::Guard => {
                let place = remediation.culprit.place();
                observed.guard = Some(context.ledger.guard(&place).await?);
            }
            Question::Answer => {
                let (culprit, view) = self.look(context).await?;
                observed.answer = Some(view.answer_to(culprit));
                observed.guard = Some(view.guard.clone());
            }
            Question::Runs => {
                let (culprit, view) = self.look(context).await?;
                observed.runs = Some(Running {
                    runs: view.runs(culprit, context)?,
                    rollback: None,
                    unfinished: false,
                });
            }
            // Taken back, a flag has what it had before.
            Question::Brought => {
                let culprit = &self.culprit;
                observed.brought = Some(restored(culprit, culprit.before.clone()));
            }
            Question::Remedy => {
                let (culprit, view) = self.look(context).await?;
                observed.remedy = Some(match view.back(culprit, context, None) {
                    Some(Outcome::Written(back)) => {
                        Some(restored(culprit, back.after().to_string()))
                    }
                    _ => None,
                });
            }
            // One transaction has done it.
            Question::Heal => observed.heal = Some(Some(Shown::Well(None))),
        }
        Ok(())
    }

    /// What is known already is all there is.
    #[expect(clippy::unused_async, reason = "other kinds ask for it")]
    pub(crate) async fn foresee(&mut self, _: Context<'_>) {}

    /// Nothing is worth knowing about the value that was before.
    #[expect(clippy::unused_self, reason = "other kinds have them")]
    pub(crate) fn notes(&self) -> Notes<'_> {
        Notes::default()
    }

    /// Takes the change back, with its entry in the history and its event in the
    /// outbox, in one transaction. The intent is stored, by this very pass.
    pub(crate) async fn create(
        &self,
        context: Context<'_>,
        problem: &Problem,
    ) -> anyhow::Result<Created> {
        let Self { culprit, view } = self;
        let flags = flags(context)?;
        let read = view.as_ref().and_then(|view| view.set.as_deref().cloned());
        let decide = |found: &Found| {
            let set = found.set.as_ref();
            match set.and_then(|set| back(set, culprit, context, Some(problem))) {
                Some(Outcome::Written(back)) => Decision::Write(committed(culprit, *back), true),
                _ => Decision::Leave(false),
            }
        };
        let set = &culprit.flag.set;
        let written = flags
            .change_on(read, set, None, context.now, decide)
            .await?;
        Ok(if written.decided {
            Created::Deployment(taken_back_by(&culprit.id))
        } else {
            Created::Busy
        })
    }

    /// The value that the flag would have.
    pub(crate) async fn weighed(
        &mut self,
        context: Context<'_>,
    ) -> anyhow::Result<Vec<Alternative>> {
        let (culprit, view) = self.look(context).await?;
        let Some(Outcome::Written(back)) = view.back(culprit, context, None) else {
            return Ok(Vec::new());
        };
        Ok(vec![Alternative {
            id: culprit.flag.to_string(),
            version: back.after().to_string(),
            standing: Standing::Unknown,
            is_chosen: true,
            why: "it is what the flag was before".to_owned(),
        }])
    }

    /// Looks at the flag, unless that was done in this pass.
    async fn look(&mut self, context: Context<'_>) -> anyhow::Result<(&FlagChange, &View)> {
        let view = match self.view.take() {
            Some(view) => view,
            None => View::read(context, &self.culprit).await?,
        };
        Ok((&self.culprit, self.view.insert(view)))
    }
}

impl View {
    async fn read(context: Context<'_>, culprit: &FlagChange) -> anyhow::Result<Self> {
        let place = Place::Flag(culprit.flag.clone());
        let flags = flags(context)?;
        let (set, guard) =
            tokio::try_join!(flags.set(&culprit.flag.set), context.ledger.guard(&place))?;
        Ok(Self {
            set: set.map(Arc::new),
            guard,
            holders: std::collections::BTreeMap::new(),
        })
    }

    /// What took the culprit back, if we did. It is found by its id.
    fn answer_to(&self, culprit: &FlagChange) -> Option<Made> {
        let state = self.set.as_ref()?.states.get(&culprit.flag.name)?;
        let id = taken_back_by(&culprit.id);
        let made = state.recent.iter().find(|recent| recent.change == id)?;
        Some(Made { at: made.at, id })
    }

    /// What the flag shows of the culprit.
    fn runs(&self, culprit: &FlagChange, context: Context<'_>) -> anyhow::Result<Runs> {
        let flag = culprit.flag.to_string();
        Ok(match self.back(culprit, context, None) {
            None => Runs::Kept(HealRefusal::Undeclared { flag }),
            Some(Outcome::Written(_)) => Runs::Culprit(Progress::Ended),
            Some(Outcome::AlreadyBack | Outcome::Refused(Refusal::UnknownChange(_))) => Runs::Over,
            Some(Outcome::Refused(Refusal::ChangedSince(since))) => {
                Runs::Kept(HealRefusal::ChangedSince {
                    flag,
                    who: since.by.name,
                    at: since.at,
                })
            }
            Some(Outcome::Refused(Refusal::NothingBefore)) => {
                Runs::Kept(HealRefusal::NothingBefore { flag })
            }
            Some(other) => anyhow::bail!("taking a flag back comes to {other:?}"),
        })
    }

    /// What follows if the culprit is taken back now; nothing, if its flag is gone.
    fn back(
        &self,
        culprit: &FlagChange,
        context: Context<'_>,
        problem: Option<&Problem>,
    ) -> Option<Outcome> {
        back(self.set.as_deref()?, culprit, context, problem)
    }
}

fn back(
    set: &FlagSet,
    culprit: &FlagChange,
    context: Context<'_>,
    problem: Option<&Problem>,
) -> Option<Outcome> {
    let untouched = State::default();
    let situation = Situation {
        set: &set.name,
        flag: set.declarations.flags.get(&culprit.flag.name)?,
        state: set.states.get(&culprit.flag.name).unwrap_or(&untouched),
        now: context.now,
    };
    let why = problem.map(|problem| format!("blamed for problem {}", problem.name()));
    let request = Request {
        change: taken_back_by(&culprit.id),
        batch: None,
        by: Author {
            name: AUTHOR.to_owned(),
            kind: AuthorKind::Rule,
        },
        why: why.unwrap_or_default(),
        triggered_by: "problem".to_owned(),
        problem: problem.map(|problem| problem.id.clone()),
        expected: None,
    };
    let event = Event::TakeBack {
        change: culprit.id.clone(),
        began: context.began,
    };
    Some(step(situation, &request, &event))
}

fn committed(culprit: &FlagChange, back: Transition) -> Commit {
    Commit {
        flags: vec![(culprit.flag.name.clone(), back)],
        ..Commit::default()
    }
}

fn restored(culprit: &FlagChange, value: String) -> Remedy {
    Remedy::Restore(FlagValue {
        flag: culprit.flag.clone(),
        value,
    })
}

fn flags(context: Context<'_>) -> anyhow::Result<&Flags> {
    context
        .clients
        .flags
        .as_ref()
        .context("the table of flags is not set: FLAGS_TABLE")
}
