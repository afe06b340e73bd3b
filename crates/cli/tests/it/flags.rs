use std::path::{Path, PathBuf};

use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, SECRET_KEY};
use store::{Flags, tables};

use crate::{Ran, monspec_in};

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
