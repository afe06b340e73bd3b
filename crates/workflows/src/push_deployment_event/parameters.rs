//! What is to be announced, as the author of a pipeline or another caller wrote
//! it down.
//!
//! Three forms are understood: the 2018 texts `Environment,comment` and
//! `Environment,https://…/monspec.json`, and a JSON object with any of an
//! event's fields, under our names or under those of 2018.

use std::collections::BTreeMap;

use dynatrace::EventKind;
use jiff::Timestamp;
use monspec::lint::{escaped, is_hidden};
use serde::Deserialize;
use serde_json::Value;

use super::targets::TagRule;
use crate::fetched_spec::Place;

/// The longest name that is taken from outside, in characters.
const LONGEST_NAME: usize = 200;
/// The longest title, name or version of an event; what is longer is cut.
const LONGEST_TITLE: usize = 500;
/// The longest description or value; what is longer is cut.
const LONGEST_TEXT: usize = 4_000;
/// The longest link.
const LONGEST_LINK: usize = 2_000;
/// How many properties a caller may add to those that are always there.
const MOST_PROPERTIES: usize = 50;
/// How many entities or rules a caller may name.
const MOST_TARGETS: usize = 100;

/// Names of properties that say where a deployment comes from: whoever reads
/// events builds on them, so nobody may write them by hand.
const OURS: [&str; 6] = [
    "CodeDeploy.",
    "Pipeline",
    "Revision",
    "RequestId",
    "Unbreakable.",
    "dt.",
];

/// What is asked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    /// The environment of the monspec whose entities are told.
    pub(super) environment: Option<String>,
    /// Where the monspec is, unless in the input artifact.
    pub(super) monspec: Option<Place>,
    /// Entities and tags that are told instead.
    pub(super) attach: Option<Attach>,
    /// The pipeline execution.
    pub(super) execution: Option<String>,
    /// The deployment of CodeDeploy; only a caller that is no job names it.
    pub(super) deployment: Option<String>,
    /// What kind of event it is, if not the one that follows.
    pub(super) kind: Option<EventKind>,
    /// What replaces what would be said otherwise.
    pub(super) says: Says,
}

/// Whom the event is attached to, in the words of API v1.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Attach {
    pub(super) entities: Vec<String>,
    pub(super) rules: Vec<TagRule>,
}

/// The author's words in an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Says {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) project: Option<String>,
    pub(super) ci_back_link: Option<String>,
    pub(super) remediation_link: Option<String>,
    pub(super) source: Option<String>,
    pub(super) start: Option<Timestamp>,
    pub(super) properties: BTreeMap<String, String>,
}

/// What is wrong with the parameters, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParameterError {
    #[error(
        "UserParameters is empty: write `Environment,comment`, for example `Staging,Deploying in Staging`"
    )]
    Empty,
    #[error("the parameters are not the JSON object that is expected")]
    Json(#[source] serde_json::Error),
    #[error(
        "nobody is named who could be told: write the `environment` of the monspec, or `attachRules`"
    )]
    Nobody,
    #[error("`environment` and `attachRules` both say who is told; write one")]
    TwoTargets,
    #[error("`attachRules` names nobody, or more than {MOST_TARGETS}")]
    Targets,
    #[error("`{0}` is not an entity's id, such as SERVICE-CB6A2EB13C7858F4")]
    EntityId(String),
    #[error("`{0}` is no kind of event: deployment, annotation, configuration or info")]
    Kind(String),
    #[error(
        "`{0}` was not resolved: the variable exists in V2 pipelines and in the configuration of an action only"
    )]
    Unresolved(String),
    #[error("a name is longer than {LONGEST_NAME} characters or holds control characters")]
    Name,
    #[error(
        "`{0}` is not a link: it begins with https:// and has at most {LONGEST_LINK} characters"
    )]
    Link(&'static str),
    #[error("there are more than {MOST_PROPERTIES} properties")]
    Properties,
    #[error("the property `{0}` is neither a text, a number nor true or false")]
    Value(String),
    #[error("the property `{0}` is written by this function; choose another name")]
    Ours(String),
    #[error("`start` is a moment in milliseconds since 1970")]
    Start,
    #[error("`source` belongs to this function where a deployment is announced")]
    Source,
    #[error("`deployment` is taken from the pipeline; only a direct call names it")]
    ForeignDeployment,
    #[error("`executionId` belongs to a pipeline action; a direct call names the `deployment`")]
    ForeignExecution,
    #[error(
        "a direct call that names an `environment` needs a `monspec`: an https URL or the file's content"
    )]
    NoMonspec,
}

/// A parameter error that shows its cause: it ends in front of a person.
#[derive(Debug)]
pub(super) struct Explained(ParameterError);

impl From<ParameterError> for Explained {
    fn from(error: ParameterError) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Explained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            ParameterError::Json(cause) => f.write_str(&escaped(&format!("{}: {cause}", self.0))),
            other => f.write_str(&escaped(&other.to_string())),
        }
    }
}

/// The parameters of a pipeline action.
pub(super) fn of_job(text: &str) -> Result<Parameters, Explained> {
    let text = text.trim();
    let parameters = if text.starts_with('{') {
        object(text)?
    } else {
        list(text)?
    };
    if parameters.deployment.is_some() {
        return Err(ParameterError::ForeignDeployment.into());
    }
    if parameters.environment.is_none() && parameters.attach.is_none() {
        return Err(ParameterError::Nobody.into());
    }
    Ok(parameters)
}

/// The parameters of another caller.
pub(super) fn of_caller(text: &str) -> Result<Parameters, Explained> {
    let parameters = object(text)?;
    if parameters.execution.is_some() {
        return Err(ParameterError::ForeignExecution.into());
    }
    if parameters.environment.is_some() && parameters.monspec.is_none() {
        return Err(ParameterError::NoMonspec.into());
    }
    let nobody = parameters.environment.is_none() && parameters.attach.is_none();
    if nobody && parameters.deployment.is_none() {
        return Err(ParameterError::Nobody.into());
    }
    Ok(parameters)
}

fn list(text: &str) -> Result<Parameters, ParameterError> {
    let (environment, rest) = text.split_once(',').unwrap_or((text, ""));
    let (environment, rest) = (environment.trim(), rest.trim());
    if environment.is_empty() {
        return Err(ParameterError::Empty);
    }
    let is_address = rest.starts_with("https://") || rest.starts_with("http://");
    let mut parameters = Parameters {
        environment: Some(environment.to_owned()),
        ..Parameters::default()
    };
    if is_address {
        parameters.monspec = Some(Place::Url(rest.to_owned()));
    } else {
        parameters.says.name = shortened(Some(rest.to_owned()), LONGEST_TITLE);
    }
    checked(parameters)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    environment: Option<String>,
    monspec: Option<Value>,
    attach_rules: Option<AttachRules>,
    execution_id: Option<String>,
    deployment: Option<String>,
    #[serde(alias = "eventType")]
    kind: Option<String>,
    #[serde(alias = "annotationType", alias = "configuration")]
    title: Option<String>,
    #[serde(alias = "annotationDescription")]
    description: Option<String>,
    #[serde(alias = "deploymentName", alias = "comment")]
    name: Option<String>,
    #[serde(alias = "deploymentVersion")]
    version: Option<String>,
    #[serde(alias = "deploymentProject")]
    project: Option<String>,
    ci_back_link: Option<String>,
    #[serde(alias = "remediationAction")]
    remediation_link: Option<String>,
    source: Option<String>,
    start: Option<Value>,
    #[serde(default, alias = "customProperties")]
    properties: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AttachRules {
    #[serde(default)]
    entity_ids: Vec<String>,
    #[serde(default)]
    tag_rule: Vec<TagRule>,
}

fn object(text: &str) -> Result<Parameters, ParameterError> {
    let object: Object = serde_json::from_str(text).map_err(ParameterError::Json)?;
    let named = |name: Option<String>| {
        name.map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
    };
    let title = |text| shortened(text, LONGEST_TITLE);
    checked(Parameters {
        environment: named(object.environment),
        monspec: object.monspec.map(Place::from),
        attach: object.attach_rules.map(attach).transpose()?,
        execution: named(object.execution_id),
        deployment: named(object.deployment),
        kind: object.kind.as_deref().map(kind).transpose()?,
        says: Says {
            title: title(object.title),
            description: shortened(object.description, LONGEST_TEXT),
            name: title(object.name),
            version: title(object.version),
            project: title(object.project),
            ci_back_link: link("ciBackLink", object.ci_back_link)?,
            remediation_link: link("remediationLink", object.remediation_link)?,
            source: title(object.source),
            start: object.start.as_ref().map(moment).transpose()?,
            properties: properties(object.properties)?,
        },
    })
}

fn checked(parameters: Parameters) -> Result<Parameters, ParameterError> {
    let names = [
        &parameters.environment,
        &parameters.execution,
        &parameters.deployment,
    ];
    for name in names.into_iter().flatten() {
        if name.contains("#{") {
            return Err(ParameterError::Unresolved(name.clone()));
        }
        if name.chars().count() > LONGEST_NAME || name.chars().any(is_hidden) {
            return Err(ParameterError::Name);
        }
    }
    if parameters.environment.is_some() && parameters.attach.is_some() {
        return Err(ParameterError::TwoTargets);
    }
    let deploys = matches!(parameters.kind, None | Some(EventKind::Deployment));
    if deploys && parameters.says.source.is_some() {
        return Err(ParameterError::Source);
    }
    Ok(parameters)
}

fn attach(rules: AttachRules) -> Result<Attach, ParameterError> {
    let tags = rules.tag_rule.iter().map(|rule| rule.tags.len()).max();
    let named = rules.entity_ids.len() + rules.tag_rule.len();
    if named == 0 || MOST_TARGETS < named || Some(MOST_TARGETS) < tags {
        return Err(ParameterError::Targets);
    }
    if rules
        .tag_rule
        .iter()
        .any(|rule| rule.tags.is_empty() || rule.me_types.is_empty())
    {
        return Err(ParameterError::Targets);
    }
    let is_id = |id: &str| {
        id.len() <= 100
            && id.contains('-')
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    if let Some(id) = rules.entity_ids.iter().find(|id| !is_id(id)) {
        return Err(ParameterError::EntityId(id.chars().take(100).collect()));
    }
    Ok(Attach {
        entities: rules.entity_ids,
        rules: rules.tag_rule,
    })
}

fn kind(text: &str) -> Result<EventKind, ParameterError> {
    let word = text.trim().to_ascii_lowercase();
    match word.strip_prefix("custom_").unwrap_or(&word) {
        "deployment" => Ok(EventKind::Deployment),
        "annotation" => Ok(EventKind::Annotation),
        "configuration" => Ok(EventKind::Configuration),
        "info" => Ok(EventKind::Info),
        _ => Err(ParameterError::Kind(text.chars().take(100).collect())),
    }
}

fn link(field: &'static str, text: Option<String>) -> Result<Option<String>, ParameterError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let is_link = text.starts_with("https://") || text.starts_with("http://");
    if !is_link || LONGEST_LINK < text.chars().count() || text.chars().any(is_hidden) {
        return Err(ParameterError::Link(field));
    }
    Ok(Some(text))
}

/// A number, or a number in a text, as the functions of 2018 sent it.
fn moment(value: &Value) -> Result<Timestamp, ParameterError> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    number
        .and_then(|number| Timestamp::from_millisecond(number).ok())
        .ok_or(ParameterError::Start)
}

fn properties(given: BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, ParameterError> {
    if MOST_PROPERTIES < given.len() {
        return Err(ParameterError::Properties);
    }
    let text = |(key, value): (String, Value)| {
        let key: String = escaped(key.trim()).chars().take(100).collect();
        if key.is_empty() || OURS.iter().any(|ours| key.starts_with(ours)) {
            return Err(ParameterError::Ours(key));
        }
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(word) => word.to_string(),
            _ => return Err(ParameterError::Value(key)),
        };
        let value = escaped(&value).chars().take(LONGEST_TEXT).collect();
        Ok((key, value))
    };
    given.into_iter().map(text).collect()
}

/// On one line and within its length; nothing if nothing is left.
fn shortened(text: Option<String>, longest: usize) -> Option<String> {
    let text: String = escaped(text?.trim()).chars().take(longest).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> Parameters {
        of_job(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn caller(text: &str) -> Parameters {
        of_caller(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn texts_of_2018_are_read() {
        let comment = job("Staging,CodePipeline Deploying in Staging, at last");

        assert_eq!(comment.environment.as_deref(), Some("Staging"));
        assert_eq!(
            comment.says.name.as_deref(),
            Some("CodePipeline Deploying in Staging, at last")
        );
        assert_eq!(comment.monspec, None);
        let address = job("Staging, https://specs.example/a,b.json");
        assert_eq!(
            address.monspec,
            Some(Place::Url("https://specs.example/a,b.json".to_owned()))
        );
        assert_eq!(address.says.name, None);
        assert_eq!(job("Staging").environment.as_deref(), Some("Staging"));
    }

    #[test]
    fn object_takes_the_fields_of_an_event_under_both_names() {
        let ours = caller(
            r#"{"attachRules":{"entityIds":["SERVICE-1"]},"kind":"configuration","title":"Flag",
                "description":"Why","name":"N","version":"1","project":"P","source":"Flags",
                "remediationLink":"https://heal.example","properties":{"new":true}}"#,
        );
        let of_2018 = caller(
            r#"{"attachRules":{"entityIds":["SERVICE-1"]},"eventType":"CUSTOM_CONFIGURATION",
                "configuration":"Flag","annotationDescription":"Why","deploymentName":"N",
                "deploymentVersion":"1","deploymentProject":"P","source":"Flags",
                "remediationAction":"https://heal.example","customProperties":{"new":"true"}}"#,
        );

        assert_eq!(ours, of_2018);
        assert_eq!(ours.kind, Some(EventKind::Configuration));
        let start = |text: &str| {
            caller(&format!(r#"{{"deployment":"d-1","start":{text}}}"#))
                .says
                .start
        };
        assert_eq!(start("1516349230000"), start(r#""1516349230000""#));
    }

    #[test]
    fn unusable_parameters_are_told_with_what_to_write() {
        for (text, part) in [
            ("", "empty"),
            (" ,comment", "empty"),
            ("{", "not the JSON object"),
            (r#"{"environmnt":"Staging"}"#, "unknown field `environmnt`"),
            (r#"{"kind":"info"}"#, "nobody is named"),
            (
                r#"{"environment":"A","attachRules":{"entityIds":["S-1"]}}"#,
                "write one",
            ),
            (r#"{"attachRules":{}}"#, "names nobody"),
            (
                r#"{"attachRules":{"entityIds":["S\"),x"]}}"#,
                "is not an entity's id",
            ),
            (
                r#"{"attachRules":{"tagRule":[{"meTypes":["SERVICE"],"tags":[]}]}}"#,
                "names nobody",
            ),
            (
                r#"{"attachRules":{"tagRule":[{"meTypes":["PLANET"],"tags":[{"key":"a"}]}]}}"#,
                "PLANET",
            ),
            (r#"{"environment":"A","kind":"party"}"#, "no kind of event"),
            (
                r##"{"environment":"A","executionId":"#{codepipeline.PipelineExecutionId}"}"##,
                "not resolved",
            ),
            (
                r#"{"environment":"A","ciBackLink":"javascript:alert(1)"}"#,
                "`ciBackLink` is not a link",
            ),
            (
                r#"{"environment":"A","properties":{"a":{}}}"#,
                "neither a text",
            ),
            (
                r#"{"environment":"A","properties":{"CodeDeploy.DeploymentId":"d-1"}}"#,
                "written by this function",
            ),
            (
                r#"{"environment":"A","source":"Me"}"#,
                "belongs to this function",
            ),
            (r#"{"environment":"A","start":"now"}"#, "milliseconds"),
            (
                r#"{"environment":"A","deployment":"d-1"}"#,
                "taken from the pipeline",
            ),
        ] {
            let told = of_job(text).expect_err(text).to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
    }

    #[test]
    fn caller_that_is_no_job_says_what_a_job_would_know() {
        for (text, part) in [
            (r#"{"environment":"A"}"#, "needs a `monspec`"),
            (r#"{"kind":"info"}"#, "nobody is named"),
            (
                r#"{"deployment":"d-1","executionId":"e-1"}"#,
                "belongs to a pipeline action",
            ),
        ] {
            let told = of_caller(text).expect_err(text).to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
        assert_eq!(
            caller(r#"{"deployment":"d-1"}"#).deployment.as_deref(),
            Some("d-1")
        );
    }

    #[test]
    fn hostile_texts_are_bounded_and_shown_on_one_line() {
        let name = job(&format!("Staging,{}\n2026 forged", "x".repeat(600)));
        assert_eq!(name.says.name.unwrap().chars().count(), LONGEST_TITLE);

        let forged = job("Staging,a\n2026 forged\u{202e}").says.name.unwrap();
        assert_eq!(forged, r"a\n2026 forged\u{202e}");

        let many: BTreeMap<String, u32> = (0..51).map(|n| (n.to_string(), n)).collect();
        let text = serde_json::json!({"environment": "A", "properties": many}).to_string();
        assert!(
            of_job(&text)
                .unwrap_err()
                .to_string()
                .contains("more than 50")
        );
        assert!(
            of_job(&format!("{},x", "e".repeat(201)))
                .unwrap_err()
                .to_string()
                .contains("longer than 200")
        );
    }
}
