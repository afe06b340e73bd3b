//! Which deployments could be the cause of a problem: what was announced on its
//! entities, and what CodeDeploy knows in the groups behind them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use delivery::DeliveryError;
use delivery::codedeploy::{self, Life, Status};
use dynatrace::{Entity, EntityType, RecordedEvent, Scope, Window};
use futures_util::future::{join, join_all, try_join_all};
use jiff::Timestamp;
use release::attribution::{Blame, Candidate, Known};
use release::change::{Change, Place};
use release::deployment::{Group, Origin, Standing};
use release::precedence::{Precedence, end_of_beginning, may_precede};
use release::remediation::carries_marker;
use release::tie::tied;

use super::GroupTag;
use super::announced::{Announced, announced};
use super::choice::look_beyond;
use super::view::{Beyond, View};
use crate::remedy::adapter::{Affected, Case, Context, Dismissed, Gathered};

/// Looks at the groups.
pub(in crate::remedy) type Views = BTreeMap<Group, View>;

/// How many groups are looked at, those of the newest announcements first.
const MOST_GROUPS: usize = 50;

/// Of how many deployments of a group the targets are read, the newest first.
const MOST_LIVES: usize = 25;

/// The candidates among the deployments, and the groups that were looked at.
pub(in crate::remedy) async fn gather(
    context: Context<'_>,
    case: &Case<'_>,
) -> anyhow::Result<(Gathered, Views)> {
    let mut behind: BTreeMap<&str, BTreeSet<Group>> = BTreeMap::new();
    for entity in case.affected {
        let listed = context.behind.groups(&entity.tags).into_iter().cloned();
        behind.entry(&entity.id).or_default().extend(listed);
    }

    let mut all = announced_to(case, case.evidence);
    let (early, _) = groups(&behind, &all);
    let ids: Vec<&str> = case.affected.iter().map(|one| one.id.as_str()).collect();
    let ties = async {
        let ties = context.ledger.ties(&ids, context.now).await;
        ties.context("cannot read which groups are behind the entities")
    };
    let (events, mut ties, named, looked) = tokio::try_join!(
        events(context, case),
        ties,
        named(context, case.affected),
        look_at(context, early)
    )?;
    let (mut views, mut closed) = looked;
    for one in announced_to(case, &events) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    let sure = all.iter().filter(|one| one.is_sure);
    ties.extend(sure.map(Announced::tie));
    for (entity, groups) in tied(&ties, case.blame.earliest()) {
        if let Some(behind) = behind.get_mut(entity) {
            behind.extend(groups.into_iter().cloned());
        }
    }
    let undecided = name_by_tag(case, context.group_tag, &named, &mut behind);
    let (wanted, count) = groups(&behind, &all);
    let mut left_out = Vec::new();
    if wanted.len() < count {
        let most = wanted.len();
        left_out.push(format!(
            "only {most} of {count} deployment groups are looked at"
        ));
    }
    let unseen = wanted.into_iter();
    let unseen = unseen
        .filter(|group| !views.contains_key(group) && !closed.contains(group))
        .collect();
    let (seen, denied) = look_at(context, unseen).await?;
    views.extend(seen);
    closed.extend(denied);

    // What is announced may be older than what is read of a group's history.
    for one in &all {
        if let Some(view) = views.get_mut(&one.group)
            && view.known(&one.deployment).is_none()
        {
            view.complete(context, &one.deployment).await?;
        }
    }
    left_out.extend(views.iter().filter_map(|view| unread(view, case.blame)));
    let (lives, beyond) = join(
        lives(context, &views, case.blame),
        beyond(context, &views, case.blame),
    )
    .await;
    let lives = lives?;
    for (group, beyond) in beyond {
        if let Some(view) = views.get_mut(&group) {
            view.beyond = beyond;
        }
    }
    let instances = instances(context, case, &lives).await?;
    let world = World {
        views: &views,
        lives: &lives,
        instances: &instances,
        closed: &closed,
    };
    let (candidates, dismissed) = world.candidates(&all, &behind, case.blame);
    let gathered = Gathered {
        candidates,
        dismissed,
        undecided,
        closed: closed.into_iter().map(Place::Group).collect(),
        left_out,
        refused: None,
    };
    Ok((gathered, views))
}

/// Enters the groups that tags name, and tells the names that say nothing because
/// several applications have a group of them.
fn name_by_tag<'c>(
    case: &'c Case<'_>,
    tag: &GroupTag,
    named: &BTreeMap<&str, Vec<String>>,
    behind: &mut BTreeMap<&'c str, BTreeSet<Group>>,
) -> BTreeSet<String> {
    let mut undecided = BTreeSet::new();
    for entity in case.affected {
        let behind = behind.entry(&entity.id).or_default();
        let is_tied = !behind.is_empty();
        for name in tag.values(&entity.tags) {
            match named.get(name).map(Vec::as_slice) {
                Some([application]) => {
                    behind.insert(Group {
                        application: application.clone(),
                        name: name.to_owned(),
                    });
                }
                Some([_, ..]) if !is_tied => {
                    undecided.insert(name.to_owned());
                }
                _ => {}
            }
        }
    }
    undecided
}

/// That not all deployments of a group are looked at.
fn unread((group, view): (&Group, &View), blame: Blame<'_>) -> Option<String> {
    let count = alive(view, blame).count();
    (MOST_LIVES < count).then(|| {
        format!("only the newest {MOST_LIVES} of {count} deployments to {group} are looked at")
    })
}

/// The applications that have a group named like the tag of an entity says, by
/// that name.
async fn named<'a>(
    context: Context<'_>,
    affected: &'a [Affected],
) -> anyhow::Result<BTreeMap<&'a str, Vec<String>>> {
    let tag = context.group_tag;
    let names = affected.iter().flat_map(|entity| tag.values(&entity.tags));
    let names: BTreeSet<&str> = names.take(MOST_GROUPS).collect();
    let asked = names.into_iter().map(async |name| {
        let known = context.ledger.applications_with(name).await;
        let known = known.context("cannot read which applications have a group of this name")?;
        anyhow::Ok((name, known))
    });
    let asked: Vec<_> = asked.collect();
    Ok(try_join_all(asked).await?.into_iter().collect())
}

/// What CodeDeploy and the ledger say of the groups.
struct World<'a> {
    views: &'a Views,
    lives: &'a BTreeMap<String, Life>,
    /// The instance that an entity is, or runs on, where that matters.
    instances: &'a BTreeMap<String, String>,
    closed: &'a BTreeSet<Group>,
}

impl World<'_> {
    fn candidates(
        &self,
        all: &[Announced],
        behind: &BTreeMap<&str, BTreeSet<Group>>,
        blame: Blame<'_>,
    ) -> (Vec<Candidate>, Vec<Dismissed>) {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut dismissed: Vec<Dismissed> = Vec::new();
        for one in all {
            match self.candidate(one, Known::Announced, blame) {
                Ok(candidate) => candidates.push(candidate),
                Err(why) => dismissed.push(one.clone().dismissed(Known::Announced, why)),
            }
        }
        for (entity, groups) in behind {
            let views = groups
                .iter()
                .filter_map(|group| Some((group, self.views.get(group)?)));
            let made = views.flat_map(|(group, view)| {
                let made = alive(view, blame).take(MOST_LIVES);
                made.map(move |made| (group, made))
            });
            for (group, made) in made {
                let one = Announced {
                    entity: (*entity).to_owned(),
                    group: group.clone(),
                    deployment: made.id.clone(),
                    at: made.created,
                    is_sure: true,
                };
                let is_told = candidates
                    .iter()
                    .map(|known| (&known.entity, known.change.id()))
                    .chain(
                        dismissed
                            .iter()
                            .map(|known| (&known.entity, known.change.as_str())),
                    )
                    .any(|known| known == (&one.entity, &one.deployment));
                if is_told {
                    continue;
                }
                match self.candidate(&one, Known::InPlace, blame) {
                    Ok(candidate) => candidates.push(candidate),
                    Err(why) => dismissed.push(one.dismissed(Known::InPlace, why)),
                }
            }
        }
        (candidates, dismissed)
    }

    /// The candidate, with its life: what its targets say, or the moment of its
    /// announcement, where only the ledger knows it.
    fn candidate(
        &self,
        one: &Announced,
        known: Known,
        blame: Blame<'_>,
    ) -> Result<Candidate, &'static str> {
        const UNKNOWN: &str = "neither the ledger nor CodeDeploy knows it";
        if self.closed.contains(&one.group) {
            return Err("CodeDeploy denies access to its group");
        }
        let view = self.views.get(&one.group).ok_or(UNKNOWN)?;
        if view.joins(&one.deployment) {
            return Err("it deployed the running revision to an instance that joined the group");
        }
        let deployment = view.deployment(&one.deployment).ok_or(UNKNOWN)?;
        if deployment.group != one.group {
            return Err(UNKNOWN);
        }
        let is_heal = deployment.origin == Origin::Heal;
        let (began, ended) = match view.made(&one.deployment) {
            None => (one.at, Some(one.at)),
            Some(made) if made.revision.is_none() => {
                return Err("it restarted what ran before");
            }
            // Nobody said that it reached the entity: what it took back is still
            // what problems are about.
            Some(made) if known == Known::InPlace && carries_marker(&made.description) => {
                return Err("it answered an earlier problem, which later problems join");
            }
            Some(made) if is_heal && has_failed(made) => {
                return Err("it is a rollback that failed");
            }
            Some(made) if is_heal && view.is_tainted(made) => {
                return Err("it is a rollback to a revision that is suspect or bad");
            }
            Some(made) => match self.lives.get(&made.id) {
                Some(life) => {
                    let began = self.began_on(&one.entity, made, life, blame);
                    let began = began.ok_or("it had not reached this instance")?;
                    (began, life.ended)
                }
                None if is_asked(view, made, blame) => return Err("it changed no instance"),
                // It had ended, or was made, too early or too late to matter.
                None => (made.created, made.completed),
            },
        };
        Ok(Candidate {
            entity: one.entity.clone(),
            change: Change::Deployment(deployment),
            began,
            ended,
            passed: view
                .known(&one.deployment)
                .is_some_and(|entry| entry.standing == Standing::Good),
            known,
            is_sure: one.is_sure,
            kept: None,
        })
    }
}

impl World<'_> {
    /// When a deployment changed what an entity shows. One that is under way, or
    /// did not succeed, changes the hosts and processes that it has reached; what
    /// joins a group after a success gets all of it.
    fn began_on(
        &self,
        entity: &str,
        made: &codedeploy::Deployment,
        life: &Life,
        blame: Blame<'_>,
    ) -> Option<Timestamp> {
        let had_come = made.status == Status::Succeeded
            && life.ended.is_some_and(|ended| ended <= blame.began);
        match self.instances.get(entity) {
            Some(instance) if !had_come => life.reached.get(instance).copied(),
            _ => Some(life.began),
        }
    }
}

/// Whether the targets of a deployment were read.
fn is_asked(view: &View, made: &codedeploy::Deployment, blame: Blame<'_>) -> bool {
    counting(view, blame).any(|asked| asked.id == made.id)
}

/// Whether a deployment has ended without bringing anything.
fn has_failed(made: &codedeploy::Deployment) -> bool {
    matches!(made.status, Status::Failed | Status::Stopped)
}

/// Whether the life of a deployment may reach into the time that counts.
fn may_live(made: &codedeploy::Deployment, blame: Blame<'_>) -> bool {
    let begins = may_precede(made.created, blame.began) != Precedence::No;
    let lasts = made
        .completed
        .is_none_or(|completed| blame.earliest() <= completed);
    begins && lasts
}

/// The deployments of a group whose lives may, the newest first.
fn alive<'v>(view: &'v View, blame: Blame<'_>) -> impl Iterator<Item = &'v codedeploy::Deployment> {
    view.history
        .iter()
        .filter(move |made| may_live(made, blame))
}

/// The instances that hosts of the problem are and that its processes run on,
/// while a deployment may have reached some instances and others not.
async fn instances(
    context: Context<'_>,
    case: &Case<'_>,
    lives: &BTreeMap<String, Life>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let of = |kind: &str| -> Vec<String> {
        let ids = case.affected.iter().map(|entity| entity.id.clone());
        ids.filter(|id| id.rsplit_once('-').is_some_and(|(of, _)| of == kind))
            .collect()
    };
    let (hosts, processes) = (of("HOST"), of("PROCESS_GROUP_INSTANCE"));
    if (hosts.is_empty() && processes.is_empty()) || lives.is_empty() {
        return Ok(BTreeMap::new());
    }
    let processes = entities(context, EntityType::ProcessGroupInstance, &processes).await?;
    let mut on: Vec<(String, String)> = hosts.into_iter().map(|id| (id.clone(), id)).collect();
    for process in processes {
        let host = process.from.get("isProcessOf").and_then(|all| all.first());
        on.extend(host.map(|host| (process.id.clone(), host.id.clone())));
    }
    let asked: BTreeSet<String> = on.iter().map(|(_, host)| host.clone()).collect();
    let asked: Vec<String> = asked.into_iter().collect();
    let found = entities(context, EntityType::Host, &asked).await?;
    let instance = |host: &str| found.iter().find(|one| one.id == host)?.instance.clone();
    let on = on.into_iter();
    Ok(on
        .filter_map(|(entity, host)| Some((entity, instance(&host)?)))
        .collect())
}

/// The entities of these ids, all of one type.
async fn entities(
    context: Context<'_>,
    entity_type: EntityType,
    ids: &[String],
) -> anyhow::Result<Vec<Entity>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let scope = Scope {
        entity_type,
        tags: Vec::new(),
    };
    let tenant = &context.connected.tenant;
    let found = tenant.entities_among(&scope, ids, context.around(), context.remotes_until);
    found
        .await
        .context("cannot find out on which instances the problem is")
}

/// What the revisions of each group will be weighed by, should one of its
/// deployments be to blame. What cannot be had now is asked for then.
async fn beyond(
    context: Context<'_>,
    views: &Views,
    blame: Blame<'_>,
) -> Vec<(Group, Option<Beyond>)> {
    if !context.answers {
        return Vec::new();
    }
    let live = views
        .iter()
        .filter(|(_, view)| alive(view, blame).next().is_some());
    let asked = live.map(async |(group, view)| {
        let beyond = look_beyond(context, view).await.ok();
        (group.clone(), beyond)
    });
    join_all(asked).await
}

/// The lives of the deployments that count, as their targets tell them.
async fn lives(
    context: Context<'_>,
    views: &Views,
    blame: Blame<'_>,
) -> anyhow::Result<BTreeMap<String, Life>> {
    let made = views.values().flat_map(|view| counting(view, blame));
    let made: Vec<codedeploy::Deployment> = made.cloned().collect();
    let lives = context.clients.codedeploy.lives(&made).await;
    lives.context("cannot find out which instances were deployed to")
}

/// The deployments of a group whose targets are read.
fn counting<'v>(
    view: &'v View,
    blame: Blame<'_>,
) -> impl Iterator<Item = &'v codedeploy::Deployment> {
    let made = alive(view, blame).take(MOST_LIVES);
    made.filter(|made| made.revision.is_some())
}

/// The groups that are looked at, and how many there are: those behind the
/// entities, and those of the newest announcements.
fn groups(behind: &BTreeMap<&str, BTreeSet<Group>>, all: &[Announced]) -> (Vec<Group>, usize) {
    let mut groups: Vec<Group> = behind.values().flatten().cloned().collect();
    let mut newest: Vec<&Announced> = all.iter().collect();
    newest.sort_by_key(|one| std::cmp::Reverse(one.at));
    groups.extend(newest.into_iter().map(|one| one.group.clone()));
    let mut seen = BTreeSet::new();
    groups.retain(|group| seen.insert(group.clone()));
    let count = groups.len();
    groups.truncate(MOST_GROUPS);
    (groups, count)
}

/// The deployments that were announced on the entities within the time that
/// counts.
async fn events(context: Context<'_>, case: &Case<'_>) -> anyhow::Result<Vec<RecordedEvent>> {
    let window = Window {
        from_ms: case.blame.earliest().as_millisecond(),
        to_ms: end_of_beginning(case.blame.began).as_millisecond() + 1,
    };
    let tenant = &context.connected.tenant;
    let asked = case
        .affected
        .iter()
        .map(|entity| tenant.deployment_events(&entity.id, window, context.remotes_until));
    let events = try_join_all(asked)
        .await
        .context("cannot ask the tenant for deployments")?;
    Ok(events.into_iter().flatten().collect())
}

/// The deployments that are announced to one of the entities, within the time
/// that counts.
fn announced_to(case: &Case<'_>, events: &[RecordedEvent]) -> Vec<Announced> {
    let counts = case.blame.earliest()..=end_of_beginning(case.blame.began);
    let is_affected = |one: &Announced| {
        let mut affected = case.affected.iter();
        affected.any(|entity| entity.id == one.entity)
    };
    let all = events.iter().filter_map(announced);
    all.filter(|one| is_affected(one) && counts.contains(&one.at))
        .collect()
}

/// Looks at those of the groups that CodeDeploy knows, and tells those that it
/// does not let us look at. One that was deleted, lies in another region or
/// account, or is another team's cannot be healed from here, and hides nothing
/// that can: anybody who may send events may name any group.
async fn look_at(
    context: Context<'_>,
    groups: Vec<Group>,
) -> anyhow::Result<(Views, BTreeSet<Group>)> {
    let looked = groups.into_iter().map(async |group| {
        let error = match View::read(context, &group).await {
            Ok(view) => return Ok((group, GroupView::At(Box::new(view)))),
            Err(error) => error,
        };
        match error.downcast_ref::<DeliveryError>() {
            Some(DeliveryError::NotFound { .. }) => Ok((group, GroupView::Gone)),
            Some(DeliveryError::Denied { .. }) => {
                tracing::warn!(
                    deployment.group = %group,
                    "Deployments to `{group}` are left out: {error:#}"
                );
                Ok((group, GroupView::Closed))
            }
            _ => Err(error),
        }
    });
    let mut views = Views::new();
    let mut closed = BTreeSet::new();
    for (group, looked) in try_join_all(looked).await? {
        match looked {
            GroupView::At(view) => {
                views.insert(group, *view);
            }
            GroupView::Gone => {}
            GroupView::Closed => {
                closed.insert(group);
            }
        }
    }
    Ok((views, closed))
}

/// What a look at a group came to.
enum GroupView {
    At(Box<View>),
    /// CodeDeploy knows no such group.
    Gone,
    /// CodeDeploy does not let us.
    Closed,
}
