//! What a monspec declares: service entries and how to find their entities.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::comparison::Comparison;
use crate::signature::Signature;

/// A monspec file that was read without an error.
#[derive(Debug, Clone, PartialEq)]
pub struct Monspec {
    /// The service entries in the order of the file.
    pub entries: Vec<ServiceEntry>,
}

impl Monspec {
    /// The names of all comparisons, each once, in the order of the file.
    pub fn comparison_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for comparison in self.entries.iter().flat_map(|entry| &entry.comparisons) {
            if !names.contains(&comparison.name.as_str()) {
                names.push(&comparison.name);
            }
        }
        names
    }

    /// The entries that take part in a comparison, each with its own version of it.
    pub fn compared(&self, comparison: &str) -> Vec<(&ServiceEntry, &Comparison)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry, entry.comparison(comparison)?)))
            .collect()
    }
}

/// One top-level entry: a service, application, host or process and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEntry {
    /// The key of the entry in the file.
    pub id: String,
    /// What kind of entity the tags of the environments select.
    pub etype: EntityType,
    /// The name shown to people.
    pub name: Option<String>,
    /// Who answers for this service.
    pub owner: Option<String>,
    /// Where this service runs, by the name of the environment.
    pub environments: BTreeMap<String, Environment>,
    /// Which environments or timeframes are compared.
    pub comparisons: Vec<Comparison>,
    /// What is judged about the entry's entities.
    pub signatures: Vec<Signature>,
    /// What is judged about single methods of the service.
    pub methods: Vec<ServiceMethod>,
}

impl ServiceEntry {
    /// The comparison of this name.
    pub fn comparison(&self, name: &str) -> Option<&Comparison> {
        self.comparisons
            .iter()
            .find(|comparison| comparison.name == name)
    }
}

/// The kinds of entity a monspec can speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityType {
    /// A service: requests, response times, failures.
    Service,
    /// A web or mobile application: what its users experience.
    Application,
    /// A host: processor, memory, disks, network.
    Host,
    /// A process group: the same process on all hosts that run it.
    ProcessGroup,
    /// One process on one host.
    ProcessGroupInstance,
}

impl EntityType {
    /// All kinds, in the order in which people should be told about them.
    pub const ALL: [Self; 5] = [
        Self::Service,
        Self::Application,
        Self::Host,
        Self::ProcessGroup,
        Self::ProcessGroupInstance,
    ];

    /// The word of the file and of Dynatrace.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Application => "APPLICATION",
            Self::Host => "HOST",
            Self::ProcessGroup => "PROCESS_GROUP",
            Self::ProcessGroupInstance => "PROCESS_GROUP_INSTANCE",
        }
    }
}

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a service runs: the entities that carry all of these tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// At least one tag; an entity must carry every one of them.
    pub tags: Vec<Tag>,
}

/// One Dynatrace tag. Displays the way Dynatrace writes it: `[CONTEXT]key:value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// Where the tag was imported from; none for tags made in Dynatrace itself.
    pub context: Option<String>,
    /// The tag's name.
    pub key: String,
    /// The tag's value, when it has one.
    pub value: Option<String>,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "[{context}]")?;
        }
        f.write_str(&self.key)?;
        match &self.value {
            Some(value) => write!(f, ":{value}"),
            None => Ok(()),
        }
    }
}

/// One method of a service, judged by signatures of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceMethod {
    /// The method's name in Dynatrace, unique within its entry.
    pub name: String,
    /// What is judged about the method.
    pub signatures: Vec<Signature>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_displayed_the_way_dynatrace_writes_it() {
        let tag = |context: Option<&str>, value: Option<&str>| Tag {
            context: context.map(String::from),
            key: "DeploymentGroup".into(),
            value: value.map(String::from),
        };
        assert_eq!(tag(None, None).to_string(), "DeploymentGroup");
        assert_eq!(
            tag(None, Some("Staging")).to_string(),
            "DeploymentGroup:Staging"
        );
        assert_eq!(
            tag(Some("ENVIRONMENT"), Some("Staging")).to_string(),
            "[ENVIRONMENT]DeploymentGroup:Staging"
        );
    }
}
