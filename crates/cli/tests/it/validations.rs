use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, Aws, SECRET_KEY};
use jiff::{SignedDuration, Timestamp};
use monspec::Verdict;
use release::approval::Answer;
use release::deployment::{Deployment, Group, Origin};
use release::evidence::{Context, Evidence, Unjudged};
use release::execution::ExecutionMode;
use release::validation::life::{Next, Seen, next};
use release::validation::wish::Wish;
use release::validation::{
    ApprovalAction, Ending, Judgement, PersonsDecision, Phase, Registrant, Registration,
    Validation, ValidationId,
};
use release::window::Window;
use serde_json::Value;
use store::{Claimed, Ledger, Spec, Validations, tables};

use crate::{Ran, monspec_in};

const REASON: &str = "the load test could not run";

pub(crate) struct World {
    aws: Aws,
    dynamo: Dynamo,
    validations: Validations,
    ledger: Ledger,
    held: ValidationId,
    waiting: ValidationId,
}

impl World {
    /// One validation that is held and one that waits for its window to end,
    /// both registered a quarter of an hour ago.
    pub(crate) async fn start() -> Self {
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        let client = dynamo.client();
        for (table, name) in [
            (tables::VALIDATIONS, "validations"),
            (tables::LEDGER, "ledger"),
        ] {
            let created = tables::create(&client, table, name).await;
            created.expect("the database is empty");
        }
        let validations = Validations::new(client.clone(), "validations");
        let ledger = Ledger::new(client, "ledger");
        let now = clock();
        let held = registration("Shop", now, SignedDuration::from_mins(15));
        let waiting = registration("Mail", now, SignedDuration::from_mins(14));
        for one in [&held, &waiting] {
            let spec = Spec::new("{}".to_owned());
            validations
                .register(&ledger, one, &spec, None)
                .await
                .expect("it is new");
        }
        let world = Self {
            aws: Aws::start().await.expect("loopback has a free port"),
            dynamo,
            validations,
            ledger,
            held: held.id,
            waiting: waiting.id,
        };
        world.judge(held.id, now).await;
        world
    }

    async fn judge(&self, id: ValidationId, now: Timestamp) {
        let mut claimed = self.claim(id, now).await;
        let (judgement, evidence) = inconclusive(now);
        let stored = self
            .validations
            .judged(&self.ledger, &mut claimed, judgement, &evidence, &[])
            .await;
        stored.expect("it is claimed");
        self.validations
            .queue()
            .defer(claimed, now)
            .await
            .expect("it is claimed");
    }

    /// A worker takes a validation that is due.
    async fn claim(&self, id: ValidationId, now: Timestamp) -> Claimed<Validation> {
        for shard in 0..tables::SHARDS {
            let due = self.validations.queue().due(shard, now, 10, None).await;
            for due in due.expect("the table is there") {
                let claim = self
                    .validations
                    .queue()
                    .claim(&due, "worker", now, now)
                    .await;
                let claimed = claim.expect("nobody else works");
                if claimed.registration.id == id {
                    return claimed;
                }
                self.validations
                    .queue()
                    .defer(claimed, now)
                    .await
                    .expect("it is claimed");
            }
        }
        panic!("{id} is not due");
    }

    pub(crate) fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Ran {
        let settings = [
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamo.url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("VALIDATIONS_TABLE", "validations"),
            ("LEDGER_TABLE", "ledger"),
            ("USER", "ada"),
        ];
        monspec_in(&[&settings, more].concat(), arguments, "")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat(), &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        serde_json::from_str(&ran.out).expect("it is JSON")
    }

    async fn stored(&self, id: ValidationId) -> Validation {
        let found = self
            .validations
            .validation(id)
            .await
            .expect("the table is there");
        found.expect("it was registered")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_and_what_waits_is_listed() {
    let world = World::start().await;

    let ran = world.run(&["validations", "list"], &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    let (held, waiting) = (world.held.to_string(), world.waiting.to_string());
    assert_eq!(lines[0], ["VALIDATION", "STATE", "PIPELINE"]);
    assert_eq!(lines[1], [held.as_str(), "held", "Shop"]);
    assert_eq!(lines[2], [waiting.as_str(), "measuring", "Mail"]);
    assert_eq!(lines.len(), 3);

    let listed = world.json(&["validations", "list", "--pipeline", "Shop"]);
    assert_eq!(listed["validations"][0]["validation"], held);
    assert_eq!(listed["validations"][0]["state"], "held");
    assert_eq!(listed["validations"][1], Value::Null);
    let ran = world.run(&["validations", "list", "--pipeline", "Nobody"], &[]);
    assert_eq!(
        ran.out,
        "no validation of pipeline Nobody is under way or held\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn held_validation_says_why_and_what_continues_it() {
    let world = World::start().await;
    let id = world.held.to_string();

    let ran = world.run(&["validations", "show", &id], &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for told in [
        &format!("{id} is held: it could not be judged, and a person has to decide"),
        "approval    ApproveStaging in stage Approve",
        "Why:\n  overtaken by d-2",
        &format!("    monspec validations rejudge {id} --reason TEXT"),
        &format!("    monspec validations release {id} --reason TEXT"),
        "    https://us-east-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/Shop/view?region=us-east-1",
    ] {
        assert!(ran.out.contains(told), "{told}\n---\n{}", ran.out);
    }
    let shown = world.json(&["validations", "show", &id]);
    assert_eq!(shown["reasons"][0], "overtaken by d-2");
    assert_eq!(shown["continues"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn window_that_was_overtaken_is_not_offered_to_be_judged_again() {
    let world = World::start().await;
    let id = world.held.to_string();
    let word = PersonsDecision {
        who: "ada".to_owned(),
        why: REASON.to_owned(),
        at: clock(),
    };
    let again = world
        .validations
        .wish(&world.ledger, world.held, Wish::Rejudge, &word)
        .await;
    again.expect("it is held");
    let mut worker = world.claim(world.held, clock()).await;
    let (judgement, mut evidence) = inconclusive(clock());
    evidence.context.unjudged = Some(Unjudged::Overtaken);
    let judged = world
        .validations
        .judged(&world.ledger, &mut worker, judgement, &evidence, &[]);
    judged.await.expect("it is claimed");

    let shown = world.run(&["validations", "show", &id], &[]);

    assert!(!shown.out.contains("rejudge "), "{}", shown.out);
    let release = "  Have it approved as it is, with your name and reason:";
    assert!(shown.out.contains(release), "{}", shown.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_releases_with_name_and_reason() {
    let world = World::start().await;
    let id = world.held.to_string();
    let release = ["validations", "release", &id, "--reason", REASON];

    let ran = world.run(&release, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out
            .starts_with(&format!("{id} is released by ada: {REASON}\n")),
        "{}",
        ran.out
    );
    let stored = world.stored(world.held).await;
    let word = stored.released().expect("it is stored");
    assert_eq!((word.who.as_str(), word.why.as_str()), ("ada", REASON));

    let again = world.run(&[&release[..], &["--as", "grace"]].concat(), &[]);
    assert_eq!(again.code, 0);
    assert!(again.out.contains("released by ada"), "{}", again.out);
    let shown = world.json(&["validations", "show", &id]);
    assert_eq!(shown["state"], "answering");
    assert_eq!(shown["released"]["who"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_releases_what_is_answered_hears_that_it_is() {
    let world = World::start().await;
    let id = world.held.to_string();
    let release = ["validations", "release", &id, "--reason", REASON];
    world.run(&release, &[]);
    let mut worker = world.claim(world.held, clock()).await;
    let answered = Ending::Answered {
        answer: Answer::Approve,
        action_execution: "run-1".to_owned(),
        overridden: None,
    };
    let held = worker.held();
    let Next::Answer(mut answering) = next(&mut worker, &Seen::default()) else {
        panic!("it is judged");
    };
    let stored = world
        .validations
        .ended(&world.ledger, &held, &mut answering, answered)
        .await;
    stored.expect("it is claimed");
    let settled = world.validations.queue().settle(worker).await;
    settled.expect("it is claimed");

    let again = world.run(&release, &[]);

    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert_eq!(
        again.out,
        format!("{id} is released by ada: {REASON}\nits approval is answered\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn person_has_a_window_judged_again() {
    let world = World::start().await;
    let id = world.held.to_string();
    let rejudge = ["validations", "rejudge", &id, "--reason", REASON];

    let ran = world.run(&rejudge, &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, format!("{id} is judged again within a minute\n"));
    assert_eq!(world.stored(world.held).await.phase(), Phase::Waiting);
    let ran = world.run(&rejudge, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains("it is not judged yet"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_that_nobody_can_work_on_is_listed_and_taken_up_again() {
    let world = World::start().await;
    let id = world.waiting.to_string();
    let mut now = clock();
    loop {
        let claimed = world.claim(world.waiting, now).await;
        let held = claimed.held();
        let stuck = world.validations.queue().panicked(&held, now).await;
        match stuck.expect("it is claimed").until {
            Some(until) => now = until,
            None => break,
        }
    }

    let ran = world.run(&["validations", "list", "--pipeline", "Mail"], &[]);
    let line: Vec<&str> = ran
        .out
        .lines()
        .last()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(line[..3], [id.as_str(), "stuck", "Mail"], "{}", ran.out);
    assert_eq!(line.last(), Some(&"–"), "{}", ran.out);
    let ran = world.run(&["validations", "show", &id], &[]);
    for told in [
        &format!("{id} is stuck: the work on it crashed repeatedly until "),
        &format!("    monspec validations rejudge {id} --reason TEXT"),
        "  Or answer ApproveStaging of stage Approve yourself:",
    ] {
        assert!(ran.out.contains(told), "{told}\n---\n{}", ran.out);
    }
    let ran = world.run(&["validations", "release", &id, "--reason", REASON], &[]);
    let instead = "it is not judged yet; have it judged again, or answer the approval yourself";
    assert!(ran.err.contains(instead), "{}", ran.err);

    let ran = world.run(&["validations", "rejudge", &id, "--reason", REASON], &[]);
    assert_eq!(ran.out, format!("{id} is judged again within a minute\n"));
    let shown = world.json(&["validations", "show", &id]);
    assert_eq!(shown["state"], "measuring");
}

#[tokio::test(flavor = "multi_thread")]
async fn wish_that_cannot_be_fulfilled_says_why() {
    let world = World::start().await;
    let waiting = world.waiting.to_string();
    let wish = |verb, id: &str, more: &[(&str, &str)]| {
        world.run(&["validations", verb, id, "--reason", REASON], more)
    };

    for (ran, told) in [
        (wish("release", &waiting, &[]), "it is not judged yet"),
        (
            wish("release", "00000000-0000-0000-0000-000000000000", &[]),
            "there is no validation 00000000-0000-0000-0000-000000000000",
        ),
        (wish("release", "Shop", &[]), "invalid value 'Shop'"),
        (wish("release", &waiting, &[("USER", "")]), "--as NAME"),
        (
            wish("release", &waiting, &[("VALIDATIONS_TABLE", "")]),
            "VALIDATIONS_TABLE",
        ),
        (
            wish("release", &waiting, &[("LEDGER_TABLE", "")]),
            "LEDGER_TABLE",
        ),
    ] {
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{}", ran.err);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    let ran = wish("release", &waiting, &[("VALIDATIONS_TABLE", "lost")]);
    assert_eq!(ran.code, 69);
    assert!(
        ran.err.contains("there is no table lost in us-east-1"),
        "{}",
        ran.err
    );
}

fn registration(pipeline: &str, now: Timestamp, ago: SignedDuration) -> Registration {
    let at = now.saturating_sub(ago).expect("it is not that long ago");
    let later = |hours| at.saturating_add(SignedDuration::from_hours(hours));
    let window = Window::from_registration(at, SignedDuration::from_mins(5));
    Registration {
        id: ValidationId::new(at, [7; 10]),
        pipeline: pipeline.to_owned(),
        execution: Some("execution-1".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Action {
            stage: "Staging".to_owned(),
            action: "Register".to_owned(),
        },
        comparison: "StagingToProduction".to_owned(),
        window,
        approval: Some(ApprovalAction {
            stage: "Approve".to_owned(),
            action: "ApproveStaging".to_owned(),
        }),
        spec: Spec::new("{}".to_owned()).hash().to_owned(),
        sources: Vec::new(),
        version: "1".to_owned(),
        deployments: vec![Deployment {
            id: "d-1".to_owned(),
            group: Group {
                application: "App".to_owned(),
                name: pipeline.to_owned(),
            },
            at,
            execution: Some("execution-1".to_owned()),
            identity: "sources:App=1".to_owned(),
            location: None,
            digest: None,
            version: "1".to_owned(),
            origin: Origin::Release,
        }],
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: std::collections::BTreeMap::new(),
        environments: Vec::new(),
        result_hook: None,
        registered_at: at,
        due_at: window.end,
        give_up_at: later(24).expect("time goes on"),
        expires_at: later(48).expect("time goes on"),
    }
}

fn inconclusive(now: Timestamp) -> (Judgement, Evidence) {
    let judgement = Judgement {
        verdict: Verdict::Inconclusive,
        answer: Answer::Hold,
        summary: "Inconclusive: overtaken by d-2.".to_owned(),
        at: now,
    };
    let evidence = Evidence {
        verdict: Verdict::Inconclusive,
        answer: Answer::Hold,
        reason: Some("overtaken by d-2".to_owned()),
        note: None,
        findings: Vec::new(),
        entities: std::collections::BTreeMap::new(),
        judged_at: now,
        context: Context::default(),
    };
    (judgement, evidence)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary under test reads the same clock"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}
