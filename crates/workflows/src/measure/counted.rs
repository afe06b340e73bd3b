//! Relationships, counted.

use std::collections::BTreeSet;

use dynatrace::{Entity, Related, Relationships};
use monspec::{
    Answered, Direction, EntityType, Gap, Measurement, Merge, Metric, ServiceEntry, Signature,
    relationships,
};

use super::words::entity_type;
use super::{Asking, Side, settled, tags};

impl Asking {
    /// How many others the entities are related to.
    ///
    /// Zero is a number only for entities that can have such a relationship
    /// and have any at all: of a mistyped one, or before Dynatrace saw what an
    /// entity is connected with, it would pass as zero against zero for ever.
    pub(super) async fn count(
        &self,
        entry: &ServiceEntry,
        signature: &Signature,
        side: Side<'_>,
        entities: &[Entity],
    ) -> Result<Measurement, dynatrace::Error> {
        let Metric::Smartscape {
            direction,
            relation,
        } = &signature.metric
        else {
            return Ok(Measurement::Missing(Gap::NotMeasured));
        };
        if entities.is_empty() {
            return Ok(Measurement::Missing(Gap::NoEntity(tags(side.environment))));
        }
        let seen: Vec<_> = entities
            .iter()
            .filter(|entity| is_related(entity))
            .collect();
        let related: Vec<_> = seen
            .iter()
            .map(|entity| others(entity, *direction, relation))
            .collect();
        if related.iter().all(|others| others.is_empty()) {
            let known = match self.relationships(entry.etype).await? {
                Ok(known) => known,
                Err(refusal) => return Ok(Measurement::Missing(refusal.gap())),
            };
            if !can_be(entry.etype, *direction, relation, known.as_ref()) {
                let api = if known.is_some() { "" } else { " in API v1" };
                let what = format!("`{}` of a {}{api}", signature.metric, entry.etype);
                return Ok(Measurement::Missing(Gap::UnknownRelationship(what)));
            }
            if seen.is_empty() {
                return Ok(Measurement::Missing(Gap::NoRelationship(tags(
                    side.environment,
                ))));
            }
        }
        Ok(match signature.merge {
            Merge::Tenant => Measurement::Value(distinct(&related) as f64),
            Merge::Mean => {
                let sum: usize = related.iter().map(|others| others.len()).sum();
                Measurement::Mean {
                    value: sum as f64 / seen.len() as f64,
                    of: Answered {
                        answered: seen.len(),
                        entities: entities.len(),
                    },
                }
            }
        })
    }

    /// The relationships that a kind of entity can have, where the tenant says it.
    async fn relationships(
        &self,
        etype: EntityType,
    ) -> Result<Result<Option<Relationships>, super::TenantRefusal>, dynatrace::Error> {
        let kind = entity_type(etype);
        let cell = self.relationships.cell(kind);
        let asked = cell.get_or_try_init(|| async {
            settled(self.tenant.relationships(kind, self.deadline).await)
        });
        asked.await.cloned()
    }
}

/// The tenant decides; where it does not say, what is known of API v1.
fn can_be(
    etype: EntityType,
    direction: Direction,
    relation: &str,
    known: Option<&Relationships>,
) -> bool {
    match (known, direction) {
        (Some(known), Direction::From) => known.from.iter().any(|one| one == relation),
        (Some(known), Direction::To) => known.to.iter().any(|one| one == relation),
        (None, _) => relationships(etype, direction).always.contains(&relation),
    }
}

fn is_related(entity: &Entity) -> bool {
    let ends = entity.from.values().chain(entity.to.values());
    ends.flatten().next().is_some()
}

fn others<'a>(entity: &'a Entity, direction: Direction, relation: &str) -> &'a [Related] {
    let relations = match direction {
        Direction::From => &entity.from,
        Direction::To => &entity.to,
    };
    relations
        .get(relation)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Each other counted once, however many of the entities know it.
fn distinct(related: &[&[Related]]) -> usize {
    let ids = related.iter().copied().flatten().map(|other| &other.id);
    ids.collect::<BTreeSet<_>>().len()
}
