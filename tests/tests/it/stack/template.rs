//! The template says what the README and the definitions in Rust say.
//!
//! Tags such as `!Ref` are dropped where it is read: `!Ref DtApi` is the text
//! `DtApi`, and `!If [A, B, C]` a list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use store::tables::{self, Table};
use yaml_rust2::{Yaml, YamlLoader};

pub(super) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Settings that come from Lambda itself.
const OF_LAMBDA: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_LAMBDA_LOG_LEVEL"];

/// Settings whose value the stack knows: the names of its own tables, and its
/// own name.
const OF_THE_STACK: [&str; 5] = [
    "VALIDATIONS_TABLE",
    "LEDGER_TABLE",
    "REMEDIATIONS_TABLE",
    "FLAGS_TABLE",
    "METRICS_NAMESPACE",
];

/// What may be done to any resource, because AWS offers nothing narrower.
pub(super) const EVERYWHERE: [&str; 6] = [
    "codepipeline:GetJobDetails",
    "codepipeline:PutJobSuccessResult",
    "codepipeline:PutJobFailureResult",
    "codedeploy:StopDeployment",
    "codedeploy:ListDeploymentTargets",
    "codedeploy:BatchGetDeploymentTargets",
];

/// A function that is told whether there is a secret, and never reads it.
const NOT_READ: (&str, &str) = ("register-validation", "RESULT_HOOK_SECRET_PARAMETER");

/// Functions with events that nobody repeats or sees fail. The others answer a
/// request or a job, and a job holds credentials, which are not stored.
const KEPT_WHEN_FAILED: [&str; 4] = [
    "ValidateBuilds",
    "PushDeploymentEvent",
    "HandleProblem",
    "ChangeFlags",
];

/// What is counted though nobody has to do anything about it.
const USUAL: [&str; 5] = ["Passed", "Failed", "Inconclusive", "Heals", "HealsShadowed"];

/// What metrics are told apart by.
const DIMENSIONS: [&str; 3] = ["Pipeline", "Comparison", "Group"];

#[test]
fn every_function_gets_the_settings_that_the_readme_lists_for_it() {
    let template = template();
    let functions = functions();
    for (function, resource) in &functions {
        let given: BTreeSet<String> = keys(&environment(&template, resource))
            .chain(keys(&common(&template)["Environment"]["Variables"]))
            .map(|name| name.strip_suffix("_PARAMETER").unwrap_or(&name).to_owned())
            .collect();
        let told: BTreeSet<String> = settings()
            .into_iter()
            .filter(|setting| setting.is_of(function, &functions))
            .map(|setting| setting.name)
            .filter(|name| !OF_LAMBDA.contains(&name.as_str()))
            .collect();

        assert_eq!(given, told, "{function}: the template's, the README's");
    }
}

#[test]
fn every_setting_is_a_parameter_with_the_default_of_the_readme() {
    let template = template();
    let parameters = &template["Parameters"];
    for setting in settings() {
        let name = setting.name.as_str();
        if OF_LAMBDA.contains(&name) || OF_THE_STACK.contains(&name) {
            continue;
        }
        let parameter = setting.parameter();
        let declared = &parameters[parameter.as_str()];
        assert!(
            !declared.is_badvalue(),
            "{name}: no parameter `{parameter}`"
        );
        let default = scalar(&declared["Default"]);
        if setting.is_secret() {
            let named = default.unwrap_or_default();
            assert!(named.starts_with('/'), "{parameter} names a secret");
            continue;
        }
        assert_eq!(default, setting.default(), "the default of {parameter}");
    }
}

#[test]
fn functions_are_given_the_parameter_of_the_same_name() {
    let template = template();
    for resource in functions().values() {
        let own = environment(&template, resource);
        for setting in settings() {
            let variable = if setting.is_secret() {
                format!("{}_PARAMETER", setting.name)
            } else {
                setting.name.clone()
            };
            let value = &own[variable.as_str()];
            if value.is_badvalue() || OF_THE_STACK.contains(&setting.name.as_str()) {
                continue;
            }
            // An address may be that of the stack itself, unless one is given.
            let named = value.as_str().or_else(|| value[1].as_str());
            assert_eq!(
                named,
                Some(setting.parameter().as_str()),
                "{resource}: {variable}"
            );
        }
    }
}

#[test]
fn tables_are_those_of_the_store() {
    let template = template();
    for table in [
        tables::VALIDATIONS,
        tables::LEDGER,
        tables::REMEDIATIONS,
        tables::FLAGS,
    ] {
        let resource = format!("{}Table", table.name);
        let declared = &template["Resources"][resource.as_str()]["Properties"];

        assert_eq!(read_table(table.name, declared), Some(described(table)));
        for protection in [
            "PointInTimeRecoverySpecification",
            "SSESpecification",
            "DeletionProtectionEnabled",
        ] {
            assert!(
                !declared[protection].is_badvalue(),
                "{resource}: {protection}"
            );
        }
        let kept = &template["Resources"][resource.as_str()]["DeletionPolicy"];
        assert_eq!(kept.as_str(), Some("Retain"), "{resource}");
    }
}

#[test]
fn functions_know_the_tables_by_their_settings() {
    let template = template();
    for resource in functions().values() {
        let own = environment(&template, resource);
        for (setting, table) in [
            ("VALIDATIONS_TABLE", "ValidationsTable"),
            ("LEDGER_TABLE", "LedgerTable"),
            ("REMEDIATIONS_TABLE", "RemediationsTable"),
            ("FLAGS_TABLE", "FlagsTable"),
        ] {
            let value = own[setting].as_str();
            assert!(
                value.is_none_or(|value| value == table),
                "{resource}: {setting}"
            );
        }
    }
}

#[test]
fn every_function_has_a_role_and_a_log_and_what_nobody_repeats_is_kept() {
    let template = template();
    let resources = &template["Resources"];
    for resource in functions().values() {
        let function = &resources[resource.as_str()]["Properties"];
        assert_eq!(
            function["Role"].as_str(),
            Some(format!("{resource}Role.Arn").as_str())
        );
        let logs = format!("{resource}Logs");
        assert_eq!(
            function["LoggingConfig"]["LogGroup"].as_str(),
            Some(logs.as_str())
        );
        let retention = &resources[logs.as_str()]["Properties"]["RetentionInDays"];
        assert!(!retention.is_badvalue(), "{logs} are kept for ever");
        let ends = &function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        let may_send = statements(&template).any(|(role, statement)| {
            let actions = list(&statement["Action"]);
            role == format!("{resource}Role") && actions.contains(&"sqs:SendMessage")
        });
        let is_kept = KEPT_WHEN_FAILED.contains(&resource.as_str());
        assert_eq!(!ends.is_badvalue(), is_kept, "{resource}");
        assert_eq!(may_send, is_kept, "{resource}");
    }
}

/// As the pipeline, the API and the schedule of 2018 call them.
const OF_THE_TUTORIAL: [(&str, &str); 6] = [
    ("RegisterValidation", "registerDynatraceBuildValidation"),
    ("ValidateBuilds", "validateBuildDynatraceWorker"),
    ("PublishValidation", "getDynatraceBuildValidationResults"),
    ("ValidationReport", "getBuildValidationResults"),
    ("PushDeploymentEvent", "pushDynatraceDeploymentEvent"),
    ("HandleProblem", "handleDynatraceProblemNotification"),
];

#[test]
fn functions_carry_the_names_of_the_tutorial_on_demand() {
    let template = template();
    for (resource, name) in OF_THE_TUTORIAL {
        let names = &template["Resources"][resource]["Properties"]["FunctionName"];
        let names = list(names);
        assert_eq!(names[..2], ["TutorialNames", name], "{resource}");
    }
    // The others came later.
    assert_eq!(functions().len(), OF_THE_TUTORIAL.len() + 2);
    let condition = list(&template["Conditions"]["TutorialNames"]);
    assert_eq!(condition, ["Names", "tutorial"]);
}

#[test]
fn only_what_has_no_resource_is_allowed_everywhere() {
    let template = template();
    let mut everywhere = BTreeSet::new();
    for (resource, statement) in statements(&template) {
        let actions: Vec<&str> = list(&statement["Action"]);
        assert!(
            actions.iter().all(|action| !action.contains('*')),
            "{resource} may do {actions:?}"
        );
        if list(&statement["Resource"]).contains(&"*") {
            everywhere.extend(actions);
        }
    }
    assert_eq!(everywhere, BTreeSet::from(EVERYWHERE));
}

#[test]
fn roles_may_read_the_secrets_that_their_functions_are_given() {
    let template = template();
    for (function, resource) in functions() {
        let role = format!("{resource}Role");
        let granted: BTreeSet<String> = statements(&template)
            .filter(|(of, _)| *of == role)
            .filter(|(_, statement)| {
                let actions = list(&statement["Action"]);
                actions.iter().any(|action| action.starts_with("ssm:"))
            })
            .flat_map(|(_, statement)| list(&statement["Resource"]))
            .map(|secret| {
                let (_, name) = secret.split_once(":parameter${").unwrap();
                // What lies below a list of runbooks is read with it.
                let name = name.strip_suffix("/*").unwrap_or(name);
                name.strip_suffix('}').unwrap().to_owned()
            })
            .collect();
        let variables = environment(&template, &resource);
        let given: BTreeSet<String> = keys(&variables)
            .filter(|name| name.ends_with("_PARAMETER"))
            .filter(|name| (function.as_str(), name.as_str()) != NOT_READ)
            .map(|name| variables[name.as_str()].as_str().unwrap().to_owned())
            .collect();

        assert_eq!(granted, given, "{function}: its role, its environment");
    }
}

#[test]
fn histories_of_flags_are_never_written_again() {
    let template = template();
    let denied: Vec<_> = statements(&template)
        .filter(|(_, statement)| statement["Effect"].as_str() == Some("Deny"))
        .map(|(role, statement)| {
            let keys = &statement["Condition"]["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"];
            (role, list(&statement["Action"]), list(keys))
        })
        .collect();
    let actions = vec!["dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    let histories = vec!["h#*", "log#*", "because#*"];
    assert_eq!(denied, [("ChangeFlagsRole", actions, histories)]);
    let serves = statements(&template).filter(|(role, _)| *role == "ServeFlagsRole");
    let serves = serves.flat_map(|(_, statement)| list(&statement["Action"]));
    let writes: Vec<_> = serves
        .filter(|action| action.starts_with("dynamodb:"))
        .filter(|action| !["dynamodb:BatchGetItem", "dynamodb:Query"].contains(action))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn only_production_may_be_deployed_to_where_its_groups_are_named() {
    let template = template();
    for (role, statement) in statements(&template) {
        let changes = list(&statement["Action"]).into_iter().any(|action| {
            ["CreateDeployment", "UpdateDeploymentGroup"]
                .iter()
                .any(|change| action.ends_with(change))
        });
        let heals = ["HealsSomeGroups", "HealGroupArns", "DeploymentGroupArns"];
        let on = list(&statement["Resource"]);
        assert_eq!(changes, on == heals, "{role}: {statement:?}");
    }
}

#[test]
fn each_route_may_invoke_its_own_function_and_no_other() {
    let template = template();
    let resources = template["Resources"].as_hash().unwrap();
    let of_type = |wanted: &str| {
        let resources = resources.values();
        let wanted = resources.filter(|resource| resource["Type"].as_str() == Some(wanted));
        wanted
            .map(|resource| resource["Properties"].clone())
            .collect::<Vec<_>>()
    };
    let routes = of_type("AWS::ApiGatewayV2::Route");
    let routes = routes.iter().map(|route| {
        let target = route["Target"].as_str().unwrap();
        let integration = target.strip_prefix("integrations/${").unwrap();
        let integration = &template["Resources"][integration.trim_end_matches('}')];
        let function = integration["Properties"]["IntegrationUri"]
            .as_str()
            .unwrap();
        let (method, path) = route["RouteKey"].as_str().unwrap().split_once(' ').unwrap();
        let path = path.replace("{id}", "*");
        let source = format!("${{HttpApi}}/*/{method}{path}");
        (function.trim_end_matches(".Arn").to_owned(), source)
    });
    let permissions = of_type("AWS::Lambda::Permission");
    let permissions = permissions.iter().map(|permission| {
        let function = permission["FunctionName"].as_str().unwrap();
        let source = permission["SourceArn"].as_str().unwrap();
        let (_, source) = source.rsplit_once(':').unwrap();
        (function.to_owned(), source.to_owned())
    });

    assert_eq!(
        permissions.collect::<BTreeSet<_>>(),
        routes.collect::<BTreeSet<_>>()
    );
}

#[test]
fn every_metric_is_on_the_dashboard_and_trouble_rings() {
    let template = template();
    let resources = template["Resources"].as_hash().unwrap();
    let alarms: BTreeSet<&str> = resources
        .values()
        .map(|resource| &resource["Properties"])
        .filter(|properties| properties["Namespace"].as_str() == Some("AWS::StackName"))
        .filter_map(|properties| properties["MetricName"].as_str())
        .collect();
    let dashboard = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"];
    let dashboard = dashboard.as_str().unwrap();
    let counted = metrics();
    assert!(counted.contains("Panicked"), "{counted:?}");

    for metric in &counted {
        let shown = format!(r#"["${{AWS::StackName}}", "{metric}"]"#);
        assert!(dashboard.contains(&shown), "{metric} is on no dashboard");
        let is_trouble = !USUAL.contains(&metric.as_str());
        assert_eq!(alarms.contains(metric.as_str()), is_trouble, "{metric}");
    }
}

#[test]
fn answers_of_the_api_with_5xx_ring() {
    let template = template();
    let alarm = &template["Resources"]["ApiErrorsAlarm"]["Properties"];
    let told = |name: &str| alarm[name].as_str();

    assert_eq!(told("Namespace"), Some("AWS/ApiGateway"));
    assert_eq!(told("MetricName"), Some("5xx"));
    let dimension = &alarm["Dimensions"][0];
    assert_eq!(dimension["Name"].as_str(), Some("ApiId"));
    assert_eq!(dimension["Value"].as_str(), Some("HttpApi"));
    assert_eq!(alarm["Threshold"].as_i64(), Some(0));
    assert_eq!(told("ComparisonOperator"), Some("GreaterThanThreshold"));
    let errors = &template["Resources"]["ChangeFlagsErrorsAlarm"]["Properties"];
    assert_eq!(alarm["AlarmActions"], errors["AlarmActions"]);
}

/// What the functions count: each name is one word of code in capitals.
fn metrics() -> BTreeSet<String> {
    let mut sources = vec![Path::new(ROOT).join("crates/store/src/stuck.rs")];
    let reports = functions().into_keys();
    sources.extend(reports.map(|name| Path::new(ROOT).join("functions").join(name)));
    let mut metrics = BTreeSet::new();
    for source in sources {
        let file = if source.is_dir() {
            source.join("src/report.rs")
        } else {
            source
        };
        let Ok(text) = fs::read_to_string(file) else {
            continue;
        };
        let quoted = text.split('"').skip(1).step_by(2);
        metrics.extend(
            quoted
                .filter(|word| word.starts_with(char::is_uppercase))
                .filter(|word| word.chars().all(char::is_alphabetic))
                .filter(|word| !DIMENSIONS.contains(word))
                .map(str::to_owned),
        );
    }
    metrics
}

#[test]
fn what_a_readme_says_a_function_needs_is_in_its_role() {
    let template = template();
    for (function, resource) in functions() {
        let role = format!("{resource}Role");
        let granted: BTreeSet<String> = statements(&template)
            .filter(|(of, statement)| *of == role && statement["Effect"].as_str() == Some("Allow"))
            .flat_map(|(_, statement)| list(&statement["Action"]))
            .map(str::to_owned)
            // What every function needs is said once, in the template.
            .filter(|action| !action.starts_with("logs:") && !action.starts_with("sqs:"))
            .collect();

        assert_eq!(
            granted,
            needed(&function),
            "{function}: its role, its README"
        );
    }
}

/// The actions in the line `**Needs**`.
fn needed(function: &str) -> BTreeSet<String> {
    let readme = format!("{ROOT}/functions/{function}/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, rest) = readme.split_once("**Needs**").unwrap();
    actions(rest.lines().next().unwrap())
}

/// The actions in code style: a service is named with the first of its actions.
pub(super) fn actions(text: &str) -> BTreeSet<String> {
    let mut service = "";
    let mut actions = BTreeSet::new();
    for quoted in text.split('`').skip(1).step_by(2) {
        let action = match quoted.split_once(':') {
            Some((named, action)) => {
                service = named;
                action
            }
            None => quoted,
        };
        let is_action = action.chars().all(char::is_alphabetic)
            && action.starts_with(char::is_uppercase)
            && action.contains(char::is_lowercase);
        if is_action {
            actions.insert(format!("{service}:{action}"));
        }
    }
    actions
}

/// A row of the README's table of settings.
struct Setting {
    name: String,
    functions: String,
    default: String,
}

impl Setting {
    /// Whether the row is about this function.
    fn is_of(&self, function: &str, functions: &BTreeMap<String, String>) -> bool {
        let (all, named) = match self.functions.strip_prefix("all") {
            None => (false, self.functions.as_str()),
            Some(but) => (true, but.trim_start().strip_prefix("but ").unwrap_or(but)),
        };
        let mut is_named = false;
        for name in named.split([',', ';']).map(str::trim) {
            match name {
                "" => {}
                "the gate's" => {
                    is_named |= ["register-validation", "validate-builds"].contains(&function);
                }
                name => {
                    assert!(functions.contains_key(name), "{}: `{name}`", self.name);
                    is_named |= name == function;
                }
            }
        }
        is_named != all
    }

    fn is_secret(&self) -> bool {
        self.default.ends_with("secret")
    }

    /// The parameter that sets it.
    fn parameter(&self) -> String {
        let words = self.name.split('_').map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_owned() + &rest.to_lowercase()
        });
        let name: String = words.collect();
        if self.is_secret() {
            name + "Parameter"
        } else {
            name
        }
    }

    /// The default in code style; words stand for nothing at all.
    fn default(&self) -> Option<String> {
        if self.default.starts_with("needed") {
            return None;
        }
        let code = self.default.split('`').nth(1);
        Some(code.unwrap_or_default().to_owned())
    }
}

/// The table below `## Settings`.
fn settings() -> Vec<Setting> {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Settings\n").unwrap();
    let rows = section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Setting {
            name: cells[1].trim_matches('`').to_owned(),
            functions: cells[2].to_owned(),
            default: cells[3].to_owned(),
        }
    })
    .collect()
}

/// The default of a setting, as the README gives it.
pub(super) fn default_of(name: &str) -> String {
    let setting = settings().into_iter().find(|setting| setting.name == name);
    setting.and_then(|setting| setting.default()).unwrap()
}

/// The parameter of a setting.
pub(super) fn parameter_of(name: &str) -> String {
    let setting = settings().into_iter().find(|setting| setting.name == name);
    setting.unwrap().parameter()
}

/// The parameters that functions are given as settings.
pub(super) fn settings_given(template: &Yaml) -> BTreeSet<String> {
    let functions = functions().into_values();
    let given = functions.flat_map(|resource| {
        let variables = environment(template, &resource);
        let values = variables.as_hash().unwrap().values();
        values
            .flat_map(|value| {
                list(value)
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    });
    given.collect()
}

pub(super) fn template() -> Yaml {
    let text = fs::read_to_string(Path::new(ROOT).join("infra/template.yaml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// The folder of each function, and its resource in the template.
pub(super) fn functions() -> BTreeMap<String, String> {
    let folders = fs::read_dir(Path::new(ROOT).join("functions")).unwrap();
    folders
        .map(|folder| {
            let name = folder.unwrap().file_name().into_string().unwrap();
            let words = name.split('-').map(|word| {
                let (first, rest) = word.split_at(1);
                first.to_uppercase() + rest
            });
            (name.clone(), words.collect())
        })
        .collect()
}

fn common(template: &Yaml) -> &Yaml {
    &template["Globals"]["Function"]
}

pub(super) fn environment(template: &Yaml, function: &str) -> Yaml {
    let function = &template["Resources"][function];
    assert_eq!(function["Type"].as_str(), Some("AWS::Serverless::Function"));
    function["Properties"]["Environment"]["Variables"].clone()
}

/// Every statement of every role.
pub(super) fn statements(template: &Yaml) -> impl Iterator<Item = (&str, &Yaml)> {
    let resources = template["Resources"].as_hash().unwrap();
    let roles = resources
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::IAM::Role"));
    roles.flat_map(|(name, role)| {
        let policies = role["Properties"]["Policies"].as_vec().unwrap();
        let name = name.as_str().unwrap();
        policies
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_vec().unwrap())
            .map(move |statement| (name, statement))
    })
}

/// A text, or several.
pub(super) fn list(yaml: &Yaml) -> Vec<&str> {
    match yaml.as_vec() {
        Some(several) => several.iter().filter_map(Yaml::as_str).collect(),
        None => yaml.as_str().into_iter().collect(),
    }
}

fn keys(yaml: &Yaml) -> impl Iterator<Item = String> {
    let names = yaml.as_hash().unwrap().keys();
    names.map(|name| name.as_str().unwrap().to_owned())
}

fn scalar(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What keys, index and time to live say, in an order of its own.
type Described = (
    Vec<(String, String)>,
    Vec<(String, String)>,
    Option<(String, Vec<(String, String)>)>,
    Option<String>,
);

fn described(table: Table) -> Described {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let keys = |hash, range| vec![pair(hash, "HASH"), pair(range, "RANGE")];
    let mut attributes = vec![pair(table.partition_key, "S"), pair(table.sort_key, "S")];
    if let Some(index) = table.index {
        attributes.push(pair(index.partition_key, "S"));
        attributes.push(pair(index.sort_key, "N"));
    }
    let index = table.index.map(|index| {
        let name = format!("{} KEYS_ONLY", index.name);
        (name, keys(index.partition_key, index.sort_key))
    });
    (
        attributes,
        keys(table.partition_key, table.sort_key),
        index,
        table.time_to_live.map(str::to_owned),
    )
}

fn read_table(name: &str, declared: &Yaml) -> Option<Described> {
    let pairs = |yaml: &Yaml, value| -> Option<Vec<(String, String)>> {
        let pairs = yaml.as_vec()?.iter();
        pairs
            .map(|pair| Some((scalar(&pair["AttributeName"])?, scalar(&pair[value])?)))
            .collect()
    };
    let index = match declared["GlobalSecondaryIndexes"].as_vec() {
        None => None,
        Some(indexes) => {
            assert_eq!(indexes.len(), 1, "{name} has one index");
            let index = &indexes[0];
            let projected = scalar(&index["Projection"]["ProjectionType"])?;
            let named = format!("{} {projected}", scalar(&index["IndexName"])?);
            Some((named, pairs(&index["KeySchema"], "KeyType")?))
        }
    };
    Some((
        pairs(&declared["AttributeDefinitions"], "AttributeType")?,
        pairs(&declared["KeySchema"], "KeyType")?,
        index,
        scalar(&declared["TimeToLiveSpecification"]["AttributeName"]),
    ))
}
