//! What is to be announced, as the author of a pipeline or another caller wrote
//! it down.
//!
//! Three forms are understood: the 2018 texts `Environment,comment` and
//! `Environment,https://…/monspec.json`, and a JSON object with any of an
//! event's fields, under our names or under those of 2018.

use std::collections::BTreeMap;

use dynatrace::{EntityType, EventKind, Tag};
use jiff::Timestamp;
use monspec::lint::{escaped, is_hidden};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fetched_spec::Place;
use crate::parameters::{self, Wrong, check_names, either, given, name};

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

/// Names of properties that say where a deployment comes from: readers of
/// events rely on them, so nobody may write them by hand.
const OURS: [&str; 6] = [
    "CodeDeploy.",
    "Pipeline",
    "Revision",
    "RequestId",
    "Unbreakable.",
    "dt.",
];

/// What is asked for, and what replaces what would be said otherwise.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Parameters {
    /// The environment of the monspec whose entities are told.
    #[serde(deserialize_with = "name")]
    pub(super) environment: Option<String>,
    /// Where the monspec is, unless in the input artifact.
    pub(super) monspec: Option<Place>,
    /// Entities and tags that are told instead.
    pub(super) attach_rules: Option<Attach>,
    /// The pipeline execution.
    #[serde(deserialize_with = "name")]
    pub(super) execution_id: Option<String>,
    /// The deployment of CodeDeploy; only a caller that is no job names it.
    #[serde(deserialize_with = "name")]
    pub(super) deployment: Option<String>,
    /// What kind of event it is, if not the one that follows.
    #[serde(alias = "eventType", deserialize_with = "kind")]
    pub(super) kind: Option<EventKind>,
    #[serde(alias = "annotationType", alias = "configuration")]
    pub(super) title: Option<String>,
    #[serde(alias = "annotationDescription")]
    pub(super) description: Option<String>,
    #[serde(alias = "deploymentName", alias = "comment")]
    pub(super) name: Option<String>,
    #[serde(alias = "deploymentVersion")]
    pub(super) version: Option<String>,
    #[serde(alias = "deploymentProject")]
    pub(super) project: Option<String>,
    pub(super) ci_back_link: Option<String>,
    #[serde(alias = "remediationAction")]
    pub(super) remediation_link: Option<String>,
    pub(super) source: Option<String>,
    #[serde(deserialize_with = "moment")]
    pub(super) start: Option<Timestamp>,
    #[serde(alias = "customProperties", deserialize_with = "texts")]
    pub(super) properties: BTreeMap<String, String>,
}

/// Whom the event is attached to, in the words of API v1.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Attach {
    pub(super) entity_ids: Vec<String>,
    pub(super) tag_rule: Vec<TagRule>,
}

/// Entities of any of the types that carry all of the tags.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagRule {
    pub(super) me_types: Vec<EntityType>,
    pub(super) tags: Vec<Tag>,
}

/// The parameters of a pipeline action.
pub(super) fn of_job(text: &str) -> Result<Parameters, Wrong> {
    let parameters = either(text, object, list)?;
    if parameters.deployment.is_some() {
        let told = "`deployment` is taken from the pipeline; only a direct call names it";
        return Err(Wrong::new(told));
    }
    parameters.names_somebody()
}

/// The parameters of another caller.
pub(super) fn of_caller(text: &str) -> Result<Parameters, Wrong> {
    let parameters = object(text)?;
    if parameters.execution_id.is_some() {
        return Err(Wrong::new(
            "`executionId` belongs to a pipeline action; a direct call names the `deployment`",
        ));
    }
    if parameters.environment.is_some() && parameters.monspec.is_none() {
        return Err(Wrong::new(
            "a direct call that names an `environment` needs a `monspec`: an https URL or the \
             file's content",
        ));
    }
    parameters.names_somebody()
}

fn list(text: &str) -> Result<Parameters, Wrong> {
    let (environment, rest) = text.split_once(',').unwrap_or((text, ""));
    let Some(environment) = given(environment) else {
        return Err(Wrong::new(
            "UserParameters is empty: write `Environment,comment`, for example \
             `Staging,Deploying in Staging`",
        ));
    };
    let rest = rest.trim();
    let is_address = is_address(rest);
    checked(Parameters {
        environment: Some(environment),
        monspec: is_address.then(|| Place::Url(rest.to_owned())),
        name: (!is_address).then(|| rest.to_owned()),
        ..Parameters::default()
    })
}

fn object(text: &str) -> Result<Parameters, Wrong> {
    checked(parameters::object(text)?)
}

fn checked(mut given: Parameters) -> Result<Parameters, Wrong> {
    let names = [&given.environment, &given.execution_id, &given.deployment];
    check_names(names.into_iter().flatten())?;
    if let Some(attach) = &given.attach_rules {
        attach.check()?;
        if given.environment.is_some() {
            return Err(Wrong::new(
                "`environment` and `attachRules` both name targets; write one",
            ));
        }
    }
    for (text, longest) in [
        (&mut given.title, LONGEST_TITLE),
        (&mut given.description, LONGEST_TEXT),
        (&mut given.name, LONGEST_TITLE),
        (&mut given.version, LONGEST_TITLE),
        (&mut given.project, LONGEST_TITLE),
        (&mut given.source, LONGEST_TITLE),
    ] {
        *text = text.take().map(|text| shortened(text.trim(), longest));
        text.take_if(|text| text.is_empty());
    }
    let deploys = matches!(given.kind, None | Some(EventKind::Deployment));
    if deploys && given.source.is_some() {
        return Err(Wrong::new(
            "`source` belongs to this function where a deployment is announced",
        ));
    }
    for (field, link) in [
        ("ciBackLink", &mut given.ci_back_link),
        ("remediationLink", &mut given.remediation_link),
    ] {
        link.take_if(|link| link.is_empty());
        let is_link = |link: &str| {
            let is_long = LONGEST_LINK < link.chars().count();
            is_address(link) && !is_long && !link.chars().any(is_hidden)
        };
        if !link.as_deref().is_none_or(is_link) {
            return Err(Wrong::new(format!(
                "`{field}` is not a link: it begins with https:// and has at most {LONGEST_LINK} \
                 characters"
            )));
        }
    }
    Ok(given)
}

impl Parameters {
    fn names_somebody(self) -> Result<Self, Wrong> {
        if self.environment.is_none() && self.attach_rules.is_none() && self.deployment.is_none() {
            return Err(Wrong::new(
                "no target is named: write the `environment` of the monspec, or `attachRules`",
            ));
        }
        Ok(self)
    }
}

impl Attach {
    fn check(&self) -> Result<(), Wrong> {
        let named = self.entity_ids.len() + self.tag_rule.len();
        let is_rule = |rule: &TagRule| {
            !rule.me_types.is_empty() && (1..=MOST_TARGETS).contains(&rule.tags.len())
        };
        if !(1..=MOST_TARGETS).contains(&named) || !self.tag_rule.iter().all(is_rule) {
            return Err(Wrong::new(format!(
                "`attachRules` names no target, or more than {MOST_TARGETS}"
            )));
        }
        let known = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let is_id = |id: &&String| id.len() <= 100 && id.contains('-') && id.chars().all(known);
        match self.entity_ids.iter().find(|id| !is_id(id)) {
            None => Ok(()),
            Some(id) => Err(Wrong::new(format!(
                "`{}` is not an entity's id, such as SERVICE-CB6A2EB13C7858F4",
                cut(id)
            ))),
        }
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EventKind>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let word = text.trim().to_ascii_uppercase();
    let word = word.strip_prefix("CUSTOM_").unwrap_or(&word);
    let is_it = |kind: &EventKind| kind.name().strip_prefix("CUSTOM_") == Some(word);
    let kind = EventKind::ALL.into_iter().find(is_it);
    kind.map(Some).ok_or_else(|| {
        D::Error::custom(format!(
            "`{}` is no kind of event: deployment, annotation, configuration or info",
            cut(&text)
        ))
    })
}

/// A number, or a number in a text, as the functions of 2018 sent it.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let number = match Option::<Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
    };
    let moment = number.and_then(|number| Timestamp::from_millisecond(number).ok());
    let told = "`start` is a moment in milliseconds since 1970";
    moment.map(Some).ok_or_else(|| D::Error::custom(told))
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let given = BTreeMap::<String, Value>::deserialize(deserializer)?;
    if MOST_PROPERTIES < given.len() {
        let told = format!("there are more than {MOST_PROPERTIES} properties");
        return Err(D::Error::custom(told));
    }
    let text = |(key, value): (String, Value)| {
        let key = cut(&escaped(key.trim()));
        if key.is_empty() || OURS.iter().any(|ours| key.starts_with(ours)) {
            return Err(format!(
                "the property `{key}` is written by this function; choose another name"
            ));
        }
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                return Err(format!(
                    "the property `{key}` is neither a text, a number nor true or false"
                ));
            }
        };
        Ok((key, shortened(&value, LONGEST_TEXT)))
    };
    let texts = given.into_iter().map(text).collect::<Result<_, _>>();
    texts.map_err(D::Error::custom)
}

/// On one line and within its length.
fn shortened(text: &str, longest: usize) -> String {
    escaped(text).chars().take(longest).collect()
}

/// As much of a word as is repeated to who wrote it.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
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
            comment.name.as_deref(),
            Some("CodePipeline Deploying in Staging, at last")
        );
        assert_eq!(comment.monspec, None);
        let address = job("Staging, https://specs.example/a,b.json");
        assert_eq!(
            address.monspec,
            Some(Place::Url("https://specs.example/a,b.json".to_owned()))
        );
        assert_eq!(address.name, None);
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
        let start = |text: &str| caller(&format!(r#"{{"deployment":"d-1","start":{text}}}"#)).start;
        assert_eq!(start("1516349230000"), start(r#""1516349230000""#));
    }

    #[test]
    fn unusable_parameters_are_told_with_what_to_write() {
        for (text, part) in [
            ("", "empty"),
            (" ,comment", "empty"),
            ("{", "not the JSON object"),
            (r#"{"environmnt":"Staging"}"#, "unknown field `environmnt`"),
            (r#"{"kind":"info"}"#, "no target is named"),
            (
                r#"{"environment":"A","attachRules":{"entityIds":["S-1"]}}"#,
                "write one",
            ),
            (r#"{"attachRules":{}}"#, "names no target"),
            (
                r#"{"attachRules":{"entityIds":["S\"),x"]}}"#,
                "is not an entity's id",
            ),
            (
                r#"{"attachRules":{"tagRule":[{"meTypes":["SERVICE"],"tags":[]}]}}"#,
                "names no target",
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
            (r#"{"kind":"info"}"#, "no target is named"),
            (
                r#"{"deployment":"d-1","executionId":"e-1"}"#,
                "belongs to a",
            ),
        ] {
            let told = of_caller(text).expect_err(text).to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
        let named = caller(r#"{"deployment":"d-1"}"#).deployment;
        assert_eq!(named.as_deref(), Some("d-1"));
    }

    #[test]
    fn hostile_texts_are_bounded_and_shown_on_one_line() {
        let name = job(&format!("Staging,{}\n2026 forged", "x".repeat(600)));
        assert_eq!(name.name.unwrap().chars().count(), LONGEST_TITLE);

        let forged = job("Staging,a\n2026 forged\u{202e}").name.unwrap();
        assert_eq!(forged, r"a\n2026 forged\u{202e}");

        let many: BTreeMap<String, u32> = (0..51).map(|n| (n.to_string(), n)).collect();
        let many = serde_json::json!({"environment": "A", "properties": many}).to_string();
        let long = format!("{},x", "e".repeat(201));
        for (text, part) in [(many, "more than 50"), (long, "longer than 200")] {
            let told = of_job(&text).unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
