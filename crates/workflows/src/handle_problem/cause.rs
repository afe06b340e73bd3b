//! What caused a problem: of the changes that could have, the one to blame.

use std::collections::BTreeMap;

use anyhow::Context as _;
use dynatrace::{Dynatrace, Entity, EntityType, Scope, Tag};
use futures_util::future::{join, join_all, try_join, try_join_all};
use jiff::Timestamp;
use release::attribution::{Attribution, Blame};
use release::change::{Change, Place};
use release::problem::cause::{Conclusion, Evidence, conclude};
use release::problem::{Cause, Problem};
use release::remediation::{State, begin};
use release::runbook::Draft;
use store::{Advanced, ClaimedProblem};
use tokio::time::Instant;

use super::Healing;
use super::announced;
use super::tools::Pass;
use super::words;
use crate::remedy::{Affected, BeforeBlame, Case, Gathered, Site, gather};
use release::work::Wait;

/// Of how many entities of one problem it is asked whether they are production.
const MOST_ASKED: usize = 500;

/// On how many of these deployments are looked for.
const MOST_ENTITIES: usize = 50;

/// How often the ledger is read again because somebody else wrote to it.
const ATTEMPTS: usize = 4;

/// What was found out.
pub(super) enum Found {
    /// Everything that can be, with the culprits in the order of their
    /// remediations.
    Known(Vec<Site>),
    /// Nobody is to blame yet, and somebody may still be.
    NotYet(Wait),
}

/// Finds out who is to blame and stores what [`release::problem::cause`] concludes
/// from it, with what it does to the ledger.
pub(super) async fn find(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    seen: &dynatrace::Problem,
) -> anyhow::Result<Found> {
    let healing = &pass.services.healing;
    let decide =
        |problem: &Problem, evidence| conclude(problem, evidence, healing.max_age, pass.tick.now);
    if let Conclusion::Nothing(finding) = decide(&claimed.problem, None) {
        return nothing(pass, claimed, finding, None).await;
    }
    let began = Timestamp::from_millisecond(seen.start_ms)
        .context("the tenant gives no valid time for the beginning of the problem")?;
    let Production { affected, left_out } = production(pass, seen).await?;
    for what in left_out {
        told_as_left_out(&claimed.problem, &what);
    }
    if affected.is_empty() {
        return match decide(&claimed.problem, Some(Evidence::NotProduction)) {
            Conclusion::Nothing(finding) => nothing(pass, claimed, finding, None).await,
            Conclusion::NotYet(what) => Ok(Found::NotYet(Wait::for_(what))),
            Conclusion::Ask | Conclusion::Blamed(_) => {
                anyhow::bail!("somebody is blamed for what is not production")
            }
        };
    }

    let root_cause = seen.root_cause.as_ref().map(|entity| entity.id.as_str());
    let blame = blame(healing, began, root_cause);
    let case = Case {
        blame,
        affected: &affected,
        evidence: &seen.evidence,
    };
    let announced = Box::pin(announced::look(pass, claimed, &case, seen));
    let ((gathered, mut views), announced) =
        try_join(gather(pass.context(), &case), announced).await?;
    let Gathered {
        candidates,
        undecided,
        closed,
        left_out,
        ..
    } = gathered;
    for what in left_out {
        told_as_left_out(&claimed.problem, &what);
    }
    let attribution = Box::pin(announced.attributed(pass, claimed, candidates, blame)).await?;
    let evidence = Evidence::Attributed(&attribution);
    let culprits = match decide(&claimed.problem, Some(evidence)) {
        Conclusion::NotYet(what) => return Ok(Found::NotYet(Wait::for_(what))),
        Conclusion::Nothing(finding) => {
            let text = match &attribution {
                Attribution::TooManyPlaces(culprits) => {
                    let places = culprits.iter().map(|culprit| culprit.change.place());
                    let places: Vec<Place> = places.collect();
                    words::too_many_places(&places, healing.most_groups)
                }
                Attribution::Ambiguous {
                    newest,
                    older,
                    doubt,
                } => words::ambiguous(newest, older, *doubt, began),
                Attribution::Nothing | Attribution::Culprits(_) => {
                    words::nothing_deployed(healing.look_back, began, &undecided, &closed)
                }
            };
            return nothing(pass, claimed, finding, Some(text)).await;
        }
        Conclusion::Blamed(culprits) => culprits,
        Conclusion::Ask => anyhow::bail!("the cause was asked for"),
    };
    let culprits = culprits.into_iter().map(|culprit| culprit.change);
    let (drafts, blamed) = announced.drafts_of(culprits);
    let sites = blamed.iter().map(|culprit| Site::of(culprit, &mut views));
    let mut sites: Vec<Site> = sites.collect::<anyhow::Result<_>>()?;
    let sighted = sites.iter().map(Site::sighted).collect();
    let (outcome, ()) = join(
        blame_all(pass, claimed, (blamed, drafts, seen), sighted),
        foresee(pass, &mut sites),
    )
    .await;
    outcome?;
    Ok(Found::Known(sites))
}

fn told_as_left_out(problem: &Problem, what: &str) {
    tracing::warn!(
        problem.id = %problem.id,
        "Problem `{}` is too large to look at completely: {what}", problem.id
    );
}

/// The problem as far as blame needs it.
pub(super) fn blame<'a>(
    healing: &Healing,
    began: Timestamp,
    root_cause: Option<&'a str>,
) -> Blame<'a> {
    Blame {
        began,
        root_cause,
        look_back: healing.look_back,
        most_places: healing.most_groups,
    }
}

/// Looks for the remedies while the culprits are being blamed. The intent holds
/// only while nothing speaks against them.
async fn foresee(pass: &Pass<'_>, sites: &mut [Site]) {
    let context = pass.context();
    if context.answers {
        join_all(sites.iter_mut().map(|site| site.foresee(context))).await;
    }
}

/// Stores one remediation per culprit.
async fn blame_all(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    (culprits, drafts, seen): (Vec<Change>, Vec<Draft>, &dynatrace::Problem),
    mut sighted: Vec<Option<BeforeBlame>>,
) -> anyhow::Result<()> {
    for _ in 0..ATTEMPTS {
        let own = claimed.problem.id.clone();
        let mut remediations = Vec::new();
        let mut comments = Vec::new();
        let mut effects = Vec::new();
        let mut readings = Vec::new();
        let mut sighted = std::mem::take(&mut sighted).into_iter();
        for culprit in &culprits {
            // Whom the look at the place has seen free is not looked up again:
            // the write that binds it holds only while that is still so.
            // Who holds a heal does not matter.
            let is_heal = culprit.is_heal();
            let sighted = sighted.next().flatten().filter(|_| !is_heal);
            let is_free = is_heal || sighted.as_ref().is_some_and(|one| one.holder.is_none());
            readings.extend(sighted.and_then(|one| one.reading));
            let holder = if is_free {
                None
            } else {
                pass.services.ledger.holder(culprit).await?
            };
            let (remediation, effect) = begin(culprit, &own, holder);
            let text = match &remediation.state {
                State::Refused(refusal) => Some(words::refused(culprit, refusal)),
                State::Joined { problem } => Some(words::joined(culprit, problem)),
                _ => None,
            };
            comments.extend(text.map(|text| pass.noted(culprit.place(), text)));
            effects.extend(effect);
            remediations.push(remediation);
        }
        let begun = announced::begin(pass, &own, &drafts, seen).await?;
        comments.extend(begun.comments);
        effects.extend(begun.effects);
        let runs = begun.runs;
        let change = |problem: &mut Problem| {
            problem.cause = Cause::Blamed;
            problem.remediations = remediations;
            problem.runs = runs;
            for text in comments {
                problem.say(text, pass.tick.now);
            }
        };
        if pass.commit_on(claimed, change, &effects, &readings).await? == Advanced::Written {
            return Ok(());
        }
    }
    anyhow::bail!("the ledger kept changing while the culprit was being blamed")
}

/// Stores that nothing is done.
async fn nothing(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    cause: Cause,
    text: Option<String>,
) -> anyhow::Result<Found> {
    let change = |problem: &mut Problem| {
        problem.cause = cause;
        if let Some(text) = text {
            problem.say(text, pass.tick.now);
        }
    };
    let _ = pass.commit(claimed, change, &[]).await?;
    Ok(Found::Known(Vec::new()))
}

/// What of a problem is production.
pub(super) struct Production {
    /// Its entities, with their tags.
    pub(super) affected: Vec<Affected>,
    /// What was not looked at, because there is too much.
    pub(super) left_out: Vec<String>,
}

impl Production {
    /// The first of them, as many as are looked at.
    pub(super) fn first_of(mut affected: Vec<Affected>, mut left_out: Vec<String>) -> Self {
        let count = affected.len();
        if MOST_ENTITIES < count {
            affected.truncate(MOST_ENTITIES);
            left_out.push(format!(
                "only {MOST_ENTITIES} of its {count} entities of production are looked at"
            ));
        }
        Self { affected, left_out }
    }
}

/// Those entities of the problem that are production.
///
/// The problem carries the tags of everything it touches together, which
/// settles it if that is one entity; of several, the tenant is asked which
/// carry the tag.
pub(super) async fn production(
    pass: &Pass<'_>,
    seen: &dynatrace::Problem,
) -> anyhow::Result<Production> {
    let wanted = &pass.services.healing.tag;
    if !seen.tags.iter().any(|tag| tag.is(wanted)) {
        return Ok(Production::first_of(Vec::new(), Vec::new()));
    }
    let mut all: Vec<&str> = Vec::new();
    for entity in seen.root_cause.iter().chain(&seen.impacted) {
        if !all.contains(&entity.id.as_str()) {
            all.push(&entity.id);
        }
    }
    if let [only] = all.as_slice()
        && seen.affected == 1
    {
        let only = vec![affected(only, &seen.tags)];
        return Ok(Production::first_of(only, Vec::new()));
    }
    // The root cause decides, and deployments are announced on services before
    // anything else, so these come first where not all can be asked for.
    let root_cause = seen.root_cause.as_ref().map(|entity| entity.id.as_str());
    all.sort_by_key(|id| {
        let is_service = kind(id) == Some(EntityType::Service);
        (Some(*id) != root_cause, !is_service)
    });
    let mut left_out = Vec::new();
    if MOST_ASKED < all.len() {
        let count = all.len();
        left_out.push(format!(
            "only {MOST_ASKED} of its {count} entities are checked for the tag of production"
        ));
        all.truncate(MOST_ASKED);
    }
    let mut by_type: BTreeMap<EntityType, Vec<String>> = BTreeMap::new();
    for id in &all {
        if let Some(entity_type) = kind(id) {
            by_type
                .entry(entity_type)
                .or_default()
                .push((*id).to_owned());
        }
    }
    let window = pass.context().around();
    let tags = selected(wanted);
    let asked = by_type.into_iter().map(async |(entity_type, ids)| {
        let scope = Scope {
            entity_type,
            tags: tags.clone(),
        };
        let tenant = &pass.connected.tenant;
        let until = pass.remotes_until;
        tenant.entities_among(&scope, &ids, window, until).await
    });
    let tagged = try_join_all(asked)
        .await
        .context("cannot find out which entities are production")?;
    let tagged: BTreeMap<String, Vec<Tag>> = tagged
        .into_iter()
        .flatten()
        .filter(|entity| entity.tags.iter().any(|tag| tag.is(wanted)))
        .map(|entity| (entity.id, entity.tags))
        .collect();
    let affected = all
        .into_iter()
        .filter_map(|id| Some(affected(id, tagged.get(id)?)));
    Ok(Production::first_of(affected.collect(), left_out))
}

/// The services that carry the tag of production.
pub async fn tagged_services(
    tenant: &Dynatrace,
    wanted: &Tag,
    window: dynatrace::Window,
    until: Instant,
) -> Result<Vec<Entity>, dynatrace::Error> {
    let scope = Scope {
        entity_type: EntityType::Service,
        tags: selected(wanted),
    };
    let mut found = tenant.entities(&scope, window, until).await?;
    found.retain(|entity| entity.tags.iter().any(|tag| tag.is(wanted)));
    Ok(found)
}

/// What a selector can narrow down; what it finds is compared with the tag. With
/// a key alone it finds only tags that have no value.
fn selected(wanted: &Tag) -> Vec<Tag> {
    wanted.value.iter().map(|_| wanted.clone()).collect()
}

/// An entity in the terms of the search for its groups.
pub(super) fn affected(id: &str, tags: &[Tag]) -> Affected {
    let tags = tags.iter().map(|tag| monspec::Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    });
    Affected {
        id: id.to_owned(),
        tags: tags.collect(),
    }
}

fn kind(id: &str) -> Option<EntityType> {
    let (kind, _) = id.rsplit_once('-')?;
    EntityType::named(kind)
}
