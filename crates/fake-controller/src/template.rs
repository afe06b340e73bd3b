//! What can be launched.

use serde_json::{Map, Value};

/// A playbook with what it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobTemplate {
    /// Its name.
    pub name: String,
    /// The organization that owns it.
    pub organization: String,
    /// The project that the playbook is from.
    pub project: String,
    /// The playbook.
    pub playbook: String,
    /// Its hosts; empty for all of the inventory.
    pub limit: String,
    /// `run` or `check`.
    pub job_type: String,
    /// Its own variables.
    pub extra_vars: Map<String, Value>,
    /// What a launch may set.
    pub prompts: Prompts,
    /// The questions of its survey; none means that it has no survey.
    pub survey: Vec<Value>,
    /// Passwords without which it is not launched.
    pub passwords: Vec<String>,
    /// Whether it lacks an inventory.
    pub lacks_inventory: bool,
    /// Into how many slices its jobs are cut.
    pub slices: u64,
    /// Whether several of its jobs may run at the same time.
    pub simultaneous: bool,
}

impl Default for JobTemplate {
    fn default() -> Self {
        Self {
            name: "stop-campaign".to_owned(),
            organization: "Default".to_owned(),
            project: "runbooks".to_owned(),
            playbook: "stop.yml".to_owned(),
            limit: String::new(),
            job_type: "run".to_owned(),
            extra_vars: Map::new(),
            prompts: Prompts {
                variables: true,
                ..Prompts::default()
            },
            survey: Vec::new(),
            passwords: Vec::new(),
            lacks_inventory: false,
            slices: 1,
            simultaneous: false,
        }
    }
}

/// What a launch may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Variables of any name.
    pub variables: bool,
    /// The hosts.
    pub limit: bool,
    /// Whether to run or to check.
    pub job_type: bool,
}

/// Several job templates in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowTemplate {
    /// Its name.
    pub name: String,
    /// The organization that owns it.
    pub organization: String,
    /// What a launch may set; what it may not is refused, unlike by a job
    /// template.
    pub prompts: Prompts,
}
