use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, SECRET_KEY};
use jiff::{SignedDuration, Timestamp};
use release::pause::Pause;
use serde_json::{Value, json};
use store::{Ledger, MOST_PAUSES, Paused, tables};

use crate::validations::World;
use crate::{Ran, monspec_in};

struct Table(Dynamo);

impl Table {
    async fn start() -> Self {
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        for (table, name) in [
            (tables::LEDGER, "ledger"),
            (tables::VALIDATIONS, "validations"),
        ] {
            let created = tables::create(&dynamo.client(), table, name).await;
            created.expect("the database is empty");
        }
        Self(dynamo)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[], arguments)
    }

    fn run_with(&self, more: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut settings = vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", self.0.url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("LEDGER_TABLE", "ledger"),
            ("VALIDATIONS_TABLE", "validations"),
            ("USER", "ada"),
        ];
        settings.extend(more);
        monspec_in(&settings, arguments, "")
    }

    fn listed(&self) -> Value {
        self.listed_with(&[])["pauses"].take()
    }

    fn listed_with(&self, more: &[(&str, &str)]) -> Value {
        let ran = self.run_with(more, &["pause", "--list", "--json"]);
        serde_json::from_str(&ran.out).expect("it is JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_paused_and_resumed() {
    let table = Table::start().await;
    let reason = ["--reason", "the network is being moved"];

    let ran = table.run(&[&["pause", "--all", "--for", "2h"][..], &reason].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with("Changes are paused until "),
        "{}",
        ran.out
    );
    assert!(
        ran.out.ends_with(" by ada: the network is being moved\n"),
        "{}",
        ran.out
    );
    let target = ["--target", "group:Shop/Production", "--as", "grace"];
    let ran = table.run(&[&["pause", "--for", "30m"][..], &target, &reason].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));

    let held = table.run(&["validations", "list"]);
    assert_eq!((held.code, held.err.as_str()), (0, ""));
    assert!(held.out.starts_with("Changes are paused"), "{}", held.out);

    let listed = table.listed();
    assert_eq!(listed[0]["target"], "all");
    assert_eq!(listed[1]["target"], "group:Shop/Production");
    assert_eq!(listed[1]["who"], "grace");

    let ran = table.run(&["resume", "--all"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "the pause of all by ada has ended\n")
    );
    assert_eq!(table.listed()[0]["target"], "group:Shop/Production");
    let ran = table.run(&["resume", "--all"]);
    assert_eq!(
        (ran.code, ran.out),
        (0, format!("there was no pause of all\n{UNKNOWN}\n"))
    );
}

const UNKNOWN: &str = "whether the calendar holds is unknown here: see any page of the \
    report, or CHANGE_FREEZE of the functions (ChangeFreeze of the stack)";

#[tokio::test(flavor = "multi_thread")]
async fn calendar_is_shown_where_it_is_known_and_never_passed_over() {
    const FROZEN: &str = "Changes are frozen by the setting CHANGE_FREEZE\n";
    let table = Table::start().await;
    let (list, resume) = (["pause", "--list"], ["resume", "--all"]);

    let ran = table.run(&list);
    assert_eq!(ran.out, format!("nothing is paused\n{UNKNOWN}\n"));
    assert_eq!(table.listed_with(&[])["calendar"]["state"], "unknown");

    let frozen = [("CHANGE_FREEZE", "always")];
    let ran = table.run_with(&frozen, &list);
    assert_eq!(ran.out, format!("nothing is paused\n{FROZEN}"));
    let ran = table.run_with(&frozen, &resume);
    assert_eq!(ran.out, format!("there was no pause of all\n{FROZEN}"));
    let told = table.listed_with(&frozen)["calendar"].take();
    assert_eq!(told, json!({"state": "frozen", "until": null}));
    table.run(&["pause", "--all", "--for", "2h", "--reason", "r"]);
    let ran = table.run_with(&frozen, &resume);
    assert_eq!(
        ran.out,
        format!("the pause of all by ada has ended\n{FROZEN}")
    );
    let held = table.run_with(&frozen, &["validations", "list"]);
    assert!(held.out.starts_with(FROZEN), "{}", held.out);

    let past = [("CHANGE_FREEZE", "2020-01-01/2020-01-02")];
    let ran = table.run_with(&past, &list);
    assert!(
        ran.out
            .ends_with("\nthe calendar in CHANGE_FREEZE does not hold now\n"),
        "{}",
        ran.out
    );
    let wrong = table.run_with(&[("CHANGE_FREEZE", "Freitag")], &list);
    assert_eq!((wrong.code, wrong.out.as_str()), (64, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pauses_of_a_target_the_one_that_ends_later_holds() {
    let table = Table::start().await;
    let pause = |lasts, who, reason| {
        let arguments = [
            "pause", "--all", "--for", lasts, "--as", who, "--reason", reason,
        ];
        let ran = table.run(&arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        ran.out
    };
    let once = pause("1d", "grace", "first");
    assert_eq!(once.lines().count(), 1, "{once}");

    let longer = pause("3d", "grace", "an audit");
    assert!(longer.contains(" by grace: an audit\n"), "{longer}");
    assert!(
        longer.contains("\nit replaces the pause until 2")
            && longer.ends_with(" by grace: first\n"),
        "{longer}"
    );

    let shorter = pause("30m", "ada", "the network is being moved");
    assert!(
        shorter.contains(" by grace: an audit\nit ends later than yours would, so it stays"),
        "{shorter}"
    );
    let listed = table.listed();
    assert_eq!(listed.as_array().expect("it is a list").len(), 1);
    assert_eq!(listed[0]["why"], "an audit");

    let json = table.run(&["pause", "--all", "--for", "9d", "--reason", "r", "--json"]);
    let told: Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(told[0]["who"], "ada");
    assert_eq!(told[0]["replaced"]["why"], "an audit");
    assert_eq!(told[0]["stays"], false);
    let json = table.run(&["pause", "--all", "--for", "1d", "--reason", "s", "--json"]);
    let told: Value = serde_json::from_str(&json.out).expect("it is JSON");
    assert_eq!(told[0]["why"], "r");
    assert_eq!(told[0]["stays"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_read_is_refused_and_everything_can_be_paused() {
    let table = Table::start().await;
    let ledger = Ledger::new(table.0.client(), "ledger");
    let pause = |number: usize, minutes| Pause {
        target: format!("group:Shop/Production-{number}")
            .parse()
            .expect("it is a target"),
        until: clock() + SignedDuration::from_mins(minutes),
        who: "grace".to_owned(),
        why: "audit".to_owned(),
    };
    for number in 0..MOST_PAUSES {
        let stored = ledger.pause(&pause(number, 60)).await;
        let stored = stored.expect("it is stored");
        assert_eq!(stored, Paused::Stored { replaced: None });
    }
    let single = [
        "pause",
        "--target",
        "pipeline:shop",
        "--for",
        "2h",
        "--reason",
        "r",
    ];

    let ran = table.run(&single);
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(
        ran.err
            .starts_with("monspec: pipeline:shop is not paused: 100 other targets are"),
        "{}",
        ran.err
    );
    let ran = table.run(&["pause", "--all", "--for", "2h", "--reason", "r"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));

    // What has ended takes no room.
    let ended = pause(7, -1);
    let resumed = ledger.resume(&ended.target, clock()).await;
    assert!(resumed.expect("it is stored").is_some());
    ledger.pause(&ended).await.expect("it is stored");
    let ran = table.run(&single);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(table.listed().to_string().contains("pipeline:shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn target_that_nobody_knows_is_paused_with_a_warning() {
    let world = World::start().await;
    let warned = |target: &str, more: &[(&str, &str)]| {
        let arguments = ["pause", "--target", target, "--for", "2h", "--reason", "r"];
        let ran = world.run(&arguments, more);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{target}");
        let (paused, warned) = ran.out.split_once('\n').expect("it is a line");
        assert!(paused.starts_with("Changes of "), "{paused}");
        warned.to_owned()
    };
    let listed = ("DEPLOYMENT_GROUPS", "stage:blue=App/Blue");
    let alone = ("VALIDATIONS_TABLE", "");

    for (known, more) in [
        ("group:App/Shop", &[][..]),
        ("pipeline:Shop", &[]),
        ("pipeline:Mail", &[]),
        ("group:App/Blue", &[listed]),
    ] {
        assert_eq!(warned(known, more), "", "{known}");
    }
    for (wrong, right, more) in [
        ("group:app/shop", "group:App/Shop", &[][..]),
        ("group:App/Shpo", "group:App/Shop", &[]),
        ("group:Ap/Mail", "group:App/Mail", &[alone]),
        ("group:App/Bleu", "group:App/Blue", &[listed, alone]),
        ("pipeline:shpo", "pipeline:Shop", &[]),
    ] {
        let warned = warned(wrong, more);
        assert!(
            warned.starts_with("warning: ")
                && warned.ends_with(&format!(
                    ", so this may stop nothing; did you mean `{right}`?\n"
                )),
            "{wrong}: {warned}"
        );
    }
    assert_eq!(
        warned("group:Elsewhere/Nowhere", &[]),
        "warning: the ledger knows no deployment of Elsewhere/Nowhere, so this may stop nothing; \
         see `aws deploy list-deployment-groups --application-name Elsewhere`\n"
    );
    assert_eq!(
        warned("pipeline:Elsewhere", &[]),
        "warning: nothing is registered for pipeline Elsewhere, so this may stop nothing; see \
         `aws codepipeline list-pipelines`\n"
    );
    let unknown = warned("pipeline:Shop", &[alone]);
    assert!(
        unknown.ends_with("was not looked up: set VALIDATIONS_TABLE\n"),
        "{unknown}"
    );
    let lost = warned("pipeline:Shop", &[("VALIDATIONS_TABLE", "lost")]);
    assert!(lost.contains("could not be looked up"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_without_an_end_or_a_reason_is_refused() {
    let table = Table::start().await;
    for (arguments, missing) in [
        (&["pause", "--all", "--reason", "r"][..], "--for"),
        (&["pause", "--all", "--for", "2h"], "--reason"),
        (&["pause", "--for", "2h", "--reason", "r"], "--all"),
        (
            &["pause", "--all", "--for", "32d", "--reason", "r"],
            "31 days",
        ),
        (&["pause", "--all", "--for", "2", "--reason", "r"], "30m"),
        (
            &["pause", "--target", "Shop", "--for", "2h"],
            "pipeline:NAME",
        ),
    ] {
        let ran = table.run(arguments);
        assert_eq!(ran.code, 64, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(missing), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(table.listed(), Value::Array(Vec::new()));
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command runs in real time, and so do these stories"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}
