//! What caused a problem: of the changes that could have, the one to blame.

use std::collections::BTreeMap;

use anyhow::Context as _;
use dynatrace::{Dynatrace, Entity, EntityType, Scope, Tag};
use futures_util::future::{join, join_all, try_join_all};
use jiff::Timestamp;
use release::attribution::{Attribution, Blame, Culprit, attribute, next_older, passed_over};
use release::change::{Change, Place};
use release::problem::cause::{Conclusion, Evidence, conclude};
use release::problem::{Cause, Problem};
use release::remediation::{State, begin};
use release::runbook::{self as told, About, Begun};
use store::{Advanced, ClaimedProblem};
use tokio::time::Instant;

use super::Healing;
use super::tools::Pass;
use super::words;
use crate::remedy::{Affected, BeforeBlame, Case, Gathered, HealSite, Site, gather, runbook};
use release::work::Wait;

/// Of how many entities of one problem it is asked whether they are production.
const MOST_ASKED: usize = 500;

/// On how many of these deployments are looked for.
const MOST_ENTITIES: usize = 50;

/// How often the ledger is read again because somebody else wrote to it.
const ATTEMPTS: usize = 4;

/// What was found out.
pub(super) enum Found {
    /// Everything that can be, with the culprits that remediations answer, by their
    /// ids.
    Known(BTreeMap<String, HealSite>),
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
        return nothing(pass, claimed, finding, Vec::new()).await;
    }
    let began = Timestamp::from_millisecond(seen.start_ms)
        .context("the tenant gives no valid time for the beginning of the problem")?;
    let Production { affected, left_out } = production(pass, seen).await?;
    for what in left_out {
        told_as_left_out(&claimed.problem, &what);
    }
    if affected.is_empty() {
        return match decide(&claimed.problem, Some(Evidence::NotProduction)) {
            Conclusion::Nothing(finding) => nothing(pass, claimed, finding, Vec::new()).await,
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
        runs: &claimed.problem.runs,
    };
    let (gathered, mut views) = gather(pass.context(), &case).await?;
    let Gathered {
        candidates,
        undecided,
        closed,
        left_out,
        refused,
        ..
    } = gathered;
    for what in left_out {
        told_as_left_out(&claimed.problem, &what);
    }
    let refused = refused.map(|(event, refusal)| words::action_refused(&event, &refusal));
    let passed = passed_over(&candidates, blame);
    let passed = passed.iter().filter_map(words::passed_over);
    let mut texts: Vec<String> = refused.into_iter().chain(passed).collect();
    let attribution = attribute(&candidates, blame);
    let evidence = Evidence::Attributed(&attribution);
    let culprits = match decide(&claimed.problem, Some(evidence)) {
        Conclusion::NotYet(what) => {
            say(pass, claimed, texts).await?;
            return Ok(Found::NotYet(Wait::for_(what)));
        }
        Conclusion::Nothing(finding) => {
            let nothing_found =
                || words::nothing_deployed(healing.look_back, began, &undecided, &closed);
            texts.push(why_nothing(
                &attribution,
                healing.most_groups,
                began,
                nothing_found,
            ));
            return nothing(pass, claimed, finding, texts).await;
        }
        Conclusion::Blamed(culprits) => culprits,
        Conclusion::Ask => anyhow::bail!("the cause was asked for"),
    };
    let next_older = next_older(&candidates, blame, &culprits);
    let (mut heals, mut runs) = (Vec::new(), Vec::new());
    for Culprit { change, .. } in culprits {
        if claimed.problem.answers(&change) {
            continue;
        }
        match Site::of(&change, &mut views)? {
            Site::Heal(site) => heals.push((change, site)),
            Site::Run(site) => runs.push(*site),
        }
    }
    let sighted = heals.iter().map(|(_, site)| site.sighted()).collect();
    let culprits = heals.iter().map(|(change, _)| change.clone()).collect();
    let blamed = Blamed {
        culprits,
        sighted,
        runs,
        next_older,
        about: about(pass, seen),
        texts,
    };
    let (outcome, ()) = join(blame_all(pass, claimed, blamed), foresee(pass, &mut heals)).await;
    outcome?;
    let sites = heals.into_iter();
    Ok(Found::Known(
        sites
            .map(|(change, site)| (change.id().to_owned(), site))
            .collect(),
    ))
}

/// Why nothing is blamed.
fn why_nothing(
    attribution: &Attribution,
    most_groups: usize,
    began: Timestamp,
    nothing_found: impl Fn() -> String,
) -> String {
    match attribution {
        Attribution::TooManyPlaces(culprits) => {
            let places = culprits.iter().map(|culprit| culprit.change.place());
            let places: Vec<Place> = places.collect();
            words::too_many_places(&places, most_groups)
        }
        Attribution::Ambiguous {
            newest,
            older,
            doubt,
        } => words::ambiguous(newest, older, *doubt, began),
        Attribution::Nothing | Attribution::Culprits(_) => nothing_found(),
    }
}

/// Has said what was not said yet.
async fn say(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    mut texts: Vec<String>,
) -> anyhow::Result<()> {
    texts.retain(|text| !claimed.problem.has_said(text));
    if !texts.is_empty() {
        let change = |problem: &mut Problem| said(problem, texts, pass.tick.now);
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = pass.commit(claimed, change, &[]).await?;
    }
    Ok(())
}

fn said(problem: &mut Problem, texts: Vec<String>, now: Timestamp) {
    for text in texts {
        problem.say(text, now);
    }
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
async fn foresee(pass: &Pass<'_>, sites: &mut [(Change, HealSite)]) {
    let context = pass.context();
    if context.answers {
        join_all(sites.iter_mut().map(|(_, site)| site.foresee(context))).await;
    }
}

/// Whom a problem is blamed on.
struct Blamed {
    /// Those that remediations answer.
    culprits: Vec<Change>,
    /// What the looks at their places say of them.
    sighted: Vec<Option<BeforeBlame>>,
    /// Those that runs answer.
    runs: Vec<runbook::Site>,
    next_older: Option<Change>,
    /// What a runbook is told of the problem.
    about: About,
    /// What is said beside.
    texts: Vec<String>,
}

/// Stores one remediation or run per culprit.
async fn blame_all(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    blamed: Blamed,
) -> anyhow::Result<()> {
    let Blamed {
        culprits,
        mut sighted,
        mut runs,
        next_older,
        about,
        texts,
    } = blamed;
    for _ in 0..ATTEMPTS {
        let own = claimed.problem.id.clone();
        let mut remediations = Vec::new();
        let mut comments = texts.clone();
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
        let mut begun = Vec::new();
        for site in &mut runs {
            let problem = &claimed.problem;
            match site.begin(pass.context(), problem, about.clone()).await? {
                Begun::Run(run) => {
                    comments.extend(words::run_joined(&run));
                    effects.extend(run.blame());
                    begun.push(*run);
                }
                Begun::Answered { by } => {
                    comments.push(words::answered_before(&site.draft().cause, &by));
                }
                Begun::Before => {}
            }
        }
        let next_older = next_older.clone();
        let change = |problem: &mut Problem| {
            problem.blame(remediations, begun, next_older);
            said(problem, comments, pass.tick.now);
        };
        if pass.commit_on(claimed, change, &effects, &readings).await? == Advanced::Written {
            return Ok(());
        }
    }
    anyhow::bail!("the ledger kept changing while the culprit was being blamed")
}

/// What a runbook is told of the problem.
fn about(pass: &Pass<'_>, seen: &dynatrace::Problem) -> About {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut entities: Vec<told::Entity> = Vec::new();
    for entity in seen.impacted.iter().chain(&seen.root_cause) {
        if entities.iter().all(|known| known.entity != entity.id) {
            entities.push(told::Entity {
                kind: entity.type_.clone(),
                name: entity.name.clone(),
                entity: entity.id.clone(),
            });
        }
    }
    About {
        display: some(&seen.display_id),
        title: some(&seen.title),
        severity: some(&seen.severity),
        url: pass.connected.tenant.page_of_problem(&seen.id),
        entities,
    }
}

/// Stores that nothing is done.
async fn nothing(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    cause: Cause,
    texts: Vec<String>,
) -> anyhow::Result<Found> {
    let change = |problem: &mut Problem| {
        problem.cause = cause;
        said(problem, texts, pass.tick.now);
    };
    let _ = pass.commit(claimed, change, &[]).await?;
    Ok(Found::Known(BTreeMap::new()))
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
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for entity in seen.root_cause.iter().chain(&seen.impacted) {
        if !all.contains(&entity.id.as_str()) {
            all.push(&entity.id);
        }
        names.insert(&entity.id, &entity.name);
    }
    if let [only] = all.as_slice()
        && seen.affected == 1
    {
        let name = names.get(only).copied().unwrap_or_default();
        let only = vec![affected(only, name, &seen.tags)];
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
    let affected = all.into_iter().filter_map(|id| {
        let name = names.get(id).copied().unwrap_or_default();
        Some(affected(id, name, tagged.get(id)?))
    });
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
pub(super) fn affected(id: &str, name: &str, tags: &[Tag]) -> Affected {
    let tags = tags.iter().map(|tag| monspec::Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    });
    Affected {
        id: id.to_owned(),
        name: name.to_owned(),
        tags: tags.collect(),
    }
}

fn kind(id: &str) -> Option<EntityType> {
    let (kind, _) = id.rsplit_once('-')?;
    EntityType::named(kind)
}
