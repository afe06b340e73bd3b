//! What can be launched, and what it asks for.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What is launched. Both kinds share one space of ids, and an id of one kind is
/// unknown to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TemplateKind {
    /// A playbook with its inventory.
    Job,
    /// Several of them, one after the other.
    Workflow,
}

impl TemplateKind {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Job => "job_templates",
            Self::Workflow => "workflow_job_templates",
        }
    }

    /// The list of the jobs of one template.
    pub(crate) fn jobs(self) -> &'static str {
        match self {
            Self::Job => "jobs",
            Self::Workflow => "workflow_jobs",
        }
    }
}

/// A template as the lists of its jobs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateRef {
    /// Its kind.
    pub kind: TemplateKind,
    /// Its id.
    pub id: u64,
    /// Whether its jobs may be cut into slices, each of which is a job of its own
    /// under a workflow job that nobody declared.
    pub sliced: bool,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// How its jobs are asked for.
    pub at: TemplateRef,
    /// Its name, which others of other organizations may have too.
    pub name: String,
    /// The organization that owns it.
    pub organization: Option<String>,
    /// The project that the playbook is from.
    pub project: Option<String>,
    /// The playbook; empty for a workflow.
    pub playbook: String,
    /// The inventory that it runs on, unless another is asked for.
    pub inventory: Option<String>,
    /// Whether several of its jobs may run at the same time; otherwise the later
    /// ones stay pending.
    pub simultaneous: bool,
}

/// What was found under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// One template.
    One(Box<Template>),
    /// None, or none that this user may see.
    None,
    /// So many of them.
    Several(u64),
}

/// What a template asks for when it is launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// The id and the name that it has now.
    pub name: String,
    /// What a launch may set; what is not among it is dropped without a word by a
    /// job template.
    pub prompts: Prompts,
    /// Variables without which it is not launched.
    pub variables_needed: Vec<String>,
    /// Passwords without which it is not launched.
    pub passwords_needed: Vec<String>,
    /// Whether an inventory has to be named.
    pub inventory_needed: bool,
    /// What its survey asks for; nothing where it has none.
    pub survey: Vec<Question>,
    /// What is used where a launch says nothing.
    pub defaults: Defaults,
}

/// What a launch may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the template"
)]
pub struct Prompts {
    /// Variables of any name; without it, those of the survey alone.
    #[serde(default, rename = "ask_variables_on_launch")]
    pub variables: bool,
    /// The hosts.
    #[serde(default, rename = "ask_limit_on_launch")]
    pub limit: bool,
    /// Whether to run or to check.
    #[serde(default, rename = "ask_job_type_on_launch")]
    pub job_type: bool,
    /// Labels.
    #[serde(default, rename = "ask_labels_on_launch")]
    pub labels: bool,
    /// The inventory.
    #[serde(default, rename = "ask_inventory_on_launch")]
    pub inventory: bool,
    /// The credentials.
    #[serde(default, rename = "ask_credential_on_launch")]
    pub credentials: bool,
}

/// What is used where a launch says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Defaults {
    /// The hosts; empty for all of the inventory.
    #[serde(default, deserialize_with = "text")]
    pub limit: String,
    /// `run` or `check`; empty for a workflow.
    #[serde(default, deserialize_with = "text")]
    pub job_type: String,
}

/// A question of a survey.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// The variable that it sets.
    pub variable: String,
    /// `text`, `textarea`, `password`, `integer`, `float`, `multiplechoice` or
    /// `multiselect`; strictly typed.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be answered.
    #[serde(default)]
    pub required: bool,
    /// The smallest number, or the shortest text.
    #[serde(default, deserialize_with = "number")]
    pub min: Option<i64>,
    /// The largest number, or the longest text.
    #[serde(default, deserialize_with = "number")]
    pub max: Option<i64>,
    /// What can be chosen.
    #[serde(default, deserialize_with = "choices")]
    pub choices: Vec<String>,
    /// What it is unless it is answered; nothing is written as an empty text.
    #[serde(default)]
    pub default: Value,
}

#[derive(Deserialize)]
pub(crate) struct WireTemplate {
    id: u64,
    name: String,
    #[serde(default)]
    playbook: String,
    #[serde(default)]
    allow_simultaneous: bool,
    job_slice_count: Option<u64>,
    #[serde(default)]
    ask_job_slice_count_on_launch: bool,
    #[serde(default)]
    summary_fields: Summary,
}

#[derive(Default, Deserialize)]
struct Summary {
    organization: Option<Name>,
    project: Option<Name>,
    inventory: Option<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl WireTemplate {
    pub(crate) fn of_kind(self, kind: TemplateKind) -> Template {
        let is_cut = self.job_slice_count.is_some_and(|count| 1 < count);
        let name = |name: Option<Name>| name.map(|name| name.name);
        Template {
            at: TemplateRef {
                kind,
                id: self.id,
                sliced: kind == TemplateKind::Job && (is_cut || self.ask_job_slice_count_on_launch),
            },
            name: self.name,
            organization: name(self.summary_fields.organization),
            project: name(self.summary_fields.project),
            playbook: self.playbook,
            inventory: name(self.summary_fields.inventory),
            simultaneous: self.allow_simultaneous,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct WirePreflight {
    #[serde(flatten)]
    prompts: Prompts,
    #[serde(default)]
    pub(crate) survey_enabled: bool,
    #[serde(default)]
    variables_needed_to_start: Vec<String>,
    #[serde(default)]
    passwords_needed_to_start: Vec<String>,
    #[serde(default)]
    inventory_needed_to_start: bool,
    #[serde(default)]
    defaults: Defaults,
    job_template_data: Option<Name>,
    workflow_job_template_data: Option<Name>,
}

impl WirePreflight {
    pub(crate) fn with(self, survey: Survey) -> Preflight {
        let name = self.job_template_data.or(self.workflow_job_template_data);
        Preflight {
            name: name.map_or_else(String::new, |name| name.name),
            prompts: self.prompts,
            variables_needed: self.variables_needed_to_start,
            passwords_needed: self.passwords_needed_to_start,
            inventory_needed: self.inventory_needed_to_start,
            survey: survey.spec,
            defaults: self.defaults,
        }
    }
}

/// The questions of a template; an empty object where it has none.
#[derive(Default, Deserialize)]
pub(crate) struct Survey {
    #[serde(default)]
    spec: Vec<Question>,
}

/// What is empty is `null`, a text without characters, or not there.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

/// No bound is `null` or an empty text.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Value::deserialize(from)?.as_i64())
}

/// A list, or a text with one choice in a line.
fn choices<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Array(all) => {
            let texts = all.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    })
}

/// Variables, which are an object, or a JSON text of one.
pub(crate) fn variables(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(all) => Some(all.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
