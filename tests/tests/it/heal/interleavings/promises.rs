//! What holds after every step of every storm.

use std::collections::{BTreeMap, BTreeSet};

use fake_aws::codedeploy::{Creator, Deployment, DeploymentStatus};
use release::change::Remedy;
use release::deployment::Standing;
use release::remediation::{Heal, State};
use workflows::handle_problem::Mode;

use super::storm::{Place, Storm, group};
use crate::heal::scene::{APPLICATION, Scene};

/// What could be known when a step began.
pub(super) struct Before {
    groups: BTreeMap<&'static str, Known>,
    /// The identities that were bad anywhere, by deployment.
    bad: BTreeMap<String, String>,
    /// The problems that were over.
    over: BTreeSet<String>,
}

/// What could be known of a group.
struct Known {
    /// The newest first.
    history: Vec<Deployment>,
    /// The contents that were suspect or bad, by deployment.
    tainted: BTreeMap<String, String>,
}

/// A deployment that answers a problem.
pub(super) struct Answer {
    pub(super) made: Deployment,
    pub(super) problem: String,
    pub(super) culprit: String,
}

impl Before {
    pub(super) async fn look(storm: &Storm<'_>) -> Self {
        let mut groups = BTreeMap::new();
        let mut bad = BTreeMap::new();
        for place in storm.places {
            let Scene { world, .. } = &storm.scene;
            let ledger = world.ledger.deployments(&group(place), world.now).await;
            let mut tainted = BTreeMap::new();
            for entry in ledger.unwrap() {
                let id = entry.deployment.id.clone();
                if entry.standing == Standing::Bad {
                    bad.insert(id.clone(), entry.deployment.identity.clone());
                }
                if matches!(entry.standing, Standing::Bad | Standing::Suspect) {
                    // What only CodeDeploy knew carries the name of its bundle.
                    let content = entry.deployment.version.trim_end_matches('#');
                    tainted.insert(id, content.to_owned());
                }
            }
            let history = storm.history(place);
            groups.insert(place.group, Known { history, tainted });
        }
        let over = storm.troubles.iter();
        let over = over.filter(|trouble| trouble.closed && !trouble.merged);
        Self {
            groups,
            bad,
            over: over
                .map(|trouble| trouble.problem.id().to_owned())
                .collect(),
        }
    }

    /// Somebody cleared a deployment in this very step: whoever acted in it may
    /// have known.
    pub(super) fn clear(&mut self, deployment: &str) {
        self.bad.remove(deployment);
        for known in self.groups.values_mut() {
            known.tainted.remove(deployment);
        }
    }
}

impl Storm<'_> {
    /// The deployments of a group, the newest first.
    fn history(&self, place: &Place) -> Vec<Deployment> {
        let codedeploy = self.scene.world.aws.codedeploy();
        codedeploy.history(APPLICATION, place.group).unwrap()
    }

    /// The deployments that were made in a group to answer problems, the oldest
    /// first.
    pub(super) fn answers(&self, place: &Place) -> Vec<Answer> {
        let history = self.history(place).into_iter().rev();
        history.filter_map(Answer::of).collect()
    }

    pub(super) async fn holds_since(&self, before: &Before) -> Result<(), String> {
        for place in self.places {
            let answers = self.answers(place);
            each_culprit_is_answered_once(&answers)?;
            each_content_is_released_before_it_is_answered_again(&answers, &self.history(place))?;
            self.limits_hold(&answers)?;
            let known = &before.groups[place.group];
            for answer in &answers {
                let is_new = known.history.iter().all(|old| old.id != answer.made.id);
                if is_new {
                    self.is_right(answer, known, before).await?;
                }
            }
        }
        let aws = &self.scene.world.aws;
        let calls = aws.calls("CreateDeployment") + aws.calls("StopDeployment");
        if self.scene.healing.mode != Mode::Auto && 0 < calls {
            return Err("something was called in shadow mode".to_owned());
        }
        Ok(())
    }

    /// A group is left alone after a heal, and healed so often and no more.
    fn limits_hold(&self, answers: &[Answer]) -> Result<(), String> {
        let limits = self.scene.healing.limits;
        for pair in answers.windows(2) {
            let pause = pair[1].made.created.duration_since(pair[0].made.created);
            if pause < limits.cooldown {
                return Err(format!("{} came too soon after a heal", pair[1].made.id));
            }
        }
        let most = usize::try_from(limits.most).unwrap();
        for run in answers.windows(most + 1) {
            let span = run[most].made.created.duration_since(run[0].made.created);
            if span < limits.window {
                return Err(format!("{} is one heal too many", run[most].made.id));
            }
        }
        Ok(())
    }

    /// A heal that was made in this step rests on what was known before it.
    async fn is_right(
        &self,
        answer: &Answer,
        known: &Known,
        before: &Before,
    ) -> Result<(), String> {
        let id = &answer.made.id;
        let content = Scene::bundle(&answer.made);
        if known.tainted.values().any(|tainted| *tainted == content) {
            return Err(format!("{id} deploys {content}, which is suspect or bad"));
        }
        let history = &known.history;
        let Some(culprit) = history.iter().find(|made| made.id == answer.culprit) else {
            return Err(format!("{id} answers what was never deployed"));
        };
        // Whoever stops a deployment half-way owes the group a whole one.
        let is_owed = culprit.status == DeploymentStatus::Stopped;
        if before.over.contains(&answer.problem) && !is_owed {
            return Err(format!("{id} answers a problem that was over"));
        }
        if culprit.creator == Creator::Rollback || Answer::of(culprit.clone()).is_some() {
            return Err(format!("{id} heals a heal"));
        }
        let codedeploy = self.scene.world.aws.codedeploy();
        if codedeploy.reached(&culprit.id).unwrap() == 0 {
            return Err(format!("{id} answers what changed nothing"));
        }
        let bad_content = Scene::bundle(culprit);
        if content == bad_content {
            return Err(format!("{id} deploys the culprit's content again"));
        }
        let newer = history.iter().take_while(|made| made.id != culprit.id);
        let replaced = newer.clone().find(|made| {
            made.status == DeploymentStatus::Succeeded
                && !made.creator.is_joining()
                && Scene::bundle(made) != bad_content
        });
        // The newest that succeeded is what ran.
        let ran = history
            .iter()
            .find(|made| made.status == DeploymentStatus::Succeeded && !made.creator.is_joining());
        let in_vain = |ran: &Deployment| {
            let tainted = &mut known.tainted.values();
            ran.creator == Creator::Rollback && tainted.any(|bad| *bad == Scene::bundle(ran))
        };
        if let (Some(replaced), Some(ran)) = (replaced, ran)
            && Scene::bundle(ran) != bad_content
            && !in_vain(ran)
        {
            return Err(format!("{id} answers what {} had replaced", replaced.id));
        }
        let stored = self.scene.world.remediations.problem(&answer.problem).await;
        let Some(stored) = stored.unwrap() else {
            return Err(format!("{id} answers a problem that nobody knows"));
        };
        let remediation = stored
            .remediations
            .iter()
            .find(|remediation| remediation.culprit.id() == answer.culprit);
        let Some(remediation) = remediation else {
            return Err(format!("{id} answers a culprit that nobody blamed"));
        };
        let Some(heal) = heal(&remediation.state) else {
            return Err(format!("{id} was made without a stored intent"));
        };
        let Remedy::Redeploy(target) = &heal.remedy else {
            return Err(format!("{id} is a deployment, and restores a flag"));
        };
        if before.bad.values().any(|bad| *bad == target.identity) {
            return Err(format!("{id} deploys content that is bad elsewhere"));
        }
        Ok(())
    }
}

impl Answer {
    fn of(made: Deployment) -> Option<Self> {
        let description = made.description.as_deref()?;
        let (_, marked) = description.split_once("[unbreakable:")?;
        let (problem, culprit) = marked.split_once(']')?.0.rsplit_once(':')?;
        Some(Self {
            problem: problem.to_owned(),
            culprit: culprit.to_owned(),
            made,
        })
    }
}

/// What was decided, if anything was.
pub(super) fn heal(state: &State) -> Option<&Heal> {
    match state {
        State::Intended(heal)
        | State::UnderWay { heal, .. }
        | State::Healed { heal, .. }
        | State::Confirmed { heal, .. }
        | State::Unconfirmed { heal, .. }
        | State::HealFailed { heal, .. } => Some(heal),
        State::GaveUp { heal, .. } => heal.as_ref(),
        _ => None,
    }
}

fn each_culprit_is_answered_once(answers: &[Answer]) -> Result<(), String> {
    let mut answered = BTreeSet::new();
    for answer in answers {
        if !answered.insert(&answer.culprit) {
            return Err(format!("{} is answered twice", answer.culprit));
        }
    }
    Ok(())
}

/// The same content may be answered again only after somebody released it again.
fn each_content_is_released_before_it_is_answered_again(
    answers: &[Answer],
    history: &[Deployment],
) -> Result<(), String> {
    // By its place in the history: two of the same instant have an order, too.
    let place = |id: &str| history.iter().rev().position(|made| made.id == id);
    for (index, later) in answers.iter().enumerate() {
        for earlier in &answers[..index] {
            let content = |answer: &Answer| {
                let culprit = history.iter().find(|made| made.id == answer.culprit);
                culprit.map(Scene::bundle)
            };
            if content(earlier) != content(later) {
                continue;
            }
            let again = history.iter().any(|made| {
                Some(Scene::bundle(made)) == content(later)
                    && place(&earlier.made.id) < place(&made.id)
                    && place(&made.id) < place(&later.made.id)
            });
            if !again {
                return Err(format!("{} answers content twice", later.made.id));
            }
        }
    }
    Ok(())
}
