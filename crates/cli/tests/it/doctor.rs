use std::collections::BTreeMap;

use fake_aws::pipeline::{PipelineSpec, Stage};
use fake_aws::ssm::Kind;
use fake_aws::{ACCESS_KEY, REGION, SECRET_KEY};
use fake_controller::{Controller, JobTemplate, Prompts, Scope};
use fake_dynatrace::{Fault, GoneAs, Requests, Times};
use jiff::{SignedDuration, Timestamp};
use lab::world::{
    CHANGE_FLAGS, HANDLE_PROBLEM, PIPELINE, PRODUCTION, REGISTER, STAGING, Settings, Traffic,
    VALIDATE, World, answer, scheduled,
};
use lambda_host::front::{Front, Open};
use serde_json::{Value, json};
use store::tables;

use crate::{Ran, monspec_in};

const METHOD: &str = "SERVICE_METHOD-00000000000000A1";
const COMPARED: &str = "SERVICE_METHOD-00000000000000B1";
const FLAGS: &str = r#"{ "flags": { "cacheEnabled": {
    "type": "boolean", "default": true,
    "touches": { "etype": "SERVICE", "tags": [{ "key": "DeploymentGroup", "value": "Production" }] }
} } }"#;
const GATE: &str = "StagingToProduction,5,ApproveStaging";

/// The functions as they are deployed, with a gate, traffic, a webhook, and
/// schedules that ran.
struct Installed {
    world: World,
    front: Open,
    settings: BTreeMap<String, String>,
    spec: Value,
}

impl Installed {
    async fn start() -> Self {
        let world = World::start(Settings::default())
            .await
            .expect("loopback has a free port");
        for (id, environment, method) in [
            (STAGING, "Staging", METHOD),
            (PRODUCTION, "Production", COMPARED),
        ] {
            let service = world.tenant.service(id, "SampleJSonService");
            let service = service.tag("DeploymentGroup", environment);
            service.method(method, "/api/invoke").add();
        }
        world.gate(
            &json!({"comparison": "StagingToProduction", "approvalAction": "ApproveStaging"}),
        );
        world.traffic(Traffic::HEALTHY, Traffic::HEALTHY);
        let now = clock().as_millisecond();
        for (service, method) in [(STAGING, METHOD), (PRODUCTION, COMPARED)] {
            let requests = Requests::over(now - 60_000, now, 100, 100_000.0);
            world.tenant.requests(service, Some(method), requests);
        }

        let front = Front::bind().await.expect("loopback has a free port");
        let healer = world.another(HANDLE_PROBLEM).await;
        let front = front.open(healer.expect("it starts"));
        let ticked = world.tick().await.expect("it runs");
        answer(VALIDATE, ticked).expect("it ticks");
        let ticked = front.function().invoke(scheduled()).await;
        answer(HANDLE_PROBLEM, ticked.expect("it runs")).expect("it ticks");

        let changer = world.another(CHANGE_FLAGS).await.expect("it starts");
        let ticked = changer.invoke(scheduled()).await.expect("it runs");
        answer(CHANGE_FLAGS, ticked).expect("it ticks");
        let declared = flags::read(FLAGS).declarations.expect("the file is good");
        let declared = world.flags().declare("prod", &declared, None).await;
        declared.expect("the world is as it was made");

        let variables = |function| world.environment(function).expect("it is described");
        let mut settings = variables(VALIDATE);
        settings.extend(variables(HANDLE_PROBLEM));
        settings.extend(variables(CHANGE_FLAGS));
        let account = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ];
        settings.extend(account.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self {
            world,
            front,
            settings,
            spec: spec(),
        }
    }

    /// Examines it with other settings, another pipeline or another monspec.
    fn examine(&self, changed: &[(&str, &str)], pipeline: &str, spec: &Value) -> Told {
        let named = ["--pipeline", pipeline, "--webhook", self.front.url()];
        let arguments = [&["--json", "--monspec", "-"], &named[..]].concat();
        self.run(changed, &arguments, spec)
    }

    /// Examines it with more arguments.
    fn more(&self, arguments: &[&str]) -> Told {
        let named = ["--pipeline", PIPELINE, "--webhook", self.front.url()];
        let usual = [&["--json", "--monspec", "-"], &named[..]].concat();
        self.run(&[], &[&usual, arguments].concat(), &self.spec)
    }

    fn with(&self, changed: &[(&str, &str)]) -> Told {
        self.examine(changed, PIPELINE, &self.spec)
    }

    fn run(&self, changed: &[(&str, &str)], arguments: &[&str], spec: &Value) -> Told {
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<_> = settings.chain(changed.iter().copied()).collect();
        let arguments = [&["doctor"], arguments].concat();
        let Ran { code, out, err } = monspec_in(&settings, &arguments, &spec.to_string());
        assert_eq!(err, "", "{out}");
        for secret in [
            self.world.tenant.token(),
            self.world.settings().report_keys(),
            self.world.settings().webhook_token(),
            self.world.settings().hook_secret(),
        ] {
            assert!(!out.contains(secret), "a secret is shown: {out}");
        }
        Told { code, out }
    }

    /// A pipeline whose registering action has a stage of its own, behind the
    /// deployment to this group.
    fn pipeline(&self, name: &str, group: &str, parameters: &str) {
        let gate = Stage::new("Gate");
        let gate = gate.lambda("Register", REGISTER, parameters, 1, Some("Monspec"));
        let deployed = Stage::new("Deploy").deploy("Deploy", "SampleDevOpsApp", group, 1);
        let pipeline = PipelineSpec::new(name).stage(deployed).stage(gate);
        let pipeline = pipeline.stage(Stage::new("Approve").approval("ApproveStaging"));
        self.world.aws.pipelines().create(pipeline);
    }
}

struct Told {
    code: i32,
    out: String,
}

impl Told {
    fn checks(&self) -> Vec<Value> {
        let told: Value = serde_json::from_str(&self.out).expect("it is JSON");
        told["checks"].as_array().expect("it is a list").clone()
    }

    /// These checks, and no others, found something that fails.
    fn fails(&self, checks: &[&str], words: &str) {
        let bad = self.checks();
        let bad: Vec<&Value> = bad.iter().filter(|one| one["state"] != "ok").collect();
        let of =
            |one: &&Value| checks.contains(&one["check"].as_str().expect("a check has a name"));
        assert!(
            !bad.is_empty() && bad.iter().all(of),
            "{words}: {}",
            self.out
        );
        let said = |one: &&Value| one["state"] == "fail" && one.to_string().contains(words);
        assert!(bad.iter().any(said), "{words}: {}", self.out);
        assert!(bad.iter().all(|one| one["fix"].is_string()), "{}", self.out);
        assert_eq!(self.code, 1, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_is_found_by_the_key_of_its_tag_alone() {
    let installed = Installed::start().await;

    let checks = installed.with(&[("HEAL_TAG", "DeploymentGroup")]).checks();

    let of_tag = |one: &&Value| one["subject"] == "HEAL_TAG DeploymentGroup:*";
    let found = checks.iter().find(of_tag).expect("the tag is checked");
    assert_eq!(found["state"], "ok", "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_installation_is_ok_in_every_check() {
    let installed = Installed::start().await;

    let told = installed.with(&[]);

    let checks = told.checks();
    for one in &checks {
        assert_eq!(one["state"], "ok", "{one}");
    }
    for check in [
        "scope",
        "api",
        "entities",
        "metric",
        "key request",
        "pipeline",
        "group",
        "table",
        "schedule",
        "secret",
        "webhook",
        "flags",
        "runbook",
        "clock",
    ] {
        assert!(checks.iter().any(|one| one["check"] == check), "{check}");
    }
    assert_eq!(told.code, 0);

    let bare = installed.run(&[], &[], &Value::Null);
    assert_eq!(bare.code, 2, "{}", bare.out);
    assert!(bare.out.contains("gap   pipeline"), "{}", bare.out);
    assert!(
        bare.out.contains("help: name the monspec with --monspec"),
        "{}",
        bare.out
    );
    assert!(
        bare.out
            .ends_with(" ok, 0 warnings, 4 not checked, 0 failed\n"),
        "{}",
        bare.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_looked_at_is_no_success() {
    let installed = Installed::start().await;
    let gaps = |told: Told| {
        assert_eq!(told.code, 2, "{}", told.out);
        let told = told.checks().into_iter();
        let mut gaps: Vec<Value> = told.filter(|one| one["state"] != "ok").collect();
        assert!(gaps.iter().all(|one| one["state"] == "gap"), "{gaps:?}");
        gaps.iter_mut()
            .map(|gap| gap["check"].take())
            .collect::<Vec<_>>()
    };

    for setting in [
        "VALIDATIONS_TABLE",
        "LEDGER_TABLE",
        "REMEDIATIONS_TABLE",
        "FLAGS_TABLE",
    ] {
        let gaps = gaps(installed.with(&[(setting, "")]));
        assert!(gaps.contains(&json!("table")), "{setting}: {gaps:?}");
    }
    let given = [
        ("REPORT_KEYS_PARAMETER", ""),
        ("REPORT_KEYS", installed.world.settings().report_keys()),
    ];
    assert_eq!(gaps(installed.with(&given)), ["secret"]);

    // A failure weighs more.
    let both = [("VALIDATIONS_TABLE", ""), ("LEDGER_TABLE", "lost")];
    assert_eq!(installed.with(&both).code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_pipeline_is_told() {
    let installed = Installed::start().await;
    installed.pipeline(
        "Renamed",
        "Staging",
        "StagingToProduction,5,ApproveProduction",
    );
    installed.pipeline("Missing", "Staging", "StagingToNowhere,5,ApproveStaging");
    installed.pipeline("Elsewhere", "Blue", GATE);
    let none = PipelineSpec::new("None").stage(Stage::new("Approve").approval("ApproveStaging"));
    installed.world.aws.pipelines().create(none);
    let early = Stage::new("Staging").approval("ApproveStaging");
    let early = early.lambda("Register", REGISTER, GATE, 2, Some("Monspec"));
    installed
        .world
        .aws
        .pipelines()
        .create(PipelineSpec::new("Early").stage(early));

    for (pipeline, checks, words) in [
        (
            "Renamed",
            &["pipeline"][..],
            "has no action `ApproveProduction`; its approval actions are `ApproveStaging`",
        ),
        ("Missing", &["pipeline"], "no comparison `StagingToNowhere`"),
        ("Elsewhere", &["group"], "no deployment group is behind it"),
        ("None", &["pipeline"], "no action registers a validation"),
        (
            "Early",
            &["pipeline"],
            "the approval `ApproveStaging` comes before it",
        ),
        ("Nobody", &["pipeline"], "it does not exist"),
    ] {
        installed
            .examine(&[], pipeline, &installed.spec)
            .fails(checks, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_monspec_is_told() {
    let installed = Installed::start().await;
    let now = clock().as_millisecond();
    installed
        .world
        .tenant
        .gauge(PRODUCTION, "custom.queue", now - 60_000, 1.0);
    let mut nowhere = spec();
    nowhere["Shop"]["environments"]["Nowhere"] = json!({"tags": [{"key": "a", "value": "b"}]});
    let mut silent = spec();
    let signature = json!({"selector": "custom.queue", "aggregate": "avg", "upperlimit": 5});
    silent["Shop"]["perfsignature"]
        .as_array_mut()
        .expect("the world is as it was made")
        .push(signature);

    installed
        .examine(&[], PIPELINE, &nowhere)
        .fails(&["entities"], "no entity had it");
    installed
        .examine(&[], PIPELINE, &silent)
        .fails(&["metric"], "no data");

    let tenant = &installed.world.tenant;
    let service = tenant
        .service(STAGING, "SampleJSonService")
        .tag("DeploymentGroup", "Staging");
    service.unmarked_method(METHOD, "/api/invoke").add();
    installed
        .with(&[])
        .fails(&["key request"], "mark `/api/invoke` as a key request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_flags_is_told() {
    let installed = Installed::start().await;
    let flags = installed.world.flags();
    let nothing = installed.with(&[("FLAG_SET", "test")]);
    assert_eq!(nothing.code, 0, "{}", nothing.out);
    assert!(
        nothing.out.contains("monspec flags apply"),
        "{}",
        nothing.out
    );
    let key = |id: &str, expires| flags::key::Key {
        id: id.to_owned(),
        name: "checkout".to_owned(),
        holder: flags::key::KeyHolder::Machine,
        secrets: Vec::new(),
        scopes: vec!["read:prod".parse().expect("it is a scope")],
        expires,
    };
    for (id, expires) in [("good", None), ("old", Some(clock()))] {
        let put = flags.put_key(&key(id, expires)).await;
        put.expect("the world is as it was made");
    }
    let named = |id| installed.more(&["--flag-key", id]);
    let good = named("good");
    assert_eq!(good.code, 0, "{}", good.out);
    assert!(good.out.contains("for read:prod/*"), "{}", good.out);
    named("old").fails(&["key"], "it ended at");
    named("nobody").fails(&["key"], "there is no such key");

    let file = FLAGS.replace("Production", "Nowhere");
    let declared = flags::read(&file).declarations.expect("the file is good");
    let set = flags.set("prod").await.expect("it is there");
    let declared = flags.declare("prod", &declared, set.as_ref()).await;
    declared.expect("the world is as it was made");
    installed
        .with(&[])
        .fails(&["flags"], "so events of flags wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn baseline_without_data_is_a_warning() {
    let installed = Installed::start().await;
    let canary = installed
        .world
        .tenant
        .service("SERVICE-00000000000000C1", "SampleJSonService");
    canary.tag("DeploymentGroup", "Canary").add();
    let mut silent = spec();
    let shop = &mut silent["Shop"];
    shop["environments"]["Canary"] =
        json!({"tags": [{"key": "DeploymentGroup", "value": "Canary"}]});
    shop["comparisons"][0]["compare"] = "Canary".into();
    // A limit of its own needs no baseline.
    let fixed = json!({"timeseries": "com.dynatrace.builtin:service.failurerate",
        "aggregate": "avg", "upperlimit": 50});
    let signatures = shop["perfsignature"].as_array_mut();
    signatures.expect("the world is as it was made").push(fixed);

    let told = installed.examine(&[], PIPELINE, &silent);

    let warned = told.checks().into_iter();
    let warned: Vec<Value> = warned.filter(|one| one["state"] != "ok").collect();
    let of = |check: &str| {
        let found = warned.iter().filter(|one| one["check"] == check);
        found.collect::<Vec<_>>()
    };
    let (metrics, methods) = (of("metric"), of("key request"));
    assert_eq!((metrics.len(), methods.len()), (1, 1), "{}", told.out);
    for one in [metrics[0], methods[0]] {
        assert_eq!(one["state"], "warn", "{one}");
        assert!(
            one.to_string()
                .contains("builds compared with it are inconclusive"),
            "{one}"
        );
        assert!(one["subject"].to_string().contains("in Canary"), "{one}");
    }
    assert_eq!(
        told.code, 0,
        "a warning may be meant like that: {}",
        told.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_tenant_is_told() {
    let installed = Installed::start().await;
    let tenant = &installed.world.tenant;

    tenant.fail(
        Fault::MissingScope("events.read".into()),
        Times::Always,
        "/",
    );
    installed
        .with(&[])
        .fails(&["scope"], "give the token `events.read`");
    // A token that may not be looked up is tried.
    tenant.fail(Fault::NotJson200, Times::Always, "POST /api/v2/apiTokens");
    let tried = installed.with(&[]);
    tried.fails(&["scope"], "give the token `events.read`");
    let lost = tried
        .checks()
        .into_iter()
        .filter(|one| one["state"] != "ok");
    let lost: Vec<String> = lost.map(|one| one["subject"].to_string()).collect();
    assert_eq!(lost, ["\"events.ingest\"", "\"events.read\""]);
    tenant.clear_faults();

    tenant.fail(Fault::Gone(GoneAs::Gone), Times::Always, "/api/v1");
    let wrong = installed.with(&[("DT_API", "v1")]);
    wrong.fails(
        &["api", "entities", "metric", "key request", "flags"],
        "deploy again with DtApi=v2",
    );
    tenant.clear_faults();

    tenant.set_now(clock().as_millisecond() + 120_000);
    installed
        .with(&[])
        .fails(&["clock"], "seconds from the clock of this machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_account_is_told() {
    let installed = Installed::start().await;
    let World { dynamo, aws, .. } = &installed.world;
    let client = dynamo.client();
    for (shape, name) in [(tables::LEDGER, "flat"), (tables::VALIDATIONS, "fresh")] {
        tables::create(&client, shape, name)
            .await
            .expect("the world is as it was made");
    }

    installed
        .with(&[("LEDGER_TABLE", "lost")])
        .fails(&["table"], "it does not exist");
    installed
        .with(&[("VALIDATIONS_TABLE", "flat")])
        .fails(&["table", "schedule"], "it has no index `due`");
    installed
        .with(&[("VALIDATIONS_TABLE", "fresh")])
        .fails(&["schedule"], "it never ran");
    let long_ago = clock() - SignedDuration::from_mins(20);
    let remediations = installed.world.remediations();
    remediations
        .queue()
        .beat(long_ago)
        .await
        .expect("the world is as it was made");
    installed
        .with(&[])
        .fails(&["schedule"], "20 minutes ago, with rate(1 minute)");
    let slower = |schedule| installed.more(&["--schedule", schedule]);
    assert_eq!(slower("rate(15 minutes)").code, 0);
    slower("rate(5 minutes)").fails(&["schedule"], "20 minutes ago, with rate(5 minutes)");
    let unknown = slower("cron(0/15 * * * ? *)");
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    assert!(
        unknown.out.contains("give its longest gap"),
        "{}",
        unknown.out
    );
    remediations
        .queue()
        .beat(clock())
        .await
        .expect("the world is as it was made");

    aws.ssm().put(
        "/other",
        Kind::SecureString,
        "another-secret-of-the-webhook",
    );
    installed
        .with(&[("WEBHOOK_TOKEN_PARAMETER", "/other")])
        .fails(&["webhook"], "it refused the secret");
    aws.ssm().put("/short", Kind::SecureString, "short");
    installed
        .with(&[("WEBHOOK_TOKEN_PARAMETER", "/short")])
        .fails(&["secret", "webhook"], "can be guessed");
    installed.with(&[("REPORT_KEYS_PARAMETER", "/lost")]).fails(
        &["secret"],
        "`/lost` that REPORT_KEYS_PARAMETER names does not exist",
    );
    let keys = installed.world.settings().report_keys();
    aws.ssm().put(
        &installed.settings["REPORT_KEYS_PARAMETER"],
        Kind::String,
        keys,
    );
    installed
        .with(&[])
        .fails(&["secret"], "it is stored in plain text");
}

fn spec() -> Value {
    let environment = |name: &str| json!({"tags": [{"key": "DeploymentGroup", "value": name}]});
    let response = "com.dynatrace.builtin:service.responsetime";
    json!({"Shop": {
        "etype": "SERVICE",
        "environments": {"Staging": environment("Staging"), "Production": environment("Production")},
        "comparisons": [{"name": "StagingToProduction", "source": "Staging", "compare": "Production"}],
        "perfsignature": [{"timeseries": response, "aggregate": "avg"}],
        "servicemethods": [{"name": "/api/invoke", "perfsignature": [
            {"timeseries": "com.dynatrace.builtin:servicemethod.responsetime", "aggregate": "avg"}
        ]}]
    }})
}

#[expect(
    clippy::disallowed_methods,
    reason = "the functions run in real time, and so do these stories"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}

type Change = fn(&mut JobTemplate);

/// A controller with a template that does all that the list asks for.
struct Listed {
    fake: Controller,
    template: u64,
    token: String,
    list: Value,
}

impl Listed {
    async fn start(installed: &Installed) -> Self {
        let fake = Controller::start().await.expect("loopback has a free port");
        fake.user("ub", "hunter2");
        let template = fake.job_template(JobTemplate {
            prompts: Prompts {
                variables: true,
                limit: true,
                job_type: true,
            },
            ..JobTemplate::default()
        });
        fake.permit("ub", template);
        let token = fake.token("ub", Scope::Write);
        let ssm = installed.world.aws.ssm();
        ssm.put("/ub/awx", Kind::SecureString, &token);
        let list = json!({
            "controllers": {"awx": {"base": fake.base(), "auth": "bearer", "secret": "/ub/awx"}},
            "runbooks": {"stop": {
                "on": "awx",
                "template": template,
                "name": "stop-campaign",
                "playbook": "stop.yml",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible Tower"]},
                "vars": {"promotion_rate": {"const": "0"}},
                "limit": "web-1",
                "check": "before",
            }},
        });
        Self {
            fake,
            template,
            token,
            list,
        }
    }

    fn examined(&self, installed: &Installed) -> Told {
        let told = installed.with(&[("HEAL_RUNBOOKS", &self.list.to_string())]);
        assert!(!told.out.contains(&self.token), "{}", told.out);
        assert_eq!(self.fake.count("POST", ""), 0, "nothing is launched");
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runbooks_are_held_to_what_their_templates_do() {
    let installed = Installed::start().await;
    let mut listed = Listed::start(&installed).await;

    let told = listed.examined(&installed);
    assert_eq!(told.code, 0, "{}", told.out);
    let checks = told.checks();
    let said: Vec<&Value> = checks
        .iter()
        .filter(|one| one["check"] == "runbook")
        .map(|one| &one["said"])
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].to_string().contains("takes us for ub"), "{said:?}");
    let fits = format!(
        "template {} on awx does what it needs; its mode is shadow",
        listed.template
    );
    assert_eq!(said[1], &json!(fits));

    let changes: [(Change, &str); 5] = [
        (|it| it.name = "drop-all".to_owned(), "is called `drop-all`"),
        (
            |it| it.playbook = "all.yml".to_owned(),
            "runs playbook `all.yml`",
        ),
        (|it| it.prompts.limit = false, "does not prompt for a limit"),
        (
            |it| it.prompts.job_type = false,
            "does not prompt for its job type",
        ),
        (
            |it| it.passwords = vec!["ssh_password".to_owned()],
            "asks for a password (ssh_password)",
        ),
    ];
    for (change, words) in changes {
        let mut good = None;
        listed.fake.change(listed.template, |template| {
            good = Some(template.clone());
            change(template);
        });
        listed.examined(&installed).fails(&["runbook"], words);
        let good = good.expect("there is such a template");
        listed
            .fake
            .change(listed.template, |template| *template = good);
    }
    // All that is wrong is told at once.
    listed.fake.change(listed.template, |template| {
        template.prompts = Prompts::default();
    });
    let told = listed.examined(&installed);
    for words in [
        "does not prompt for a limit",
        "does not prompt for its job type",
        "takes neither variables nor, in its survey, promotion_rate",
    ] {
        told.fails(&["runbook"], words);
    }

    listed.list["runbooks"]["stop"]["template"] = json!(4_711);
    let told = listed.examined(&installed);
    told.fails(&["runbook"], "there is no such template");
}

#[tokio::test(flavor = "multi_thread")]
async fn controller_that_cannot_be_used_is_told_with_its_fix() {
    let installed = Installed::start().await;
    let mut listed = Listed::start(&installed).await;
    let ssm = installed.world.aws.ssm();

    ssm.put("/ub/awx", Kind::SecureString, "another");
    let told = listed.examined(&installed);
    told.fails(&["runbook"], "refused the credentials");
    let list = listed.list.to_string();

    ssm.put("/ub/awx", Kind::SecureString, &listed.token);
    ssm.put("/ub/list", Kind::SecureString, &list);
    let told = installed.with(&[("HEAL_RUNBOOKS_PARAMETER", "/ub/list")]);
    assert_eq!(told.code, 0, "{}", told.out);
    let told = installed.with(&[("HEAL_RUNBOOKS_PARAMETER", "/ub/none")]);
    assert_eq!(told.code, 0, "{}", told.out);
    assert!(told.out.contains("no runbook is run"), "{}", told.out);

    listed.fake.stop().await;
    let told = listed.examined(&installed);
    told.fails(&["runbook"], "cannot be reached");

    listed.list["controllers"]["awx"]["secret"] = json!("/ub/missing");
    let told = listed.examined(&installed);
    told.fails(&["runbook"], "its parameter `/ub/missing` cannot be read");

    listed.list["runbooks"]["stop"]["on"] = json!("tower");
    let told = listed.examined(&installed);
    told.fails(
        &["runbook"],
        "it names no controller or receiver that is listed",
    );
}
