use fake_aws::codedeploy::{
    AutoRollback, Creator, DeploymentEnd, GroupOptions, Revision, RollbackEvent,
};
use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, Aws, SECRET_KEY};
use release::deployment::{Deployment, Group, LedgerEntry, Origin, Standing};
use serde_json::Value;
use store::{Ledger, tables};

use crate::{Ran, monspec_in};

const GROUP: &str = "App/Production";
const REASON: &str = "the database was to blame";

struct World {
    aws: Aws,
    dynamo: Dynamo,
    ledger: Ledger,
}

impl World {
    /// A ledger with two releases of one group.
    async fn start() -> Self {
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        let client = dynamo.client();
        let created = tables::create(&client, tables::LEDGER, "ledger").await;
        created.expect("the database is empty");
        let ledger = Ledger::new(client, "ledger");
        for (id, at, version) in [
            ("d-1", "2026-01-05T10:00:00Z", "build 7"),
            ("d-2", "2026-01-05T11:00:00Z", "build 8"),
        ] {
            let deployment = Deployment {
                id: id.to_owned(),
                group: group(),
                at: at.parse().expect("it is in RFC 3339"),
                execution: Some("execution-1".to_owned()),
                identity: format!("sources:App={id}"),
                location: None,
                digest: None,
                version: version.to_owned(),
                origin: Origin::Release,
            };
            let recorded = ledger.record_deployment(&deployment).await;
            recorded.expect("the table is there");
        }
        let aws = Aws::start().await.expect("loopback has a free port");
        Self {
            aws,
            dynamo,
            ledger,
        }
    }

    fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Ran {
        let settings = [
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamo.url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("LEDGER_TABLE", "ledger"),
            ("USER", "ada"),
        ];
        monspec_in(&[&settings, more].concat(), arguments, "")
    }

    async fn entry(&self, id: &str) -> LedgerEntry {
        let found = self.ledger.entry(&group(), id).await;
        let found = found.expect("the table is there");
        found.expect("it was recorded")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_listed_newest_first() {
    let world = World::start().await;

    let ran = world.run(&["ledger", "list", "--group", GROUP], &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let expected = "\
DEPLOYMENT  SINCE (UTC)           STANDING  VERSION  ORIGIN   PROBLEM  SAID BY
d-2         2026-01-05T11:00:00Z  unknown   build 8  release  -        nobody yet
d-1         2026-01-05T10:00:00Z  unknown   build 7  release  -        nobody yet
";
    assert_eq!(ran.out, expected);

    let earlier = ["--until", "2026-01-05T10:30:00Z", "--json"];
    let list = ["ledger", "list", "--group", GROUP];
    let ran = world.run(&[&list[..], &earlier].concat(), &[]);
    let listed: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(listed[0]["deployment"], "d-1");
    assert_eq!(listed[0]["identity"], "sources:App=d-1");
    assert_eq!(listed[1], Value::Null);

    let ran = world.run(&["ledger", "list", "--group", "App/Nowhere"], &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("no deployment of App/Nowhere is known"));
}

#[tokio::test(flavor = "multi_thread")]
async fn person_condemns_and_clears_with_name_and_reason() {
    let world = World::start().await;
    let rule = |word: &str, more: &[&str]| {
        let line = ["ledger", word, "--group", GROUP, "d-1", "--reason", REASON];
        world.run(&[&line, more].concat(), &[])
    };

    let ran = rule("condemn", &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        format!("d-1 of App/Production is bad now (condemned by ada: {REASON})\n")
    );
    assert_eq!(world.entry("d-1").await.standing, Standing::Bad);
    assert_eq!(world.entry("d-2").await.standing, Standing::Unknown);

    let ran = rule("clear", &["--as", "grace", "--json"]);
    let shown: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(shown[0]["standing"], "unknown");
    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Unknown);
    assert_eq!(known.taught_by, format!("cleared by grace: {REASON}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_that_only_codedeploy_knows_can_be_condemned() {
    let world = World::start().await;
    let codedeploy = world.aws.codedeploy();
    codedeploy.application("App");
    for name in ["Production", "Staging"] {
        let created = codedeploy.group("App", name, GroupOptions::default());
        created.expect("the application exists");
    }
    world.aws.s3().put("bundles", "leaky.zip", "leaky");
    let deploy = |group| {
        let revision = Revision::s3("bundles", "leaky.zip");
        let made = codedeploy.deploy_by_person("App", group, revision);
        made.expect("nothing else is deployed")
    };
    let (here, elsewhere) = (deploy("Production"), deploy("Staging"));

    let ran = world.run(
        &[
            "ledger", "condemn", "--group", GROUP, &here, "--reason", "leaks",
        ],
        &[],
    );

    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.entry(&here).await.standing, Standing::Bad);
    let ran = world.run(
        &[
            "ledger", "condemn", "--group", GROUP, &elsewhere, "--reason", "leaks",
        ],
        &[],
    );
    assert_eq!(ran.code, 64, "it is of another group");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_of_codedeploy_is_adopted_and_the_running_one_confirmed() {
    let world = World::start().await;
    let codedeploy = world.aws.codedeploy();
    codedeploy.application("Old");
    let created = codedeploy.group("Old", "Production", GroupOptions::default());
    created.expect("the application exists");
    let deploy = |name: &str| {
        world.aws.s3().put("bundles", name, name.to_owned());
        let made = codedeploy.deploy_by_person("Old", "Production", Revision::s3("bundles", name));
        made.expect("nothing else is deployed")
    };
    let (older, running) = (deploy("1.zip"), deploy("2.zip"));
    let standings = |more: &[&str]| {
        let ran = world.run(
            &[&["ledger", "adopt", "Old/Production", "--json"], more].concat(),
            &[],
        );
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let listed: Value = serde_json::from_str(&ran.out).expect("it is JSON");
        let lines = listed.as_array().expect("it is a list").iter();
        let mut found: Vec<(String, String)> = lines
            .map(|line| {
                let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                (word("deployment"), word("standing"))
            })
            .collect();
        found.sort();
        found
    };
    let expected = |standing: &str| {
        let mut all = vec![
            (older.clone(), "unknown".to_owned()),
            (running.clone(), standing.to_owned()),
        ];
        all.sort();
        all
    };

    assert_eq!(standings(&[]), expected("unknown"));
    let confirm = ["--good", &running, "--reason", "has run for a month"];
    assert_eq!(standings(&confirm), expected("good"));
    assert_eq!(standings(&confirm), expected("good"), "nothing changes");
    assert_eq!(standings(&[]), expected("good"), "nothing is forgotten");

    let adopt = ["ledger", "adopt", "Old/Production"];
    let wrong = ["--good", &older, "--reason", "I like it"];
    let ran = world.run(&[&adopt[..], &wrong].concat(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains(&format!("{running} succeeded last")));
    let line = ["ledger", "condemn", "--group", "Old/Production", &running];
    world.run(&[&line[..], &["--reason", "leaks"]].concat(), &[]);
    let ran = world.run(&[&adopt[..], &confirm].concat(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains("condemned by ada: leaks"), "{}", ran.err);
}

/// A group of an application without a history in the ledger.
fn old_group(world: &World, options: GroupOptions) {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application("Old");
    let created = codedeploy.group("Old", "Production", options);
    created.expect("the application exists");
}

fn deploy(world: &World, name: &str) -> String {
    world.aws.s3().put("bundles", name, name.to_owned());
    let revision = Revision::s3("bundles", name);
    let codedeploy = world.aws.codedeploy();
    let made = codedeploy.deploy_by_person("Old", "Production", revision);
    made.expect("nothing else is deployed")
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_joined_are_not_adopted() {
    let world = World::start().await;
    old_group(&world, GroupOptions::default());
    let release = deploy(&world, "1.zip");
    let made = world.aws.codedeploy().deployment(&release);
    world.aws.set_now(made.expect("it was made").created);
    let join = |number: usize| {
        let name = format!("i-{number}");
        let codedeploy = world.aws.codedeploy();
        let joined = codedeploy.join("Old", "Production", &name, Creator::Autoscaling);
        joined.expect("something runs")
    };
    let joined: Vec<String> = (0..60).map(join).collect();
    let adopt = ["ledger", "adopt", "Old/Production"];

    let ran = world.run(&adopt, &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let said = "1 deployments of Old/Production are new in the ledger\n";
    assert!(ran.out.starts_with(said), "{}", ran.out);
    assert!(
        ran.out
            .contains(&format!("{release} is running, and its standing")),
        "{}",
        ran.out
    );
    let good = ["--good", &joined[59], "--reason", "has run for a month"];
    let ran = world.run(&[&adopt[..], &good].concat(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(
        ran.err.contains(&format!("{release} succeeded last")),
        "{}",
        ran.err
    );
    let good = ["--good", &release, "--reason", "has run for a month"];
    let ran = world.run(&[&adopt[..], &good].concat(), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));

    // Too many in one moment.
    world.aws.codedeploy().page_size(1);
    let ran = world.run(&adopt, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (69, ""));
    assert!(ran.err.contains("adopt fewer --days"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_that_runs_confirms_what_it_put_back() {
    let world = World::start().await;
    let options = GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..GroupOptions::default()
    };
    old_group(&world, options.clone());
    let release = deploy(&world, "1.zip");
    let codedeploy = world.aws.codedeploy();
    let held = codedeploy.hold("Old", "Production");
    held.expect("the group exists");
    let bad = deploy(&world, "2.zip");
    old_group(&world, options);
    let failed = codedeploy.finish(&bad, DeploymentEnd::Failed);
    failed.expect("it is under way");
    let history = codedeploy.history("Old", "Production");
    let rollback = history.expect("the group exists")[0].id.clone();
    assert_ne!(rollback, bad);
    let adopt = ["ledger", "adopt", "Old/Production"];

    let ran = world.run(&adopt, &[]);
    let said =
        format!("{release} is running again, restored by {rollback}, and its standing is unknown");
    assert!(ran.out.contains(&said), "{}", ran.out);
    let good = ["--good", &rollback, "--reason", "has run for a month"];
    let ran = world.run(&[&adopt[..], &good, &["--json"]].concat(), &[]);

    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let listed: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    let standing = |id: &str| {
        let mut lines = listed.as_array().expect("it is a list").iter();
        let line = lines.find(|line| line["deployment"] == id);
        line.expect("it was adopted")["standing"].clone()
    };
    assert_eq!(standing(&release), "good");
    assert_eq!(standing(&rollback), "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_deployment_is_answered_with_those_that_are_known() {
    let world = World::start().await;
    let rule = |group| {
        let line = ["ledger", "clear", "--group", group, "d-9", "--reason", "x"];
        world.run(&line, &[])
    };

    let ran = rule(GROUP);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert_eq!(
        ran.err,
        "monspec: deployment d-9 of App/Production is not known; the latest that are: d-2, d-1\n"
    );
    let ran = rule("App/Nowhere");
    assert_eq!(ran.code, 64);
    assert!(ran.err.contains("check --group and --table"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named() {
    let world = World::start().await;
    let list = ["ledger", "list", "--group", GROUP];
    let nobody = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    for (settings, code, named) in [
        (&[("LEDGER_TABLE", "")][..], 64, "LEDGER_TABLE"),
        (
            &[("AWS_REGION", ""), ("AWS_EC2_METADATA_DISABLED", "true")],
            64,
            "set AWS_REGION",
        ),
        (
            &[("LEDGER_TABLE", "lost")],
            69,
            "there is no table lost in us-east-1",
        ),
        (&nobody, 69, "set AWS_ACCESS_KEY_ID"),
    ] {
        let ran = world.run(&list, settings);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{}", ran.err);
        assert!(ran.err.contains(named), "{}", ran.err);
    }

    let word = ["ledger", "clear", "--group", GROUP, "d-1", "--reason", "x"];
    let ran = world.run(&word, &[("USER", "")]);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains("--as NAME"), "{}", ran.err);
    assert_eq!(world.entry("d-1").await.taught_by, "nobody yet");
}

fn group() -> Group {
    Group {
        application: "App".to_owned(),
        name: "Production".to_owned(),
    }
}
