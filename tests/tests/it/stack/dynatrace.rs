//! What `infra/dynatrace/render` makes of a monspec is what the functions need.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fake_dynatrace::{Announced, Template, TestRun, Webhook};
use lab::world::{HANDLE_PROBLEM, PRODUCTION, Settings, World};
use lambda_host::front::Front;
use serde_json::{Value, json};
use workflows::push_deployment_event::GroupTag;

use super::template::{ROOT, default_of};

const URL: &str = "https://abc123.execute-api.eu-central-1.amazonaws.com/problems";
const SECRET: &str = "a-secret-that-nobody-may-see";

/// The placeholder of a tag for the variable that CodeDeploy's scripts set.
const VARIABLE: &str = "{ProcessGroup:Environment:DEPLOYMENT_GROUP_NAME}";

#[tokio::test]
async fn notification_as_rendered_is_taken_in() {
    let rendered = Rendered::of("taken-in", &[]);
    let hook = &rendered.value("problem-notification")["webHookNotification"];
    let [header] = hook["headers"].as_array().unwrap().as_slice() else {
        panic!("{hook}");
    };
    let world = World::start(Settings::default()).await.unwrap();
    let front = Front::bind().await.unwrap();
    let payload = hook["payload"].as_str().unwrap();
    let webhook = Webhook::new(front.url())
        .header(
            header["name"].as_str().unwrap(),
            world.settings().webhook_token(),
        )
        .template(Template::Own(payload.to_owned()));
    let _door = front.open(world.another(HANDLE_PROBLEM).await.unwrap());
    let problem = world.tenant.problem("Failure rate \"increase\"");
    let problem = problem.impacts(PRODUCTION).open();

    let run = TestRun::Documented;
    let test = world.tenant.test_notification(&webhook, run).await.unwrap();
    let told = problem.notify(&webhook, Announced::Open).await.unwrap();

    let state: Value = serde_json::from_str(&test.body).unwrap();
    assert_eq!((test.status, &state["state"]), (200, &json!("test")));
    assert_eq!(told.status, 200, "{}", told.body);
    let stored = world
        .remediations()
        .problem(problem.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.impacted, [PRODUCTION]);
    assert_eq!(stored.display_id, Some(problem.display_id()));
    assert_eq!(stored.title.as_deref(), Some("Failure rate \"increase\""));
    assert_eq!(hook["url"], URL);
    assert_eq!(hook["notifyClosedProblems"], true);
}

#[test]
fn tag_and_profile_are_those_that_the_functions_look_for() {
    let rendered = Rendered::of("tag", &[]);
    let tag = rendered.value("deployment-group-tag");
    let heal_tag = default_of("HEAL_TAG");

    let name = tag["name"].as_str().unwrap();
    assert_eq!(name.parse::<GroupTag>(), Ok(GroupTag::default()));
    let [rule] = tag["rules"].as_array().unwrap().as_slice() else {
        panic!("{tag}");
    };
    let format = rule["valueFormat"].as_str().unwrap();
    assert_eq!(
        format!("{name}:{}", format.replace(VARIABLE, "Production")),
        heal_tag
    );
    let condition = &rule["attributeRule"]["conditions"][0];
    assert!(VARIABLE.contains(condition["dynamicKey"].as_str().unwrap()));

    let profile = rendered.value("alerting-profile");
    for severity in profile["severityRules"].as_array().unwrap() {
        assert_eq!(severity["tagFilter"], json!([heal_tag]));
        assert_eq!(severity["delayInMinutes"], 0);
    }
}

#[test]
fn instances_tagged_in_aws_give_the_tags_of_the_environments() {
    let rendered = Rendered::of("aws", &["--aws-tag", "Stage"]);
    let tag = rendered.value("deployment-group-tag");
    let key = tag["name"].as_str().unwrap();
    let made: BTreeSet<String> = tag["rules"].as_array().unwrap()[1..]
        .iter()
        .map(|rule| {
            let value = rule["valueFormat"].as_str().unwrap();
            let condition = &rule["attributeRule"]["conditions"][0];
            assert_eq!(condition["tag"], format!("[AWS]Stage:{value}"));
            format!("{key}:{value}")
        })
        .collect();

    assert_eq!(made, rendered.tags());
}

#[test]
fn key_requests_are_the_methods_of_the_monspec() {
    let services = ["SERVICE-00000000000000A1", "SERVICE-00000000000000B1"];
    let given = services.map(|service| format!("--service=Shop={service}"));
    let rendered = Rendered::of("key-requests", &given.each_ref().map(String::as_str));

    let methods: BTreeSet<String> = rendered.methods().into_values().flatten().collect();
    assert_eq!(methods.len(), 2);
    for service in services {
        let (kind, value) = rendered.config(&format!("key-requests-{service}"));
        let names: BTreeSet<String> =
            serde_json::from_value(value["keyRequestNames"].clone()).unwrap();
        assert_eq!(names, methods);
        assert_eq!(kind["settings"]["scope"], service);
    }
    for method in methods {
        assert!(rendered.checklist.contains(&format!("`{method}`")));
    }
    let refused = render(
        &rendered.folder,
        &["--service=Cart=SERVICE-00000000000000A1"],
    );
    assert!(!refused.status.success(), "there is no entry Cart");
}

#[test]
fn log_line_is_a_problem_or_an_event_by_choice() {
    let kinds = |given: &[&str], name: &str| -> BTreeMap<String, String> {
        let rendered = Rendered::of(name, given);
        let rules = rendered.configs().into_keys().filter_map(|id| {
            let value = rendered.value(&id);
            let template = value.get("eventTemplate")?;
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            Some((text(&value["query"]), text(&template["eventType"])))
        });
        rules.collect()
    };
    let rule = |phrase: &str, kind: &str| {
        (
            format!("matchesPhrase(content, \"{phrase}\")"),
            kind.to_owned(),
        )
    };

    assert_eq!(kinds(&[], "log"), BTreeMap::from([rule("SEVERE", "ERROR")]));
    assert_eq!(
        kinds(&["--log-event=SEVERE"], "log-event"),
        BTreeMap::from([rule("SEVERE", "INFO")])
    );
    assert_eq!(
        kinds(&["--log-problem=FATAL", "--log-event=WARNING"], "log-both"),
        BTreeMap::from([rule("FATAL", "ERROR"), rule("WARNING", "INFO")])
    );
}

#[test]
fn project_is_whole_and_holds_no_secret() {
    let rendered = Rendered::of("whole", &["--service=Shop=SERVICE-00000000000000A1"]);
    let configs = rendered.configs();
    for (id, config) in &configs {
        let file = config["config"]["template"].as_str().unwrap();
        let template = fs::read_to_string(rendered.project().join(file)).unwrap();
        assert!(!template.contains(SECRET), "{id}");
        let used: BTreeSet<&str> = template
            .split("{{ .")
            .skip(1)
            .map(|rest| rest.split(" }}").next().unwrap())
            .filter(|name| *name != "name")
            .collect();
        let parameters = config["config"]["parameters"].as_object().unwrap();
        assert_eq!(
            used,
            parameters.keys().map(String::as_str).collect(),
            "{id}"
        );
        for parameter in parameters.values().filter(|p| p["type"] == "reference") {
            let other = parameter["configId"].as_str().unwrap();
            let schema = &configs[other]["type"]["settings"]["schema"];
            assert_eq!(*schema, parameter["configType"], "{id}");
        }
    }
    let secret = &configs["problem-notification"]["config"]["parameters"]["token"];
    assert_eq!(
        *secret,
        json!({"type": "environment", "name": "WEBHOOK_TOKEN"})
    );
    assert!(!rendered.checklist.contains(SECRET));
    let manifest = read(&rendered.folder.join("manifest.yaml"));
    assert_eq!(manifest["projects"][0]["name"], "unbreakable");
    assert!(!manifest.to_string().contains(SECRET));
}

#[test]
fn what_is_no_monspec_and_no_folder_is_said_in_a_sentence() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dynatrace-refused");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let write = |spec: &Value| fs::write(folder.join("monspec.json"), spec.to_string()).unwrap();
    let refused = |given: &[&str]| {
        let told = render(&folder, given);
        let errors = String::from_utf8(told.stderr).unwrap();
        assert!(!told.status.success());
        assert!(!errors.contains("Traceback"), "{errors}");
        errors
    };

    let mut numbered = monspec();
    numbered["Shop"]["environments"]["Staging"]["tags"][0]["value"] = json!(5);
    write(&numbered);
    let said = refused(&[]);
    assert!(said.contains("is not a monspec"), "{said}");

    let services = ["--service=Shop=SERVICE-00000000000000A1"];
    for method in ["{{ .nope }}", "{{ .name }}", "/a/{{ .token }}"] {
        let mut templated = monspec();
        templated["Shop"]["servicemethods"][0]["name"] = json!(method);
        write(&templated);
        let said = refused(&services);
        assert!(said.contains(&format!("`{method}`")), "{said}");
    }

    write(&monspec());
    let file = folder.join("monspec.json");
    let said = refused(&["--out", file.to_str().unwrap()]);
    assert!(said.contains("cannot be written"), "{said}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left");
}

#[test]
fn only_what_the_command_wrote_is_deleted_and_overwritten() {
    let services = ["--service=Shop=SERVICE-00000000000000A1"];
    let rendered = Rendered::of("again", &services);
    let stale = rendered
        .project()
        .join("key-requests-SERVICE-00000000000000A1.json");
    assert!(stale.exists());
    let own = rendered.project().join("mine.json");
    fs::write(&own, "{}").unwrap();

    Rendered::of("again", &[]);
    assert!(!stale.exists());
    assert!(own.exists());

    for file in [
        "manifest.yaml",
        "unbreakable/config.yaml",
        "unbreakable/service-names.json",
    ] {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dynatrace-foreign");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("unbreakable")).unwrap();
        fs::write(folder.join("monspec.json"), monspec().to_string()).unwrap();
        fs::write(folder.join(file), "somebody: else\n").unwrap();

        let told = render(&folder, &[]);

        assert!(!told.status.success(), "{file}");
        let kept = fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(kept, "somebody: else\n");
    }
}

/// What the command wrote.
struct Rendered {
    folder: PathBuf,
    checklist: String,
}

impl Rendered {
    fn of(name: &str, given: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dynatrace-{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("monspec.json"), monspec().to_string()).unwrap();
        let told = render(&folder, given);
        let errors = String::from_utf8(told.stderr).unwrap();
        assert!(told.status.success(), "{errors}");
        Self {
            folder,
            checklist: String::from_utf8(told.stdout).unwrap(),
        }
    }

    fn project(&self) -> PathBuf {
        self.folder.join("unbreakable")
    }

    fn configs(&self) -> BTreeMap<String, Value> {
        let listed = read(&self.project().join("config.yaml"));
        let configs = listed["configs"].as_array().unwrap().iter();
        configs
            .map(|config| (config["id"].as_str().unwrap().to_owned(), config.clone()))
            .collect()
    }

    /// What Monaco is told of a configuration, and what the tenant gets.
    fn config(&self, id: &str) -> (Value, Value) {
        let config = &self.configs()[id];
        let file = config["config"]["template"].as_str().unwrap();
        (config["type"].clone(), read(&self.project().join(file)))
    }

    fn value(&self, id: &str) -> Value {
        self.config(id).1
    }

    fn spec(&self) -> monspec::Monspec {
        let source = fs::read_to_string(self.folder.join("monspec.json")).unwrap();
        monspec::read(&source, |_| None).spec.unwrap()
    }

    fn methods(&self) -> BTreeMap<String, Vec<String>> {
        let entries = self.spec().entries.into_iter();
        entries
            .map(|entry| {
                let names = entry.methods.into_iter().map(|method| method.name);
                (entry.id, names.collect())
            })
            .collect()
    }

    /// The tags that select the entities of all environments.
    fn tags(&self) -> BTreeSet<String> {
        let entries = self.spec().entries.into_iter();
        let environments = entries.flat_map(|entry| entry.environments.into_values());
        environments
            .flat_map(|environment| environment.tags)
            .map(|tag| tag.to_string())
            .collect()
    }
}

fn render(folder: &Path, given: &[&str]) -> Output {
    Command::new("python3")
        .arg(Path::new(ROOT).join("infra/dynatrace/render"))
        .arg("--monspec")
        .arg(folder.join("monspec.json"))
        .arg("--out")
        .arg(folder)
        .args(["--webhook-url", URL])
        .args(given)
        .env("WEBHOOK_TOKEN", SECRET)
        .output()
        .unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn monspec() -> Value {
    let tagged = |value: &str| json!({"tags": [{"key": "DeploymentGroup", "value": value}]});
    let signature = |metric: &str| {
        let id = format!("com.dynatrace.builtin:{metric}.responsetime");
        json!([{"timeseries": id, "aggregate": "avg"}])
    };
    json!({
        "_comment": "Names of methods may hold anything.",
        "Shop": {
            "etype": "SERVICE",
            "environments": {"Staging": tagged("Staging"), "Production": tagged("Production")},
            "comparisons": [{
                "name": "StagingToProduction", "source": "Staging", "compare": "Production",
                "whenInconclusive": "hold", "missingBaseline": "firstRelease",
            }],
            "perfsignature": signature("service"),
            "servicemethods": [
                {"name": "/api/invoke", "perfsignature": signature("servicemethod")},
                {"name": "/api/items/{id} \"all\"", "perfsignature": signature("servicemethod")},
            ],
        },
    })
}
