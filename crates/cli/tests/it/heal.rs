use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, Aws, SECRET_KEY};
use fake_dynatrace::Tenant;
use jiff::SignedDuration;
use release::problem::{Arrival, Problem};
use serde_json::Value;
use store::{Advanced, Ledger, Remediations, Taken, tables};

use crate::runs::second;
use crate::{Ran, monspec_in};

struct World {
    aws: Aws,
    dynamo: Dynamo,
    tenant: Tenant,
}

impl World {
    /// A service of production that nothing was deployed to.
    async fn start() -> Self {
        let dynamo = Dynamo::start().await.expect("loopback has a free port");
        let created = tables::create(&dynamo.client(), tables::LEDGER, "ledger").await;
        created.expect("the database is empty");
        let tenant = Tenant::start().await.expect("loopback has a free port");
        let service = tenant.service("SERVICE-00000000000000B1", "Cart");
        service.tag("DeploymentGroup", "Production").add();
        Self {
            aws: Aws::start().await.expect("loopback has a free port"),
            dynamo,
            tenant,
        }
    }

    fn explain(&self, arguments: &[&str]) -> Ran {
        self.explain_in(&[], arguments)
    }

    fn explain_in(&self, more: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let url = self.tenant.url();
        let settings = [
            ("AWS_ENDPOINT_URL", self.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamo.url()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("LEDGER_TABLE", "ledger"),
            ("DT_TENANT_URL", &url),
            ("DT_API_TOKEN", self.tenant.token()),
        ];
        let settings = [&settings, more].concat();
        monspec_in(&settings, &[&["heal", "explain"], arguments].concat(), "")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_without_a_deployment_is_explained() {
    let world = World::start().await;
    let problem = world.tenant.problem("Failure rate increase");
    let problem = problem.impacts("SERVICE-00000000000000B1").open();
    let named = format!("--problem={}", problem.id());

    let ran = world.explain(&[&named]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with("no change is to blame\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("SERVICE-00000000000000B1"), "{}", ran.out);

    let ran = world.explain(&[&named, "--json"]);
    let told: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(told["problem"], problem.id());
    assert_eq!(told["candidates"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_that_nobody_knows_exits_with_64() {
    let world = World::start().await;

    let ran = world.explain(&["--problem=-1_1V2"]);

    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert_eq!(ran.err, "monspec: the tenant knows no problem of this id\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn problem_is_explained_by_the_number_that_people_call_it() {
    let world = World::start().await;
    let open = world.tenant.problem("Failure rate increase");
    let open = open.impacts("SERVICE-00000000000000B1").open();
    let client = world.dynamo.client();
    let created = tables::create(&client, tables::REMEDIATIONS, "remediations").await;
    created.expect("the database is empty");
    let began = second(0);
    let patience = SignedDuration::from_hours(24);
    let mut known = Problem::heard_of(open.id(), Arrival::Webhook, began, patience);
    known.display_id = Some("P-77".to_owned());
    let remediations = Remediations::new(client, "remediations");
    let taken = remediations.take_notice(&known, "test", began, second(60));
    let Taken::Claimed(mut claimed) = taken.await.expect("it answers") else {
        panic!("somebody has it")
    };
    let ledger = Ledger::new(world.dynamo.client(), "ledger");
    let listed = remediations.advance(&ledger, &mut claimed, &[]).await;
    assert_eq!(listed.expect("it answers"), Advanced::Written);
    let table = [("REMEDIATIONS_TABLE", "remediations")];

    let ran = world.explain_in(&table, &["--problem", "P-77", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(told["problem"], open.id());
    let ran = world.explain_in(&table, &["--problem", "P-78"]);
    assert_eq!(ran.code, 64, "{}", ran.out);
    assert!(
        ran.err.contains("no problem `P-78` is known here"),
        "{}",
        ran.err
    );
    let ran = world.explain(&["--problem", "P-77"]);
    assert_eq!(ran.code, 64, "{}", ran.out);
    assert!(ran.err.contains("set REMEDIATIONS_TABLE"), "{}", ran.err);
}
