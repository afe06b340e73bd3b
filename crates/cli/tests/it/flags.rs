use std::path::{Path, PathBuf};

use ::flags::Value;
use ::flags::state::{Author, AuthorKind, State};
use ::flags::step::{Event, Outcome, Request, Situation, Target, Term, step};
use aws_sdk_dynamodb::types::AttributeValue;
use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, SECRET_KEY};
use jiff::{SignedDuration, Timestamp};
use store::{Commit, Decision, Flags, tables};

use crate::{Ran, monspec_in};

const FLAG: &str = "errorInjectionEnabled";

const ONE: &str = r#"{ "flags": {
    "errorInjectionEnabled": { "type": "boolean", "default": true }
} }"#;

struct Table(Dynamo);

impl Table {
    async fn start() -> Self {
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        let created = tables::create(&dynamo.client(), tables::FLAGS, "flags").await;
        created.expect("the database is empty");
        Self(dynamo)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Ran {
        let settings = [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.0.url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("FLAGS_TABLE", "flags"),
        ];
        monspec_in(&settings, &[&["flags"], arguments].concat(), input)
    }

    fn flags(&self) -> Flags {
        Flags::new(self.0.client(), "flags")
    }

    /// Somebody sets the flag so many minutes after the first.
    async fn set(&self, minutes: i64, value: bool, by: (&str, AuthorKind), term: Term) {
        let now = minute(minutes);
        let problem = match &term {
            Term::While { problem, .. } => Some(problem.clone()),
            Term::Stays | Term::Until(_) => None,
        };
        let request = Request {
            change: format!("c{minutes}"),
            batch: None,
            by: Author {
                name: by.0.to_owned(),
                kind: by.1,
            },
            why: "the checkout\u{1b}[2J fails".to_owned(),
            triggered_by: "manual".to_owned(),
            problem,
            expected: None,
        };
        let flags = self.flags();
        let event = Event::Set {
            to: Target::Value(Value::Boolean(value)),
            term,
        };
        let written = flags.change("prod", None, now, |found| {
            let set = found.set.as_ref().expect("it is declared");
            let untouched = State::default();
            let situation = Situation {
                set: "prod",
                flag: &set.declarations.flags[FLAG],
                state: set.states.get(FLAG).unwrap_or(&untouched),
                now,
            };
            let Outcome::Written(transition) = step(situation, &request, &event) else {
                panic!("{event:?} changes nothing");
            };
            let flags = vec![(FLAG.to_owned(), *transition)];
            let commit = Commit {
                flags,
                ..Commit::default()
            };
            Decision::Write(commit, ())
        });
        written.await.expect("it answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_is_planned_and_applied() {
    let table = Table::start().await;

    let ran = table.run(&["plan", "-"], ONE);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "+ errorInjectionEnabled\n"),
        "{}",
        ran.err
    );
    assert_eq!(table.flags().set("prod").await.expect("it answers"), None);

    let ran = table.run(&["apply", "-"], ONE);
    let told = "+ errorInjectionEnabled\napplied to `prod`, revision 1\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, told), "{}", ran.err);
    let set = table.flags().set("prod").await.expect("it answers");
    assert_eq!(set.expect("it was applied").declarations.flags.len(), 1);

    let harmless = ONE.replace("true", "true, \"harmless\": true");
    let ran = table.run(&["plan", "-"], &harmless);
    assert_eq!(ran.out, "~ errorInjectionEnabled: harmless\n");
    let ran = table.run(&["plan", "-"], ONE);
    assert_eq!(ran.out, "no flag changes\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_not_applied() {
    let table = Table::start().await;
    let required = ONE.replace("true", "true, \"events\": \"require\"");

    let ran = table.run(&["apply", "-"], &required);

    assert_eq!(ran.code, 65);
    assert!(
        ran.err
            .contains("an event is required that belongs to no entity"),
        "{}",
        ran.err
    );
    let ran = table.run(&["apply", "-"], "{}");
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("declares no flag"), "{}", ran.err);
    assert_eq!(table.flags().set("prod").await.expect("it answers"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn flag_that_requires_its_event_is_applied() {
    let table = Table::start().await;
    let example = include_str!("../../../flags/examples/flags.json");

    let ran = table.run(&["apply", "-"], example);

    assert_eq!(ran.code, 0, "{}", ran.err);
    let set = table.flags().set("prod").await.expect("it answers");
    let declared = set.expect("it was applied").declarations;
    let campaign = &declared.flags["promotionalPercent"];
    assert_eq!(campaign.events, flags::EventPolicy::Require);
}

#[tokio::test(flavor = "multi_thread")]
async fn example_is_right_and_mistakes_have_places() {
    let table = Table::start().await;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flags/examples/flags.json");
    let example: PathBuf = example;

    let ran = table.run(&["lint", example.to_str().expect("it is text")], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let ran = table.run(&["lint", "-"], &ONE.replace("boolean", "bolean"));
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("boolean"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_of_a_key_is_shown_once_and_never_stored() {
    let table = Table::start().await;

    let arguments = [
        "key",
        "create",
        "--name",
        "ann",
        "--holder",
        "person",
        "--scope",
        "read:prod",
    ];
    let ran = table.run(&arguments, "");

    assert_eq!(ran.code, 0, "{}", ran.err);
    let parts: Vec<&str> = ran.out.trim().splitn(3, '_').collect();
    let [_, id, secret] = parts[..] else {
        panic!("{}", ran.out)
    };
    let look = table
        .flags()
        .look("prod", Some(id))
        .await
        .expect("it answers");
    assert_eq!(look.key.expect("it is stored").name, "ann");
    let stored = table.0.client().scan().table_name("flags").send().await;
    assert!(!format!("{:?}", stored.expect("it answers").items()).contains(secret));

    let rotated = table.run(&["key", "rotate", id], "");
    assert!(rotated.out.starts_with(&format!("ubk_{id}_")) && rotated.out != ran.out);
    let ran = table.run(&["key", "revoke", id], "");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "the key of ann is revoked\n")
    );
    assert_eq!(table.run(&["key", "revoke", id], "").code, 64);
    let look = table
        .flags()
        .look("prod", Some(id))
        .await
        .expect("it answers");
    assert_eq!(look.key, None);
}

fn minute(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

#[tokio::test(flavor = "multi_thread")]
async fn history_says_who_why_and_what_was_different_from_then_on() {
    let table = Table::start().await;
    assert_eq!(table.run(&["apply", "-"], ONE).code, 0);
    let nothing = table.run(&["history", FLAG], "");
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (
            0,
            "nothing is written down of `errorInjectionEnabled` in `prod`\n"
        )
    );
    let (ann, rule) = (("ann", AuthorKind::Person), ("calm", AuthorKind::Rule));
    table.set(0, false, ann, Term::Stays).await;
    table.set(5, true, ann, Term::Until(minute(30))).await;
    let held = Term::While {
        problem: "P-1".to_owned(),
        longest: SignedDuration::from_mins(60),
    };
    table.set(10, false, rule, held).await;

    let ran = table.run(&["history", FLAG, "--limit", "2"], "");

    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            0,
            "version 3, 1970-01-01T00:10:00Z: Set from true to false for as long as P-1 is open\n  \
             who      calm, a rule (manual)\n  \
             why      the checkout\\u{1b}[2J fails\n  \
             problem  P-1\n  \
             value    true -> false\n  \
             until    1970-01-01T00:30:00Z -> 1970-01-01T01:10:00Z\n\
             version 2, 1970-01-01T00:05:00Z: Set from false to true for a time\n  \
             who      ann (manual)\n  \
             why      the checkout\\u{1b}[2J fails\n  \
             value    false -> true\n  \
             until    - -> 1970-01-01T00:30:00Z\n\
             older changes: --before 2\n"
        ),
        "{}",
        ran.err
    );
    let first = table.run(&["history", FLAG, "--before", "2", "--json"], "");
    let first: serde_json::Value = serde_json::from_str(&first.out).expect("it is JSON");
    let value = serde_json::json!({ "field": "value", "from": "true", "to": "false" });
    assert_eq!(first["changes"][0]["changed"], serde_json::json!([value]));
    assert_eq!(
        (&first["changes"][1], &first["older"], &first["broken"]),
        (
            &serde_json::Value::Null,
            &false.into(),
            &serde_json::Value::Null
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_was_altered_is_told() {
    let table = Table::start().await;
    assert_eq!(table.run(&["apply", "-"], ONE).code, 0);
    table
        .set(0, false, ("ann", AuthorKind::Person), Term::Stays)
        .await;
    let client = table.0.client();
    let stored = client.scan().table_name("flags").send().await;
    let stored = stored.expect("it answers");
    let mut items = stored.items().iter();
    let mut item = items
        .find(|item| item.contains_key("entry"))
        .expect("it is written down")
        .clone();
    let entry = item["entry"].as_s().expect("it is JSON");
    let altered = entry.replace("the checkout", "my checkout");
    assert_ne!(*entry, altered);
    item.insert("entry".to_owned(), AttributeValue::S(altered));
    let put = client.put_item().table_name("flags").set_item(Some(item));
    put.send().await.expect("the stand-in has no rights");

    let ran = table.run(&["history", FLAG], "");

    assert_eq!(ran.code, 1);
    let told = "this history is not what was written: version 1 was altered\n";
    assert!(ran.out.ends_with(told), "{}", ran.out);
}
