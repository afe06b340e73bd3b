//! How the announcement of a deployment is told from others, written and read.

use dynatrace::RecordedEvent;
use jiff::Timestamp;
use release::attribution::Known;
use release::deployment::Group;
use release::tie::Tie;

use crate::remedy::adapter::Dismissed;

/// The source of our events; readers of events look for this name.
pub(crate) const SOURCE: &str = "AWS CodePipeline";

/// The deployment and what it went to, by which an event is known again, also
/// by whoever looks for causes.
pub(crate) const DEPLOYMENT: [&str; 3] = [
    "CodeDeploy.Application",
    "CodeDeploy.DeploymentGroup",
    "CodeDeploy.DeploymentId",
];

/// The property that says that several groups were deployed to together, and
/// nothing tells which of them is behind the entities.
pub const UNSURE: &str = "Unbreakable.GroupIsUnsure";

/// The longest name of a group or a deployment, in bytes.
const LONGEST_NAME: usize = 200;

/// The properties that name a deployment.
pub(crate) fn named<'a>(
    group: &'a Group,
    deployment: &'a str,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    DEPLOYMENT
        .into_iter()
        .zip([group.application.as_str(), &group.name, deployment])
}

/// An announcement of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) entity: String,
    pub(super) group: Group,
    pub(super) deployment: String,
    pub(super) at: Timestamp,
    /// Whether its group surely is behind the entity.
    pub(super) is_sure: bool,
}

/// What an event announces, if that is a deployment of a pipeline.
pub(super) fn announced(event: &RecordedEvent) -> Option<Announced> {
    if event.source.as_deref() != Some(SOURCE) {
        return None;
    }
    let property = |name: &str| {
        let value = event.properties.get(name)?.trim();
        (!value.is_empty() && value.len() <= LONGEST_NAME).then(|| value.to_owned())
    };
    let [application, name, deployment] = DEPLOYMENT.map(property);
    Some(Announced {
        entity: event.entity.clone(),
        group: Group {
            application: application?,
            name: name?,
        },
        deployment: deployment?,
        at: Timestamp::from_millisecond(event.start_ms).ok()?,
        is_sure: !event.properties.contains_key(UNSURE),
    })
}

impl Announced {
    pub(super) fn tie(&self) -> Tie {
        Tie {
            entity: self.entity.clone(),
            group: self.group.clone(),
            at: self.at,
            shared: false,
        }
    }

    pub(super) fn dismissed(self, known: Known, why: &'static str) -> Dismissed {
        Dismissed {
            change: self.deployment,
            place: self.group.to_string(),
            entity: self.entity,
            at: self.at,
            announced: known == Known::Announced,
            why: why.to_owned(),
        }
    }
}
