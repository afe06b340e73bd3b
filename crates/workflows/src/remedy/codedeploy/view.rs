//! One look at a deployment group: what the ledger knows, what CodeDeploy did,
//! what runs, and who is at work.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anyhow::Context as _;
use delivery::codedeploy::{self, Maker, Status};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use release::change::Place;
use release::comment::plain;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::remediation::{Guard, Progress, Runs, answers};
use store::Reading;

use super::{completed, recorded, target};
use crate::remedy::adapter::Context;

/// How far back CodeDeploy's own history is read, before what may be a cause;
/// what is older and known to be good is in the ledger.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A deployment group, as it is now.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) guard: Guard,
    ledger: Vec<LedgerEntry>,
    /// The same, for writes that rest on it.
    readings: Vec<Reading>,
    /// The newest first, without what brought joining instances to what ran.
    pub(crate) history: Vec<codedeploy::Deployment>,
    latest: Option<(String, Status)>,
    /// What brought an instance that joined or left to what ran: no change.
    joining: BTreeSet<String>,
    /// What else its revisions are weighed by, where that was asked ahead.
    pub(crate) beyond: Option<Beyond>,
}

/// What has to be asked beyond the look at a group before its revisions can be
/// weighed.
#[derive(Clone, Debug)]
pub(crate) struct Beyond {
    /// What CodeDeploy says of deployments before its own history was read.
    pub(super) older: Vec<codedeploy::Deployment>,
    /// The contents that are bad in any group.
    pub(super) bad: BTreeSet<String>,
}

impl View {
    /// Reads everything that need not wait for each other at the same time.
    pub(crate) fn read<'a>(
        context: Context<'a>,
        group: &'a Group,
    ) -> BoxFuture<'a, anyhow::Result<Self>> {
        async move {
            // On the heap: several requests under way are too large for a stack.
            let read = Box::pin(Self::read_now(context, group));
            let read = tokio::time::timeout_at(context.remotes_until, read).await;
            let read = read.context("it takes too long").flatten();
            read.with_context(|| format!("cannot look at the deployment group {group}"))
        }
        .boxed()
    }

    async fn read_now(context: Context<'_>, group: &Group) -> anyhow::Result<Self> {
        let Context { clients, now, .. } = context;
        let codedeploy = &clients.codedeploy;
        let target = target(group);
        let back = context.look_back.saturating_add(RECENT);
        let since = context
            .moment
            .saturating_sub(back)
            .unwrap_or(Timestamp::MIN);
        let readings = readings(context, group);
        let place = Place::Group(group.clone());
        let guard = async { Ok(context.ledger.guard(&place).await?) };
        let history = async { Ok(codedeploy.history(&target, since, now).await?) };
        let latest = async { Ok(codedeploy.latest(&target).await?) };
        let (readings, guard, history, latest) =
            tokio::try_join!(readings, guard, history, latest)?;
        let mut view = Self {
            guard,
            ledger: readings.iter().map(Reading::entry).collect(),
            readings,
            history: Vec::new(),
            latest,
            joining: BTreeSet::new(),
            beyond: None,
        };
        view.learn(history);
        // A list may be behind what the group itself says.
        if let Some((id, _)) = view.latest.clone() {
            view.complete(context, &id).await?;
            if view.joins(&id) {
                let last = view.history.first();
                view.latest = last.map(|made| (made.id.clone(), made.status));
            }
        }
        Ok(view)
    }

    /// Takes in what CodeDeploy says of deployments. Those of joining instances
    /// change nothing, whoever announced them.
    fn learn(&mut self, made: impl IntoIterator<Item = codedeploy::Deployment>) {
        for made in made {
            if made.maker == Maker::Joining {
                self.ledger.retain(|entry| entry.deployment.id != made.id);
                self.joining.insert(made.id);
            } else {
                self.history.retain(|known| known.id != made.id);
                self.history.push(made);
            }
        }
        self.sort();
    }

    /// Whether a deployment only brought a joining instance to what ran.
    pub(crate) fn joins(&self, id: &str) -> bool {
        self.joining.contains(id)
    }

    /// Makes sure that CodeDeploy's record of a deployment is here, if there is
    /// one, and says what the group says.
    pub(crate) async fn complete(&mut self, context: Context<'_>, id: &str) -> anyhow::Result<()> {
        let stands = self.latest.as_ref().filter(|(latest, _)| latest == id);
        let is_current =
            |made: &codedeploy::Deployment| stands.is_none_or(|(_, status)| made.status == *status);
        let is_here = self.made(id).is_some_and(is_current) || self.joins(id);
        if !is_here {
            self.learn(context.clients.codedeploy.deployment(id).await?);
        }
        Ok(())
    }

    /// The newest first. Of those that were made in one moment, the group says
    /// which came last.
    fn sort(&mut self) {
        let last = self.latest.as_ref().map(|(id, _)| id.as_str());
        self.history
            .sort_by_key(|made| Reverse((made.created, Some(made.id.as_str()) == last)));
    }

    /// Whether something is held in this group against what it brings.
    pub(crate) fn is_tainted(&self, made: &codedeploy::Deployment) -> bool {
        let brings = completed(recorded(made), Some(made)).contents();
        let is_held = |entry: &&LedgerEntry| entry.standing.is_against();
        self.ledger.iter().filter(is_held).any(|entry| {
            let entry = completed(entry.deployment.clone(), self.made(&entry.deployment.id));
            !entry.contents().is_disjoint(&brings)
        })
    }

    /// CodeDeploy's record of a deployment.
    pub(crate) fn made(&self, id: &str) -> Option<&codedeploy::Deployment> {
        self.history.iter().find(|deployment| deployment.id == id)
    }

    /// What the ledger knows of a deployment.
    pub(crate) fn known(&self, id: &str) -> Option<&LedgerEntry> {
        self.ledger.iter().find(|entry| entry.deployment.id == id)
    }

    /// What was read of a deployment in the ledger, for a write that rests on it.
    pub(crate) fn reading(&self, deployment: &Deployment) -> Reading {
        let mut readings = self.readings.iter();
        let known = readings.find(|reading| reading.id() == deployment.id);
        known.map_or_else(|| Reading::of_unknown(deployment.clone()), Reading::clone)
    }

    /// A deployment in the words of the ledger, wherever it is known from.
    pub(crate) fn deployment(&self, id: &str) -> Option<Deployment> {
        let made = self.made(id);
        let Some(entry) = self.known(id) else {
            return made.map(recorded);
        };
        Some(completed(entry.deployment.clone(), made))
    }

    /// The deployment that answers `culprit`, whoever made it and whichever
    /// problem it was made for.
    pub(crate) fn answer_to(&self, culprit: &str) -> Option<&codedeploy::Deployment> {
        let mut history = self.history.iter();
        history.find(|deployment| answers(&deployment.description, culprit))
    }

    /// What CodeDeploy did by itself since a culprit, to no avail, in a sentence.
    pub(crate) fn rolled_back_in_vain(&self, culprit: &str) -> Option<String> {
        let mut since = self.history.iter().take_while(|made| made.id != culprit);
        let rollback = since.find(|made| made.maker == Maker::Rollback)?;
        let what = if rollback.status == Status::Succeeded {
            "deployed a revision that is suspect or bad as well"
        } else {
            "failed"
        };
        Some(format!(
            "CodeDeploy's own rollback (deployment {}) {what}.",
            plain(&rollback.id)
        ))
    }

    /// What runs, as seen from a culprit that has changed the group. A restart
    /// brings nothing, the culprit's own content under another id is no
    /// replacement, and what failed has not replaced anything.
    pub(crate) fn runs(&self, culprit: &str) -> Runs {
        let own = self
            .made(culprit)
            .and_then(|made| made.rolled_back_by.as_deref())
            // CodeDeploy may not show yet what takes the culprit back.
            .filter(|id| self.made(id).is_none_or(is_under_way));
        let latest = self.latest.as_ref();
        let latest = latest.filter(|(_, status)| *status == Status::Running);
        if let Some(id) = latest.map(|(id, _)| id.as_str()).or(own) {
            return if id == culprit {
                Runs::Culprit(Progress::Running)
            } else if self.takes_back(id, culprit) {
                Runs::Rollback {
                    id: id.to_owned(),
                    ended: None,
                }
            } else {
                Runs::Another(id.to_owned(), Progress::Running)
            };
        }
        let mut history = self.history.iter();
        let runs = history.find(|made| has_come(made) || made.id == culprit);
        match runs {
            Some(runs) if runs.id == culprit || self.same_content(&runs.id, culprit) => {
                Runs::Culprit(Progress::Ended)
            }
            Some(runs) if self.takes_back(&runs.id, culprit) => Runs::Rollback {
                id: runs.id.clone(),
                ended: runs.completed.or(Some(runs.created)),
            },
            Some(runs) => Runs::Another(runs.id.clone(), Progress::Ended),
            // Nothing recent: what the group says is all there is.
            None => match &self.latest {
                Some((id, _)) if id != culprit => Runs::Another(id.clone(), Progress::Ended),
                _ => Runs::Culprit(Progress::Ended),
            },
        }
    }

    /// Whether CodeDeploy itself deploys this in place of the culprit, and
    /// nobody else has replaced that.
    fn takes_back(&self, id: &str, culprit: &str) -> bool {
        let since = self.history.iter().take_while(|made| made.id != culprit);
        let mut replacing = since
            .filter(|made| made.id == id || has_come(made))
            .filter(|made| !self.same_content(&made.id, culprit))
            .peekable();
        replacing.peek().is_some_and(|made| made.id == id)
            && replacing.all(|made| made.maker == Maker::Rollback)
    }

    fn same_content(&self, id: &str, other: &str) -> bool {
        let contents = |id| self.deployment(id).map(|deployment| deployment.contents());
        match (contents(id), contents(other)) {
            (Some(one), Some(other)) => !one.is_disjoint(&other),
            _ => false,
        }
    }

    /// Everything that was deployed to the group, the ledger's word first. What
    /// CodeDeploy says did not succeed is not among it.
    pub(crate) fn deployments(&self) -> Vec<LedgerEntry> {
        let unsuccessful = |id: &str| self.made(id).is_some_and(|made| !has_come(made));
        let mut entries = self.ledger.clone();
        for entry in &mut entries {
            let made = self.made(&entry.deployment.id);
            entry.deployment = completed(entry.deployment.clone(), made);
        }
        let unknown = self
            .history
            .iter()
            .filter(|made| self.known(&made.id).is_none());
        entries.extend(unknown.map(|made| LedgerEntry {
            deployment: recorded(made),
            standing: Standing::Unknown,
            taught_by: String::new(),
            bound_to: None,
        }));
        let tainted = |entry: &LedgerEntry| entry.standing.is_against();
        // What is suspect speaks against its content even if it never ran.
        entries.retain(|entry| tainted(entry) || !unsuccessful(&entry.deployment.id));
        entries
    }
}

/// The newest that the ledger knows of a group, and the newest that it knew when
/// what is looked at happened.
async fn readings(context: Context<'_>, group: &Group) -> anyhow::Result<Vec<Reading>> {
    let Context {
        ledger,
        now,
        moment,
        ..
    } = context;
    let mut known = ledger.readings(group, now).await?;
    if moment < now {
        let mut then = ledger.readings(group, moment).await?;
        then.retain(|reading| !known.iter().any(|other| other.id() == reading.id()));
        known.extend(then);
    }
    Ok(known)
}

fn is_under_way(made: &codedeploy::Deployment) -> bool {
    made.status == Status::Running
}

/// Whether a deployment brought something to the whole group.
fn has_come(made: &codedeploy::Deployment) -> bool {
    made.status == Status::Succeeded && made.revision.is_some()
}
