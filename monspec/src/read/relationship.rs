//! Looks for relationships that their entity cannot have.

use lint::{Place, Report, listed, nearest, shortened};

use crate::relationships::relationships;
use crate::signature::{Direction, Metric};
use crate::spec::EntityType;

/// A typo is an error. Any other name may exist in the tenant, so it is a warning.
pub(super) fn check_relationship(
    metric: &Metric,
    etype: EntityType,
    place: &Place,
    report: &mut Report<'_>,
) {
    let Metric::Smartscape {
        direction,
        relation,
    } = metric
    else {
        return;
    };
    let known: Vec<_> = relationships(etype, *direction).all().collect();
    if known.contains(&relation.as_str()) {
        return;
    }
    let problem = format!(
        "a {etype} is not known to have the relationship `{}`",
        shortened(&metric.to_string())
    );
    let other = Direction::ALL.into_iter().find(|other| {
        relationships(etype, *other)
            .all()
            .any(|one| one == relation)
    });
    match (nearest(relation, known.iter().copied()), other) {
        (Some(near), _) => {
            let meant = format!("did you mean `{}:{near}`?", direction.as_str());
            report.error(place, problem, meant);
        }
        (None, Some(other)) => {
            let meant = format!("did you mean `{}:{relation}`?", other.as_str());
            report.warning(place, problem, meant);
        }
        (None, None) => report.warning(
            place,
            problem,
            format!(
                "known are {}; another is a gap unless the tenant knows it",
                listed(&known)
            ),
        ),
    }
}
