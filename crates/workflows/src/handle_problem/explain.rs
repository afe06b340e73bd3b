//! What a problem would be blamed on and answered with, without answering it.
//! Nothing is written anywhere.

mod conclusion;

use std::collections::BTreeSet;

use anyhow::Context as _;
use dynatrace::RecordedEvent;
use futures_util::future::join;
use jiff::Timestamp;
use release::attribution::{self, Attribution, Culprit, attribute};
use release::change::Change;
use release::explanation::{Weighed, weigh};
use release::precedence::end_of_beginning;
use release::problem::{Arrival, Problem, Remediation};
use release::remediation::{
    Call, Mode, Move, Policy, Question, Situation, State, Step, begin, step,
};
use release::runbook::{self as run, About, Begun, Run};
use serde::Serialize;

use super::cause::Production;
use super::tools::Pass;
use super::{Connected, Services, cause, healing, running};
use crate::remedy::{
    Alternative, Case, Dismissed, Gathered, HealSite, Site, Views, gather, runbook,
};
use crate::walk::{Walk, walk};
use crate::work::Tick;
use conclusion::{Conclusion, Fate};

/// What is to be explained.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A problem of the tenant, by its id.
    Problem(String),
    /// A problem on all of production's services that had begun at this time.
    At(Timestamp),
}

/// What was found out, by what is known today.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The problem, where there is one.
    pub problem: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// Its entities that are production.
    pub entities: Vec<String>,
    /// Every change of any kind that was announced on them, or that is known in the
    /// places behind them.
    pub candidates: Vec<Candidate>,
    /// What could be put in place, per change that is to blame.
    pub answers: Vec<Answer>,
    /// What was not looked at, because there is too much.
    pub left_out: Vec<String>,
    /// What follows, in a sentence.
    pub outcome: String,
}

/// One change that could be the cause.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Its id: of a deployment, of a change of a flag, or of the event that announced a
    /// configuration.
    pub change: String,
    /// What it changed: a deployment group, a flag, or what a runbook changes.
    pub place: String,
    /// The entity that its place is behind.
    pub entity: String,
    /// When it took effect: a deployment with the first instance that it changed,
    /// or when it was made where it changed none.
    pub at: Timestamp,
    /// When it ended, where it has.
    pub ended: Option<Timestamp>,
    /// Whether it was announced on the entity.
    pub announced: bool,
    /// Whether it is to blame.
    pub blamed: bool,
    /// Why, or why not.
    pub why: String,
}

/// What could be put in place of one change.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The change that is to blame.
    pub culprit: String,
    /// What it changed.
    pub place: String,
    /// Everything that was deployed there, the value that the flag had before, or the
    /// runbook.
    pub targets: Vec<Target>,
}

/// One revision that could be deployed again, one value of a flag, or one runbook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The deployment, the flag, or the runbook.
    pub id: String,
    /// What a person calls it: a version, a value, or a template.
    pub version: String,
    /// What is known of it.
    pub standing: release::deployment::Standing,
    /// Whether it is what would be put in place, if anything is.
    pub chosen: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains attribution and target choice. `None` if the tenant knows no such
/// problem.
pub async fn explain(
    services: &Services,
    connected: &Connected,
    asked: &Asked,
    tick: Tick,
) -> anyhow::Result<Option<Explained>> {
    let mut pass = Pass::new(services, connected, tick);
    let (past, paused) = join(past(&pass, asked), services.ledger.pauses(tick.now)).await;
    let Some(past) = past? else {
        return Ok(None);
    };
    pass.note_pauses(past.id().unwrap_or_default(), paused);
    pass.moment = end_of_beginning(past.began).min(tick.now);
    let Production { affected, left_out } = past.production(&pass).await?;
    let blame = cause::blame(&services.healing, past.began, past.root_cause());
    let case = Case {
        blame,
        affected: &affected,
        evidence: past.evidence(),
        runs: &[],
    };
    let (gathered, views) = gather(pass.context(), &case).await?;
    let attribution = attribute(&gathered.candidates, blame);
    let undecided = gathered.undecided.clone();
    let (answers, conclusion) = conclude(&pass, &past, undecided, views, attribution).await?;
    let conclusion = match conclusion {
        Conclusion::Nothing { .. } if affected.is_empty() => Conclusion::NotProduction,
        conclusion => conclusion,
    };
    let Gathered {
        candidates,
        dismissed,
        left_out: also_left_out,
        ..
    } = gathered;
    let told = weigh(&candidates, blame).into_iter().map(Candidate::from);
    let dismissed = dismissed.into_iter().map(Candidate::from);
    let mut candidates: Vec<Candidate> = told.chain(dismissed).collect();
    candidates.sort_by_key(|one| std::cmp::Reverse(one.at));
    Ok(Some(Explained {
        problem: past.id().map(str::to_owned),
        began: past.began,
        entities: affected.into_iter().map(|entity| entity.id).collect(),
        candidates,
        answers,
        left_out: left_out.into_iter().chain(also_left_out).collect(),
        outcome: conclusion.to_string(),
    }))
}

/// What is known of the problem itself.
struct Past {
    /// Nothing where there is only a time.
    problem: Option<dynatrace::Problem>,
    began: Timestamp,
}

async fn past(pass: &Pass<'_>, asked: &Asked) -> anyhow::Result<Option<Past>> {
    let tenant = &pass.connected.tenant;
    let id = match asked {
        Asked::Problem(id) => id,
        Asked::At(began) => {
            return Ok(Some(Past {
                problem: None,
                began: *began,
            }));
        }
    };
    let Some(seen) = tenant.problem(id, pass.remotes_until).await? else {
        return Ok(None);
    };
    let began = Timestamp::from_millisecond(seen.start_ms)
        .context("the tenant gives no valid time for the beginning of the problem")?;
    Ok(Some(Past {
        problem: Some(seen),
        began,
    }))
}

impl Past {
    fn id(&self) -> Option<&str> {
        self.problem.as_ref().map(|seen| seen.id.as_str())
    }

    fn root_cause(&self) -> Option<&str> {
        let root_cause = self.problem.as_ref()?.root_cause.as_ref()?;
        Some(&root_cause.id)
    }

    fn evidence(&self) -> &[RecordedEvent] {
        let seen = self.problem.as_ref();
        seen.map_or(&[], |seen| &seen.evidence)
    }

    /// What of it is production; all services, where there is only a time.
    async fn production(&self, pass: &Pass<'_>) -> anyhow::Result<Production> {
        if let Some(seen) = &self.problem {
            return cause::production(pass, seen).await;
        }
        let tenant = &pass.connected.tenant;
        let tag = &pass.services.healing.tag;
        let window = pass.context().around();
        let found = cause::tagged_services(tenant, tag, window, pass.remotes_until).await?;
        let affected = found
            .iter()
            .map(|entity| cause::affected(&entity.id, &entity.name, &entity.tags));
        Ok(Production::first_of(affected.collect(), Vec::new()))
    }
}

/// What follows from an attribution, and what could be deployed again.
async fn conclude(
    pass: &Pass<'_>,
    past: &Past,
    undecided: BTreeSet<String>,
    mut views: Views,
    attribution: Attribution,
) -> anyhow::Result<(Vec<Answer>, Conclusion)> {
    let (culprits, too_many) = match attribution {
        Attribution::Nothing => {
            return Ok((Vec::new(), Conclusion::Nothing { undecided }));
        }
        Attribution::Ambiguous { newest, older, .. } => {
            let [newest, older] = [newest, older].map(|one| one.change.id().to_owned());
            return Ok((Vec::new(), Conclusion::Ambiguous { newest, older }));
        }
        Attribution::Culprits(culprits) => (culprits, false),
        Attribution::TooManyPlaces(culprits) => (culprits, true),
    };
    let count = culprits.len();
    let mut answers = Vec::new();
    let mut fates = Vec::new();
    for Culprit { change, .. } in culprits {
        let place = change.place();
        let mut site = Site::of(&change, &mut views)?;
        let targets = site.weighed(pass.context()).await?;
        let fate = Box::pin(fate(pass, past, site, &change)).await?;
        fates.push((change.clone(), fate));
        answers.push(Answer {
            culprit: change.id().to_owned(),
            place: place.to_string(),
            targets: targets.into_iter().map(Target::from).collect(),
        });
    }
    let conclusion = if too_many {
        let most = pass.services.healing.most_groups;
        Conclusion::TooManyPlaces { count, most }
    } else {
        Conclusion::Blamed(fates)
    };
    Ok((answers, conclusion))
}

/// What becomes of a culprit, as the problem that blames it would find it now, if
/// it were heard of now: whether there is time to act is left out.
async fn fate(pass: &Pass<'_>, past: &Past, site: Site, culprit: &Change) -> anyhow::Result<Fate> {
    let id = past.id().unwrap_or_default();
    let now = pass.tick.now;
    let patience = pass.services.healing.patience;
    let mut problem = Problem::heard_of(id, Arrival::Webhook, now, patience);
    problem.began = Some(past.began);
    match site {
        Site::Heal(site) => of_heal(pass, &problem, site, culprit).await,
        Site::Run(site) => of_run(pass, &problem, *site).await,
    }
}

async fn of_heal(
    pass: &Pass<'_>,
    problem: &Problem,
    site: HealSite,
    culprit: &Change,
) -> anyhow::Result<Fate> {
    let holder = pass.services.ledger.holder(culprit).await?;
    let (remediation, _) = begin(culprit, &problem.id, holder);
    let situation = Situation {
        problem,
        heard: true,
        lost: false,
        policy: Policy {
            mode: Mode::Shadow,
            ..pass.services.healing.policy()
        },
        paused: pass.paused(culprit.place()),
        now: pass.tick.now,
    };
    let mut trial = Trial {
        of: &remediation,
        situation: &situation,
        known: healing::Known::new(pass, site, problem.began),
        what: None,
    };
    let what = if remediation.state == State::Attributed {
        if let Some(wait) = walk(&mut trial).await? {
            return Ok(Fate::Waits(wait.waiting_for));
        }
        trial.what.context("nothing is decided at first")?
    } else {
        Move {
            state: Some(remediation.state.clone()),
            ..Move::default()
        }
    };
    Fate::of(what).context("a first step leads to no such state")
}

async fn of_run(
    pass: &Pass<'_>,
    problem: &Problem,
    mut site: runbook::Site,
) -> anyhow::Result<Fate> {
    let begun = site.begin(pass.context(), problem, About::default());
    let run = match begun.await? {
        Begun::Run(run) => *run,
        Begun::Answered { by } => return Ok(Fate::Answered { by }),
        Begun::Before => anyhow::bail!("nothing was run to explain"),
    };
    let healing = &pass.services.healing;
    let situation = run::Situation {
        problem,
        heard: true,
        lost: false,
        mode: run.runbook.mode.under(Mode::Shadow),
        listed: true,
        max_age: healing.max_age,
        paused: pass.paused(run.place()),
        permission: None,
        now: pass.tick.now,
    };
    let mut trial = Trial {
        of: &run,
        situation: &situation,
        known: running::Known::new(pass),
        what: None,
    };
    if run.state == run::State::Asked {
        if let Some(wait) = walk(&mut trial).await? {
            return Ok(Fate::Waits(wait.waiting_for));
        }
        let what = trial.what.context("nothing is decided at first")?;
        return Fate::of_run(&run, what).context("a first step leads to no such state");
    }
    let what = run::Move {
        state: Some(run.state.clone()),
        ..run::Move::default()
    };
    Fate::of_run(&run, what).context("a run begins in no such state")
}

/// The first step of an answer that is not written.
struct Trial<'a, Of, Situation, Known, Move> {
    of: &'a Of,
    situation: &'a Situation,
    known: Known,
    what: Option<Move>,
}

impl Walk for Trial<'_, Remediation, Situation<'_>, healing::Known<'_>, Move> {
    type Question = Question;
    type Move = Move;
    type Call = Call;

    fn decide(&self) -> Step {
        step(self.of, self.situation, &self.known.observed)
    }

    async fn find_out(&mut self, question: Question) -> anyhow::Result<()> {
        self.known.find_out(self.of, question).await
    }

    async fn write(&mut self, what: Move) -> anyhow::Result<Option<Step>> {
        self.what = Some(what);
        Ok(Some(Step::Rest))
    }

    async fn call(&mut self, _: Call) -> anyhow::Result<Option<Step>> {
        anyhow::bail!("nothing is called to explain")
    }
}

impl Walk for Trial<'_, Run, run::Situation<'_>, running::Known<'_>, run::Move> {
    type Question = run::Question;
    type Move = run::Move;
    type Call = run::Call;

    fn decide(&self) -> run::Step {
        run::step(self.of, self.situation, &self.known.observed)
    }

    async fn find_out(&mut self, question: run::Question) -> anyhow::Result<()> {
        self.known.find_out(self.of, question).await
    }

    async fn write(&mut self, what: run::Move) -> anyhow::Result<Option<run::Step>> {
        self.what = Some(what);
        Ok(Some(run::Step::Rest))
    }

    async fn call(&mut self, _: run::Call) -> anyhow::Result<Option<run::Step>> {
        anyhow::bail!("nothing is called to explain")
    }
}

impl From<Weighed> for Candidate {
    fn from(weighed: Weighed) -> Self {
        let Weighed {
            candidate,
            blamed,
            why,
        } = weighed;
        Self {
            change: candidate.change.id().to_owned(),
            place: candidate.change.place().to_string(),
            entity: candidate.entity,
            at: candidate.began,
            ended: candidate.ended,
            announced: candidate.known == attribution::Known::Announced,
            blamed,
            why,
        }
    }
}

impl From<Dismissed> for Candidate {
    fn from(dismissed: Dismissed) -> Self {
        Self {
            change: dismissed.change,
            place: dismissed.place,
            entity: dismissed.entity,
            at: dismissed.at,
            ended: None,
            announced: dismissed.announced,
            blamed: false,
            why: dismissed.why,
        }
    }
}

impl From<Alternative> for Target {
    fn from(one: Alternative) -> Self {
        Self {
            id: one.id,
            version: one.version,
            standing: one.standing,
            chosen: one.is_chosen,
            why: one.why,
        }
    }
}
