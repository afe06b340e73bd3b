//! Deployments of CodeDeploy, and the only place where they become ours.

mod announced;
mod apply;
mod candidates;
mod choice;
mod group_tag;
mod runs;
mod site;
mod view;

use delivery::codedeploy::{self, Maker, Revision};
use delivery::pipeline::Target;
use release::content::by_place;
use release::deployment::{Deployment, Group, Origin};
use release::remediation::carries_marker;

pub(crate) use announced::SOURCE;
pub use announced::UNSURE;
pub(crate) use announced::{DEPLOYMENT, named};
pub(in crate::remedy) use candidates::{Views, gather};
pub use group_tag::GroupTag;
pub(in crate::remedy) use site::Site;

/// How much of the name of a revision is its version, in characters.
const LONGEST_VERSION: usize = 80;

/// A group in CodeDeploy's words.
pub(crate) fn target(group: &Group) -> Target {
    Target {
        application: group.application.clone(),
        group: group.name.clone(),
    }
}

/// The ledger's word for a target.
pub(crate) fn group(target: &Target) -> Group {
    Group {
        application: target.application.clone(),
        name: target.group.clone(),
    }
}

/// A deployment that is not in the ledger, as CodeDeploy describes it. A
/// person knows it by the name of its revision: its id stands beside it.
pub(crate) fn recorded(made: &codedeploy::Deployment) -> Deployment {
    let location = location(made);
    let place = location.as_deref().unwrap_or(&made.id);
    let name = place.rsplit(['/', '@']).next().unwrap_or_default();
    // A bundle without a version.
    let name = name.trim_end_matches('#');
    Deployment {
        id: made.id.clone(),
        group: group(&made.target),
        at: made.created,
        execution: None,
        version: name.chars().take(LONGEST_VERSION).collect(),
        identity: by_place(place),
        location,
        digest: digest(made),
        origin: if is_heal(made) {
            Origin::Heal
        } else {
            Origin::Release
        },
    }
}

/// What the ledger has of a deployment, with what only CodeDeploy can say:
/// whoever announced it first may not have known why it was made, nor where its
/// content lies.
pub(crate) fn completed(
    mut deployment: Deployment,
    made: Option<&codedeploy::Deployment>,
) -> Deployment {
    if let Some(made) = made {
        if is_heal(made) {
            deployment.origin = Origin::Heal;
        }
        deployment.location = location(made).or(deployment.location);
        deployment.digest = digest(made).or(deployment.digest);
    }
    deployment
}

fn is_heal(made: &codedeploy::Deployment) -> bool {
    made.maker == Maker::Rollback || carries_marker(&made.description)
}

fn location(made: &codedeploy::Deployment) -> Option<String> {
    made.revision.as_ref().map(Revision::location)
}

fn digest(made: &codedeploy::Deployment) -> Option<String> {
    made.revision.as_ref().and_then(Revision::digest)
}
