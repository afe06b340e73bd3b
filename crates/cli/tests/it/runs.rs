//! Runs of runbooks, with a table of problems and a controller.

use std::sync::LazyLock;
use std::time::Duration;

use fake_aws::dynamo::Dynamo;
use fake_aws::ssm::Kind;
use fake_aws::{ACCESS_KEY, Aws, REGION, SECRET_KEY};
use fake_controller::{Controller, End, Fault, JobTemplate, Plan, Prompts, Scope, Times};
use jiff::{SignedDuration, Timestamp};
use release::ledger::Known;
use release::problem::{Arrival, Problem};
use release::runbook::{About, Begun, Cause, Draft, Permission, Run, Runbooks, input};
use serde_json::{Value, json};
use store::{Ledger, Remediations, Taken, tables};

use crate::{Ran, monspec_in};

/// When the problem began.
static BEGAN: LazyLock<Timestamp> = LazyLock::new(began);

const PROBLEM: &str = "-6478017825120311599_1641223491837V2";

/// A problem that one run answers, and the controller of that.
struct World {
    aws: Aws,
    dynamo: Dynamo,
    fake: Controller,
    template: u64,
    list: String,
}

impl World {
    async fn start() -> Self {
        Self::with(JobTemplate {
            prompts: Prompts {
                variables: true,
                limit: true,
                job_type: true,
            },
            ..JobTemplate::default()
        })
        .await
    }

    async fn with(template: JobTemplate) -> Self {
        let aws = Aws::start().await.expect("loopback has a free port");
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        for (table, name) in [
            (tables::REMEDIATIONS, "remediations"),
            (tables::LEDGER, "ledger"),
        ] {
            let created = tables::create(&dynamo.client(), table, name).await;
            created.expect("the database is empty");
        }
        let fake = Controller::start().await.expect("loopback has a free port");
        fake.user("ub", "hunter2");
        let template = fake.job_template(template);
        fake.permit("ub", template);
        let token = fake.token("ub", Scope::Write);
        aws.ssm().put("/ub/awx", Kind::SecureString, &token);
        let list = json!({
            "controllers": {"awx": {"base": fake.base(), "auth": "bearer", "secret": "/ub/awx"}},
            "runbooks": {"stop": {
                "on": "awx",
                "template": template,
                "name": "stop-campaign",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible"]},
                "vars": {"promotion_rate": {"const": "0"}},
                "limit": "web-1",
                "mode": "ask",
            }},
        });
        let world = Self {
            aws,
            dynamo,
            fake,
            template,
            list: list.to_string(),
        };
        world.answered(&["r-1"]).await;
        world
    }

    /// The problem is there, with these runs.
    async fn answered(&self, runs: &[&str]) {
        let patience = SignedDuration::from_hours(24);
        let mut problem = Problem::heard_of(PROBLEM, Arrival::Webhook, second(0), patience);
        problem.display_id = Some("P-77".to_owned());
        let remediations = self.remediations();
        let until = second(60);
        let taken = remediations.take_notice(&problem, "test", second(0), until);
        let Taken::Claimed(mut claimed) = taken.await.expect("it answers") else {
            panic!("somebody has it")
        };
        claimed.problem.runs = runs.iter().map(|id| self.run_of(id)).collect();
        let ledger = Ledger::new(self.dynamo.client(), "ledger");
        let written = remediations.advance(&ledger, &mut claimed, &[]).await;
        assert_eq!(written.expect("it answers"), store::Advanced::Written);
        let given_back = remediations.queue().defer(*claimed, second(120)).await;
        given_back.expect("it answers");
    }

    fn run_of(&self, id: &str) -> Run {
        let listed = Runbooks::read(&self.list).expect("the list is good");
        let runbook = listed.runbooks["stop"].clone();
        let draft = Draft {
            cause: Cause {
                id: format!("event of {id}"),
                kind: "CUSTOM_CONFIGURATION".to_owned(),
                at: second(-300),
                title: format!("rate set to 30 % by {id}"),
                source: "Ansible".to_owned(),
            },
            input: input(&runbook, &[].into(), None).expect("it is a constant"),
            runbook,
        };
        let patience = SignedDuration::from_hours(24);
        let problem = Problem::heard_of(PROBLEM, Arrival::Webhook, second(0), patience);
        match draft.begin(id.to_owned(), &problem, About::default(), &Known::default()) {
            Begun::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    fn remediations(&self) -> Remediations {
        Remediations::new(self.dynamo.client(), "remediations")
    }

    async fn stored(&self) -> Problem {
        let found = self.remediations().problem(PROBLEM).await;
        found.expect("it answers").expect("it is there")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in(&[("HEAL_RUNBOOKS", self.list.as_str())], arguments)
    }

    fn run_in(&self, more: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let settings = [
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamo.url()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("REMEDIATIONS_TABLE", "remediations"),
            ("USER", "ann"),
        ];
        monspec_in(
            &[&settings, more].concat(),
            &[&["runs"], arguments].concat(),
            "",
        )
    }

    /// Everything that is stored.
    async fn everything(&self) -> String {
        let mut all = Vec::new();
        for table in ["remediations", "ledger"] {
            let found = self.dynamo.client().scan().table_name(table).send().await;
            for item in found.expect("it answers").items() {
                let mut fields: Vec<String> = item
                    .iter()
                    .map(|(name, value)| format!("{name} {value:?}"))
                    .collect();
                fields.sort();
                all.push(fields.join("\n"));
            }
        }
        all.sort();
        all.join("\n")
    }

    /// The check is refused before anything is launched.
    fn refuses(&self, words: &str) {
        let ran = self.run(&["replay", PROBLEM, "--check"]);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{}", ran.err);
        let told = format!("nothing was launched: {words}");
        assert!(ran.err.contains(&told), "{}", ran.err);
        assert_eq!(self.fake.count("POST", ""), 0);
    }
}

pub(crate) fn second(second: i64) -> Timestamp {
    *BEGAN + SignedDuration::from_secs(second)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command reads the clock, and finds no problem of the future"
)]
fn began() -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now - 600).expect("it is in range")
}

#[tokio::test(flavor = "multi_thread")]
async fn run_is_shown_with_what_it_was_given() {
    let world = World::start().await;

    let ran = world.run(&["show", PROBLEM]);

    let Ran { code, out, err } = ran;
    assert_eq!(code, 0, "{err}");
    let (template, at) = (world.template, second(-300));
    assert_eq!(
        out,
        format!(
            "run r-1: asked\n  \
             change   rate set to 30 % by r-1 (Ansible, {at})\n  \
             runbook  stop (template {template} on awx)\n  \
             input    {{\"promotion_rate\":\"0\"}}\n  \
             hosts    web-1\n"
        )
    );
    let json: Value =
        serde_json::from_str(&world.run(&["show", PROBLEM, "--json"]).out).expect("it is JSON");
    assert_eq!(json[0]["state"], "asked");
    let ran = world.run(&["show", PROBLEM, "--run", "r-9"]);
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("has no run `r-9`"), "{}", ran.err);
    let ran = world.run(&["show", "another"]);
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("no problem `another`"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_is_named_as_people_call_it() {
    let world = World::start().await;

    let ran = world.run(&["show", "P-77"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("run r-1: asked\n"), "{}", ran.out);
    let ran = world.run(&["allow", "P-77", "--reason", "go on"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = world.run(&["show", "P-78"]);
    assert_eq!(ran.code, 64, "{}", ran.out);
    assert!(ran.err.contains("no problem `P-78`"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_decides_is_stored_with_name_and_reason() {
    let world = World::start().await;
    let said = async || {
        let remediations = world.remediations();
        let problem = Problem::heard_of(PROBLEM, Arrival::Webhook, second(0), SignedDuration::ZERO);
        let taken = remediations.take_notice(&problem, "test", second(0), second(60));
        let Taken::Claimed(claimed) = taken.await.expect("it answers") else {
            panic!("somebody has it")
        };
        let said = claimed.permissions.get("r-1").cloned();
        let given_back = remediations.queue().defer(*claimed, second(120)).await;
        given_back.expect("it answers");
        said
    };

    let ran = world.run(&["allow", PROBLEM, "--reason", "seen, go on"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "run r-1 hears of it within a minute\n"),
        "{}",
        ran.err
    );
    let who = "ann (seen, go on)".to_owned();
    assert_eq!(said().await, Some(Permission::Given { who }));

    let ran = world.run(&["deny", PROBLEM, "--reason", "too late", "--as", "bob"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let who = "bob (too late)".to_owned();
    assert_eq!(said().await, Some(Permission::Refused { who }));

    let ran = world.run(&["allow", PROBLEM]);
    assert_eq!(ran.code, 64, "a reason has to be given");
    world.answered(&["r-1", "r-2"]).await;
    let ran = world.run(&["deny", PROBLEM, "--reason", "no"]);
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("give --run: r-1, r-2"), "{}", ran.err);
    let ran = world.run(&["deny", PROBLEM, "--reason", "no", "--run", "r-2"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("run r-2 hears"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_shows_what_would_be_launched_and_calls_nothing() {
    let world = World::start().await;

    let ran = world.run(&["replay", PROBLEM]);

    assert_eq!(ran.code, 0, "{}", ran.err);
    let first = format!("template {} on awx, in check mode\n", world.template);
    assert!(ran.out.starts_with(&first), "{}", ran.out);
    assert!(ran.out.contains("\n  hosts      web-1\n"), "{}", ran.out);
    assert!(ran.out.contains("\"promotion_rate\":\"0\""), "{}", ran.out);
    assert!(ran.out.ends_with("\nnothing was called\n"), "{}", ran.out);
    assert!(world.fake.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_is_launched_and_followed_and_leaves_no_trace_here() {
    let world = World::start().await;
    world.fake.plan(
        world.template,
        Plan {
            pending: Duration::ZERO,
            running: Duration::from_millis(100),
            end: End::well(1),
        },
    );
    let before = world.everything().await;

    let ran = world.run(&["replay", PROBLEM, "--check"]);

    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let jobs = world.fake.jobs();
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!(
        (job.job_type.as_str(), job.limit.as_str()),
        ("check", "web-1")
    );
    assert_eq!(job.extra_vars["promotion_rate"], "0");
    assert_eq!(job.extra_vars["unbreakable"]["mode"], "check");
    // Whoever looks for a job of the run does not find this one.
    assert_eq!(job.extra_vars["unbreakable"]["run"], "r-1-replay");
    let job = job.id;
    for words in [
        "check of run r-1\n",
        "in check mode\n",
        &format!("\n  job      {job} http"),
        "\n  status   successful at ",
        "\n  output   PLAY RECAP\n",
        "\nnothing was written, and no problem was answered\n",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert_eq!(world.everything().await, before);
    assert_eq!(world.stored().await.runs[0].state.word(), "asked");

    let ran = world.run(&["replay", PROBLEM, "--check", "--json"]);
    let json: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(json["jobType"], "check");
    assert_eq!(json["job"]["status"], "successful");
    assert_eq!(json["why"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_ends_badly_is_told_with_its_task() {
    let world = World::start().await;
    world.fake.plan(
        world.template,
        Plan {
            pending: Duration::ZERO,
            running: Duration::ZERO,
            end: End::failed("set the rate", "web-1", "no such campaign"),
        },
    );

    let ran = world.run(&["replay", PROBLEM, "--check"]);

    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for words in [
        "\n  why      it ended as failed\n",
        "\n  failed   set the rate on web-1: no such campaign\n",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_be_a_check_is_never_launched() {
    let world = World::start().await;
    let change = |change: fn(&mut JobTemplate)| world.fake.change(world.template, change);

    // It would run instead, or only happens to check.
    change(|template| template.prompts.job_type = false);
    let unasked = "the template does not prompt for its job type";
    world.refuses(unasked);
    change(|template| template.job_type = "check".to_owned());
    world.refuses(unasked);
    change(|template| template.prompts.job_type = true);

    change(|template| template.prompts.limit = false);
    world.refuses("the template does not prompt for a limit");
    change(|template| template.prompts.limit = true);

    change(|template| {
        template.prompts.variables = false;
        let question = json!({"variable": "promotion_rate", "type": "text"});
        template.survey = vec![question];
    });
    world.refuses("the template takes no variables");
    change(|template| template.prompts.variables = true);

    change(|template| template.name = "drop-all".to_owned());
    world.refuses("the template is called `drop-all`");
    change(|template| template.name = "stop-campaign".to_owned());

    let theirs = world
        .fake
        .launched_by("ub", world.template, &json!({"by": "hand"}));
    world.refuses(&format!("job {theirs} of ub is pending"));

    let other = world.list.replace("\"ask\"", "\"auto\"");
    let check = ["replay", PROBLEM, "--check"];
    for (settings, words) in [
        (
            vec![("HEAL_RUNBOOKS", other.as_str())],
            "does not list runbook `stop`",
        ),
        (vec![], "neither HEAL_RUNBOOKS nor"),
        (vec![("HEAL_RUNBOOKS", "{")], "HEAL_RUNBOOKS cannot be used"),
    ] {
        let ran = world.run_in(&settings, &check);
        assert_eq!(ran.code, 64, "{words}: {}", ran.err);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert_eq!(world.fake.count("POST", ""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_that_cannot_say_that_it_checks_is_ended() {
    let world = World::with(JobTemplate {
        prompts: Prompts {
            variables: true,
            limit: true,
            job_type: true,
        },
        // Its job is a workflow, which has no type.
        slices: 2,
        ..JobTemplate::default()
    })
    .await;

    let ran = world.run(&["replay", PROBLEM, "--check"]);

    assert_eq!(ran.code, 69, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("is not what was ordered"), "{}", ran.err);
    assert_eq!(world.fake.count("POST", "/cancel/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn launch_that_nobody_can_speak_for_is_told_and_not_repeated() {
    let world = World::start().await;
    let fake = &world.fake;
    fake.fail(Fault::LoseAnswer, Times::N(1), "POST /job_templates");

    let ran = world.run(&["replay", PROBLEM, "--check"]);

    assert_eq!((ran.code, ran.out.as_str()), (69, ""), "{}", ran.err);
    let told = "nobody can say whether a check of template";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert_eq!(fake.count("POST", "/launch/"), 1);

    fake.fail(Fault::Broken, Times::Always, "GET /job_templates");
    let ran = world.run(&["replay", PROBLEM, "--check"]);
    assert_eq!(ran.code, 69, "{}", ran.err);
    assert!(ran.err.contains("nothing was launched"), "{}", ran.err);
}
