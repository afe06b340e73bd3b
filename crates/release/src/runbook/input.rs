//! What a run is given of its event.

use std::collections::BTreeMap;

use serde_json::Map;

use super::Refusal;
use super::settings::{Hosts, Runbook};
use super::variables::Input;

/// What the runbook is given: its variables and its hosts. `entity` is the name
/// of what was changed.
pub fn input(
    runbook: &Runbook,
    properties: &BTreeMap<String, String>,
    entity: Option<&str>,
) -> Result<Input, Refusal> {
    let mut variables = Map::new();
    for (name, variable) in &runbook.variables {
        let value = variable.value(properties);
        let value = value.map_err(|why| Refusal::Variable {
            alias: runbook.alias.clone(),
            name: name.clone(),
            why,
        })?;
        variables.insert(name.clone(), value);
    }
    let limit = match &runbook.limit {
        None => None,
        Some(Hosts::These(pattern)) => Some(pattern.clone()),
        Some(Hosts::Entity(hosts)) => {
            let entity = entity.unwrap_or_default();
            if !hosts.iter().any(|host| host == entity) {
                return Err(Refusal::Limit {
                    alias: runbook.alias.clone(),
                    entity: match entity {
                        "" => "what was changed".to_owned(),
                        entity => entity.chars().take(200).collect(),
                    },
                });
            }
            Some(entity.to_owned())
        }
    };
    Ok(Input { variables, limit })
}
