//! A report with something to read in it, behind an address.

use fake_aws::pipeline::{Mode, SourceRevision};
use jiff::{SignedDuration, Timestamp};
use lab::world::SHOW;
use lambda_host::binaries::{self, Profile};
use lambda_host::front::{Front, Open};
use lambda_host::runtime::{Function, Settings};
use monspec::Verdict;
use release::deployment::{self, Deployment, Group};
use release::link::Scope;
use release::links::{Access, OPEN_FOR};
use release::validation::ValidationId;
use secrecy::SecretString;

use super::flags;
use super::tab::Origin;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, only};

/// The file that the format's own documentation shows.
const MONSPEC: &str = include_str!("../../../../monspec/examples/monspec.json");

const COMPARISON: &str = "StagingToProduction";

/// A build, by what its commit says, and what staging is like with it:
/// milliseconds per request, and the share of requests that fail. Nothing is
/// known of one without traffic.
struct Build(&'static str, Option<(f64, f64)>);

/// The last one is what a gate is there for.
const BUILDS: [Build; 16] = [
    Build("Show the delivery date", Some((101.0, 0.001))),
    Build("Round prices to cents", Some((98.0, 0.0))),
    Build("Warn of an empty cart", Some((104.0, 0.001))),
    Build("Update dependencies", Some((99.0, 0.0))),
    Build("Sort offers by rating", Some((162.0, 0.0))),
    Build("Sort offers in the database", Some((97.0, 0.001))),
    Build("Translate the checkout", Some((102.0, 0.0))),
    Build("Move the load test to another account", None),
    Build("Bring the load test back", Some((105.0, 0.001))),
    Build("Keep the cart for a week", Some((103.0, 0.0))),
    Build("Cache the price list", Some((96.0, 0.0))),
    Build("Ask the new stock service", Some((111.0, 0.14))),
    Build("Ask the old stock service again", Some((108.0, 0.001))),
    Build("Show what others bought", Some((106.0, 0.0))),
    Build("Round weights to grams", Some((109.0, 0.001))),
    Build("Ask for every price twice", Some((268.0, 0.22))),
];

/// Gates of other teams, by pipeline and last verdict.
const OTHERS: [(&str, &str); 5] = [
    ("CartService", "passed"),
    ("PaymentService", "passed"),
    ("PriceList", "inconclusive"),
    ("SearchIndexerOfTheWarehouseWithAVeryLongName", "passed"),
    ("WebShop", "passed"),
];

/// A report, and links into it.
pub(super) struct Site {
    report: Open,
    access: Access,
    until: Timestamp,
    /// The build that failed.
    pub(super) failed: ValidationId,
    /// A build that could not be judged.
    pub(super) inconclusive: ValidationId,
    /// A build that was replaced because of a problem before it was judged.
    pub(super) healed: ValidationId,
    _world: World,
}

impl Site {
    pub(super) async fn start() -> Self {
        let now = real_time();
        let mut world = World::start(dynatrace::Api::V2).await;
        world.gate_in(
            Mode::Parallel,
            &format!("{GATE},#{{codepipeline.PipelineExecutionId}}"),
        );
        let apart = SignedDuration::from_hours(5);
        let builds = i32::try_from(BUILDS.len()).unwrap();
        world.at(now - apart * (builds + 1));
        let healed = healed_away(&mut world).await;
        world.at(now - apart * builds);
        let mut judged = Vec::new();
        for (number, build) in (0x4f_2a_9c_u32..).step_by(0x1_31_57).zip(BUILDS) {
            let before = world.now;
            judged.push(passed_through(&mut world, number, &build).await);
            world.at(before + apart);
        }
        release(&world, 0x0b_81_d0, "Ask for every price once").await;
        flags::are_changed(&mut world, now).await;
        for (pipeline, verdict) in OTHERS {
            world.like_the_first_gate(pipeline, verdict).await;
        }
        let with = |verdict: Verdict| {
            let found = judged.iter().rfind(|(_, found)| *found == verdict);
            found.expect("the builds end in every way").0
        };

        let keys = format!("a:{}", "k".repeat(32));
        let binary = tokio::task::spawn_blocking(|| binaries::function(SHOW, Profile::Dev));
        let environment = [
            ("VALIDATIONS_TABLE", "validations"),
            ("LEDGER_TABLE", "ledger"),
            ("REMEDIATIONS_TABLE", "remediations"),
            ("FLAGS_TABLE", "flags"),
            ("AWS_ENDPOINT_URL", world.aws.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", world.database()),
            ("REPORT_KEYS", &keys),
        ];
        let binary = binary.await.unwrap().unwrap();
        let function = Function::spawn(&binary, &environment, Settings::default()).await;
        Self {
            report: Front::bind().await.unwrap().open(function.unwrap()),
            access: Access::signed(&SecretString::from(keys)).unwrap(),
            until: now + OPEN_FOR,
            failed: with(Verdict::Failed),
            inconclusive: with(Verdict::Inconclusive),
            healed,
            _world: world,
        }
    }

    /// The only place that its pages may ask.
    pub(super) fn origin(&self) -> Origin {
        Origin::OfPages(self.report.url().to_owned())
    }

    /// The address of this page, or of none.
    pub(super) fn address(&self, page: &str) -> String {
        format!("{}/{page}", self.report.url())
    }

    pub(super) fn start_page(&self) -> String {
        self.link("", Scope::Start)
    }

    pub(super) fn history(&self) -> String {
        let scope = Scope::History {
            pipeline: PIPELINE,
            comparison: COMPARISON,
        };
        self.link("history", scope)
    }

    pub(super) fn evaluation(&self, id: ValidationId) -> String {
        self.link(&format!("v/{id}"), Scope::Evaluation(id))
    }

    pub(super) fn changes(&self) -> String {
        self.link("changes", Scope::Changes)
    }

    /// The history of a flag, with its two newest entries compared.
    pub(super) fn flag(&self) -> String {
        let page = format!("changes/{}", flags::CHANGED);
        let link = self.link(&page, Scope::Flag(flags::CHANGED));
        format!("{link}&from=2&to=3")
    }

    fn link(&self, page: &str, scope: Scope<'_>) -> String {
        let base = self.address("");
        self.access.address(&base, page, scope, &[], self.until)
    }
}

/// Takes one build through the gate.
async fn passed_through(
    world: &mut World,
    number: u32,
    Build(summary, staging): &Build,
) -> (ValidationId, Verdict) {
    for service in [STAGING, PRODUCTION] {
        world.tenant.forget_data(service);
    }
    world.traffic(PRODUCTION, 100.0, 0.002);
    if let Some((milliseconds, failing)) = staging {
        world.traffic(STAGING, *milliseconds, *failing);
    }
    release(world, number, summary).await;
    for _ in 0..4 {
        let ticked = world.pass_window().await;
        let mut looks = ticked.looks.into_iter();
        if let Some((id, judged)) =
            looks.find_map(|one| Some((one.about.registration.id, one.about.judged?)))
        {
            return (id, judged.verdict);
        }
    }
    panic!("{number:07x} was not judged")
}

/// A build whose group was healed within its window, while a problem was open.
async fn healed_away(world: &mut World) -> ValidationId {
    world.traffic(PRODUCTION, 100.0, 0.002);
    world.traffic(STAGING, 310.0, 0.3);
    release(world, 0x0a_11_e5, "Ask for every price three times").await;
    world.advance(SignedDuration::from_mins(2));
    let problem = world.tenant.problem("Failure rate increase");
    let problem = problem.impacts(STAGING).open();
    world.hold_against("Staging", problem.id()).await;
    let heal = Deployment {
        id: "d-4HEAL4PRC".to_owned(),
        group: Group {
            application: "SampleDevOpsApp".to_owned(),
            name: "Staging".to_owned(),
        },
        at: world.now,
        execution: None,
        identity: "sources:Monspec=0".to_owned(),
        location: None,
        digest: None,
        version: "0".to_owned(),
        origin: deployment::Origin::Heal,
    };
    world.ledger.record_deployment(&heal).await.unwrap();
    world.advance(SignedDuration::from_mins(2));
    problem.resolve(world.now.as_millisecond());
    only(&world.pass_window().await)
}

/// Starts an execution with the monspec as it was written, and registers it.
async fn release(world: &World, number: u32, summary: &str) {
    let source = SourceRevision::new(&format!("{number:07x}"), summary);
    let source = source.artifact("Monspec", MONSPEC.to_owned());
    world.aws.pipelines().start(PIPELINE, source).unwrap();
    world.run_jobs().await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real binary, which shows these builds, has a clock"
)]
fn real_time() -> Timestamp {
    Timestamp::now()
}
