//! What answers a problem beside its remediations: runs of runbooks, and rules
//! that are applied.

use std::collections::BTreeMap;

use flags::Value;
use flags::state::{Author, AuthorKind, Since};
use jiff::SignedDuration;
use monspec::Tag;
use release::change::{Change, Place};
use release::condition::{Category, Comparison, Condition, Metric};
use release::configuration::{Cause, Configuration};
use release::ledger::Effect;
use release::problem::{Arrival, Problem, Reported};
use release::remediation::Guard;
use release::rule::application::{self, Application, Back, Became};
use release::rule::{Action, Mode as RuleMode, Restore, Rule};
use release::runbook::{
    Abort, About, Attempt, Causes, Check, Compat, Counts, Ended, Entity, Hosts, Input, JobAt, Kind,
    Marking, Means, Misfit, Mode, Needless, Older, Permission, Proof, Purpose, Refusal, Run,
    Runbook, Shape, State, Task, Template, Unfit, Unreadable, Unwell, Variable,
};
use serde_json::{Map, json};
use store::Heard;

use super::check;
use crate::world::{LEDGER, REMEDIATIONS, World, at};

/// A run in each state, for each reason.
#[tokio::test]
async fn stored_form_of_runs_is_kept() {
    let expected: Vec<Run> = states().into_iter().enumerate().map(run).collect();
    let steps = async |world: &World| {
        let mut worker = noticed(world).await;
        worker.problem.runs.clone_from(&expected);
        world.written(&mut worker, &[]).await;
    };
    let read = async |world: &World| {
        assert_eq!(world.problem("P-1").await.runs, expected);
    };
    check("runs", [REMEDIATIONS], steps, read).await;
}

/// A run that is a request to a receiver, in each state that differs.
#[tokio::test]
async fn stored_form_of_requests_is_kept() {
    let attempt = Attempt {
        purpose: Purpose::Real,
        floor: 0,
        marking: Marking::Variables,
        at: at(50),
        deadline: at(950),
        second: false,
    };
    let states = [
        State::Unknown {
            attempt,
            why: "502".to_owned(),
            again: Some(at(55)),
        },
        State::Verifying {
            ended: Ended {
                artifacts: object(&json!({"changed": true, "note": "back at 3"})),
                job: None,
                ..ended(false)
            },
        },
        State::Refused {
            why: Refusal::NotTaken { status: 403 },
        },
    ];
    let expected = states.into_iter().enumerate().map(run).map(|run| Run {
        runbook: Runbook {
            means: Means::Request {
                url: "https://ops.example.com/hooks/undo".to_owned(),
            },
            ..runbook(false)
        },
        ..run
    });
    let expected: Vec<Run> = expected.collect();
    let steps = async |world: &World| {
        let mut worker = noticed(world).await;
        worker.problem.runs.clone_from(&expected);
        world.written(&mut worker, &[]).await;
    };
    let read = async |world: &World| {
        assert_eq!(world.problem("P-1").await.runs, expected);
    };
    check("requests", [REMEDIATIONS], steps, read).await;
}

/// A rule in each state of its application, with each clause and each action.
#[tokio::test]
async fn stored_form_of_applications_is_kept() {
    let expected: Vec<Application> = applied()
        .into_iter()
        .enumerate()
        .map(|(number, state)| Application {
            rule: format!("rule-{number}"),
            at: at(20),
            state,
        })
        .collect();
    let steps = async |world: &World| {
        let mut worker = noticed(world).await;
        worker.problem.applications.clone_from(&expected);
        world.written(&mut worker, &[]).await;
    };
    let read = async |world: &World| {
        assert_eq!(world.problem("P-1").await.applications, expected);
    };
    check("applications", [REMEDIATIONS], steps, read).await;
}

/// Who holds an announced configuration, the guard of what takes it back, and what
/// people say of that.
#[tokio::test]
async fn stored_form_of_announced_configurations_is_kept() {
    let change = |title: &str| {
        Change::Configuration(Configuration {
            event: event(title),
            target: "runbook#stop#web-1".to_owned(),
        })
    };
    let steps = async |world: &World| {
        let mut worker = noticed(world).await;
        let said = |who: &str| who.to_owned();
        let permissions = [
            ("r-1", Permission::Given { who: said("ann") }),
            ("r-2", Permission::Refused { who: said("bob") }),
        ];
        for (run, permission) in permissions {
            let heard = world
                .remediations
                .say("P-1", run, &permission, at(40))
                .await;
            assert_eq!(heard.unwrap(), Heard::Stored);
        }
        let effects = [
            Effect::Blame {
                change: change("rate"),
            },
            Effect::Blame {
                change: change("page"),
            },
            Effect::Guard {
                place: Place::Runbook("runbook#stop#web-1".to_owned()),
                from: Guard::default(),
                to: Guard {
                    active: Some("P-1".to_owned()),
                    cooldown_until: Some(at(900)),
                    heals: vec![at(50)],
                },
            },
        ];
        world.written(&mut worker, &effects).await;
        let condemned = [Effect::Condemn {
            change: change("page"),
        }];
        world.written(&mut worker, &condemned).await;
        let queue = world.remediations.queue();
        queue.defer(worker, at(60)).await.unwrap();
    };
    let read = async |world: &World| {
        let ledger = &world.ledger;
        for (title, holder, by) in [
            ("rate", Some("P-1"), "problem P-1"),
            ("page", Some("P-1"), "problem P-1"),
        ] {
            let known = ledger.known_of(&event(title)).await.unwrap();
            assert_eq!(known.bound_to.as_deref(), holder, "{title}");
            assert_eq!(known.said.by, by, "{title}");
        }
        let place = Place::Runbook("runbook#stop#web-1".to_owned());
        let guard = ledger.guard(&place).await.unwrap();
        assert_eq!(guard.active.as_deref(), Some("P-1"));
        let claimed = world.claim_problem("P-1", 60, "next").await.unwrap();
        let who = |run: &str| match &claimed.permissions[run] {
            Permission::Given { who } => format!("yes {who}"),
            Permission::Refused { who } => format!("no {who}"),
        };
        assert_eq!(
            (who("r-1"), who("r-2")),
            ("yes ann".into(), "no bob".into())
        );
    };
    check("announced", [LEDGER, REMEDIATIONS], steps, read).await;
}

async fn noticed(world: &World) -> store::ClaimedProblem {
    let patience = SignedDuration::from_hours(24);
    let mut heard = Problem::heard_of("P-1", Arrival::Webhook, at(0), patience);
    heard.display_id = Some("P-2611001".to_owned());
    heard.title = Some("Failure rate".to_owned());
    let noticed = world.remediations.notice(&heard, Reported::Open, at(0));
    noticed.await.unwrap();
    world.claim_problem("P-1", 0, "worker").await.unwrap()
}

fn event(title: &str) -> Cause {
    Cause {
        id: "e-1".to_owned(),
        kind: "CUSTOM_CONFIGURATION".to_owned(),
        at: at(10),
        title: title.to_owned(),
        source: "Ansible Tower".to_owned(),
    }
}

/// One that says everything; every second one says as little as it may.
fn run((number, state): (usize, State)) -> Run {
    let says_all = number.is_multiple_of(2);
    Run {
        id: format!("r-{number}"),
        runbook: runbook(says_all),
        problem: "P-1".to_owned(),
        cause: event("rate"),
        about: if says_all {
            About {
                display: Some("P-2611001".to_owned()),
                // It had another title when this was decided.
                title: Some(["Failure rate", "Slow"][number / 2 % 2].to_owned()),
                severity: Some("ERROR".to_owned()),
                url: Some("https://tenant.example.com/#problems/P-1".to_owned()),
                entities: vec![Entity {
                    kind: "SERVICE".to_owned(),
                    name: "cart".to_owned(),
                    entity: "SERVICE-1".to_owned(),
                }],
            }
        } else {
            About::default()
        },
        input: if says_all {
            Input {
                variables: object(&json!({"promotion_rate": "0", "before": 5})),
                limit: Some("web-1".to_owned()),
            }
        } else {
            Input::default()
        },
        holds: says_all,
        guards: says_all,
        allowed: says_all.then(|| "ann".to_owned()),
        checked: says_all.then(|| ended(true)),
        named: says_all.then_some(41),
        state,
    }
}

fn runbook(says_all: bool) -> Runbook {
    let least = Runbook {
        alias: "stop-campaign".to_owned(),
        on: "awx".to_owned(),
        means: Means::Template(template()),
        aliases: Vec::new(),
        causes: Causes {
            events: vec!["CUSTOM_CONFIGURATION".to_owned()],
            sources: vec!["Ansible Tower".to_owned()],
            tag: None,
        },
        variables: BTreeMap::new(),
        limit: Some(Hosts::Entity(vec!["web-1".to_owned()])),
        mode: Mode::Shadow,
        check: Check::None,
        timeout: SignedDuration::from_mins(15),
        cooldown: SignedDuration::from_mins(30),
        per_day: 3,
        proof: None,
        older: Older::Refuse,
        compat: Compat::None,
    };
    if !says_all {
        return least;
    }
    let from = |is| Variable::From {
        property: "oldValue".to_owned(),
        is,
    };
    let variables = [
        ("rate", Variable::Const(json!("0"))),
        ("whole", from(Shape::Int { min: 0, max: 100 })),
        ("part", from(Shape::Number { min: 0.5, max: 1.0 })),
        ("on", from(Shape::Bool)),
        (
            "why",
            from(Shape::Text {
                matches: "[a-z ]+".to_owned(),
            }),
        ),
    ];
    let variables = variables.map(|(name, variable)| (name.to_owned(), variable));
    Runbook {
        means: Means::Template(Template {
            kind: Kind::Job,
            organization: Some("Default".to_owned()),
            playbook: Some("stop.yml".to_owned()),
            project: Some("runbooks".to_owned()),
            ..template()
        }),
        aliases: vec!["https://old-tower/#/templates/job_template/7".to_owned()],
        causes: Causes {
            tag: Some("environment:production".to_owned()),
            ..least.causes
        },
        variables: variables.into(),
        limit: Some(Hosts::These("web-*".to_owned())),
        mode: Mode::Auto,
        check: Check::Before,
        proof: Some(Proof {
            artifact: "unbreakable.after".to_owned(),
            equals: json!(0),
        }),
        older: Older::Allow,
        compat: Compat::Seed,
        ..least
    }
}

fn template() -> Template {
    Template {
        kind: Kind::Workflow,
        id: 18,
        name: "stop-campaign".to_owned(),
        organization: None,
        playbook: None,
        project: None,
    }
}

fn object(json: &serde_json::Value) -> Map<String, serde_json::Value> {
    json.as_object().unwrap().clone()
}

fn ended(says_all: bool) -> Ended {
    let least = Ended {
        job: Some(job(42)),
        status: "successful".to_owned(),
        at: at(300),
        seconds: None,
        counts: None,
        artifacts: Map::new(),
        task: None,
        tail: String::new(),
        explanation: String::new(),
        revision: String::new(),
    };
    if !says_all {
        return least;
    }
    Ended {
        seconds: Some(12),
        counts: Some(Counts {
            ok: 1,
            changed: 2,
            failures: 3,
            dark: 4,
            skipped: 5,
        }),
        artifacts: object(&json!({"unbreakable": {"after": 0}})),
        task: Some(Task {
            name: "set the rate".to_owned(),
            host: "web-1".to_owned(),
            message: "no such campaign".to_owned(),
        }),
        tail: "PLAY RECAP".to_owned(),
        explanation: "it went well".to_owned(),
        revision: "4f1c".to_owned(),
        ..least
    }
}

fn job(id: u64) -> JobAt {
    JobAt {
        id,
        kind: Kind::Job,
        page: Some(format!("https://awx.example.com/#/jobs/playbook/{id}")),
    }
}

#[expect(clippy::too_many_lines, reason = "every state is there")]
fn states() -> Vec<State> {
    let attempt = |purpose| Attempt {
        purpose,
        floor: 40,
        marking: Marking::Variables,
        at: at(50),
        deadline: at(950),
        second: false,
    };
    let real = || attempt(Purpose::Real);
    let ended = || self::ended(true);
    let closed = at(900);
    let aborts = [
        Abort::Differs {
            differences: "the limit".to_owned(),
        },
        Abort::Overdue,
        Abort::Closed,
        Abort::Person {
            who: "ann".to_owned(),
        },
    ];
    let mut states = vec![
        State::Asked,
        State::Joined {
            problem: "P-0".to_owned(),
        },
        State::Waiting { since: at(45) },
        State::Intended { attempt: real() },
        State::Unknown {
            attempt: Attempt {
                marking: Marking::Sole,
                second: true,
                ..attempt(Purpose::Check)
            },
            why: "502".to_owned(),
            again: None,
        },
        State::Again { first: real() },
        State::Launched {
            attempt: real(),
            job: job(42),
            status: "pending".to_owned(),
            explanation: "waiting for its turn".to_owned(),
            differs: vec!["limit".to_owned()],
            others: vec![JobAt {
                kind: Kind::Workflow,
                page: None,
                ..job(43)
            }],
        },
        State::Verifying { ended: ended() },
        State::Healed {
            ended: ended(),
            closed,
        },
        State::Late {
            ended: ended(),
            closed,
        },
        State::Unconfirmed { ended: ended() },
        State::Unconfirmed { ended: ended() },
        State::Aborted {
            purpose: Purpose::Real,
            job: job(42),
            why: Abort::Closed,
            status: "canceled".to_owned(),
        },
        State::Stuck {
            purpose: Purpose::Check,
            job: job(42),
            why: Abort::Overdue,
        },
        State::Gone {
            purpose: Purpose::Real,
            job: job(42),
        },
        State::Lost {
            purpose: Purpose::Real,
            why: "no answer".to_owned(),
        },
        State::Shadowed { checked: None },
        State::Shadowed {
            checked: Some(self::ended(false)),
        },
        State::GaveUp,
    ];
    states.extend(aborts.map(|why| State::Aborting {
        attempt: real(),
        job: job(42),
        wished: (why == Abort::Overdue).then(|| at(700)),
        why,
        since: at(600),
    }));
    let unwell = unwell().into_iter();
    states.extend(unwell.map(|why| State::Failed {
        ended: ended(),
        why,
    }));
    let refusals = refusals().into_iter();
    states.extend(refusals.map(|why| State::Refused { why }));
    let needless = [
        Needless::Closed,
        Needless::Older,
        Needless::Stale { minutes: 31 },
    ];
    states.extend(needless.map(|why| State::NotNeeded { why }));
    states
}

fn unwell() -> Vec<Unwell> {
    let artifact = || "unbreakable.after".to_owned();
    vec![
        Unwell::Status {
            status: "failed".to_owned(),
        },
        Unwell::NoHosts,
        Unwell::Hosts {
            failures: 1,
            dark: 2,
        },
        Unwell::Uncounted,
        Unwell::NoProof {
            artifact: artifact(),
        },
        Unwell::Disproved {
            artifact: artifact(),
            is: "5".to_owned(),
            wanted: "0".to_owned(),
        },
    ]
}

fn refusals() -> Vec<Refusal> {
    let alias = || "stop-campaign".to_owned();
    let what = || "template 7".to_owned();
    let target = || "runbook#stop#web-1".to_owned();
    let mut refusals = vec![
        Refusal::Foreign {
            place: "https://elsewhere.example.com".to_owned(),
        },
        Refusal::Unlisted { what: what() },
        Refusal::Ambiguous { what: what() },
        Refusal::NotFor {
            alias: alias(),
            what: what(),
        },
        Refusal::Hidden { alias: alias() },
        Refusal::Limit {
            alias: alias(),
            entity: "db-1".to_owned(),
        },
        Refusal::TooLarge { alias: alias() },
        Refusal::Changed { alias: alias() },
        Refusal::Denied {
            who: "ann".to_owned(),
        },
        Refusal::SwitchedOff,
        Refusal::Cooldown {
            target: target(),
            until: at(900),
        },
        Refusal::TooOften {
            target: target(),
            count: 3,
            hours: 24,
        },
        Refusal::Rejected {
            status: 400,
            text: "no".to_owned(),
        },
        Refusal::CheckFailed {
            why: "it ended as failed".to_owned(),
        },
    ];
    let unreadable = [
        Unreadable::Type("puppet".to_owned()),
        Unreadable::Credentials,
        Unreadable::Query,
        Unreadable::Path,
        Unreadable::Form,
    ];
    refusals.extend(unreadable.map(|why| Refusal::Action { why }));
    let misfits = [
        Misfit::Missing {
            property: "oldValue".to_owned(),
        },
        Misfit::Type {
            wanted: "a whole number".to_owned(),
            said: "5%".to_owned(),
        },
        Misfit::Template,
    ];
    refusals.extend(misfits.map(|why| Refusal::Variable {
        alias: alias(),
        name: "before".to_owned(),
        why,
    }));
    let named = || "another".to_owned();
    let unfit = [
        Unfit::Gone,
        Unfit::Renamed(named()),
        Unfit::Organization(named()),
        Unfit::Project(named()),
        Unfit::Playbook(named()),
        Unfit::NoLimit,
        Unfit::NoCheck,
        Unfit::OnlyChecks(named()),
        Unfit::NoVariables(named()),
        Unfit::Needs(named()),
        Unfit::Password(named()),
        Unfit::Inventory,
    ];
    refusals.extend(unfit.map(|why| Refusal::Template {
        alias: alias(),
        why,
    }));
    refusals
}

fn applied() -> Vec<application::State> {
    use application::State;

    let became = [
        (
            "a",
            Became::Set {
                before: Value::Boolean(false),
                after: Value::Boolean(true),
            },
        ),
        ("b", Became::Already),
        ("c", Became::Blamed),
        (
            "d",
            Became::Taken {
                by: "rule-0".to_owned(),
            },
        ),
    ];
    let became: BTreeMap<_, _> = became.map(|(flag, one)| (flag.to_owned(), one)).into();
    let by = Since {
        change: "c-9".to_owned(),
        by: Author {
            name: "ann".to_owned(),
            kind: AuthorKind::Person,
        },
        at: at(700),
    };
    let back = [
        (
            "a",
            Back::Given {
                value: Value::Integer(5),
            },
        ),
        ("b", Back::Shared),
        ("c", Back::Later),
        ("d", Back::Superseded { by }),
        ("e", Back::Gone),
        ("f", Back::Ended),
        ("g", Back::Blamed),
    ];
    let back = back.map(|(flag, one)| (flag.to_owned(), one)).into();
    let mut states: Vec<State> = rules()
        .map(|rule| State::Applying {
            as_matched: Box::new(rule),
        })
        .into();
    states.extend([
        State::Holding {
            flags: became.clone(),
        },
        State::Kept { flags: became },
        State::Ended { flags: back },
        State::Shadowed,
        State::Refused {
            why: "it was followed too often".to_owned(),
        },
        State::NotNeeded {
            why: "the problem is closed".to_owned(),
        },
        State::GaveUp,
    ]);
    states
}

/// Rules with every clause, and every kind of action.
pub(super) fn rules() -> [Rule; 4] {
    let all = Condition {
        category: vec![
            Category::Availability,
            Category::Error,
            Category::Performance,
            Category::ResourceContention,
            Category::CustomAlert,
            Category::MonitoringUnavailable,
        ],
        entity_types: vec!["SERVICE".to_owned()],
        min_services: Some(2),
        title_contains: Some("rate".to_owned()),
        tags: vec![
            Tag {
                context: Some("CONTEXTLESS".to_owned()),
                key: "app".to_owned(),
                value: Some("shop".to_owned()),
            },
            Tag {
                context: None,
                key: "production".to_owned(),
                value: None,
            },
        ],
        metric: Some(metric(Comparison::Above)),
    };
    let measured = |op| Condition {
        metric: Some(metric(op)),
        ..Condition::default()
    };
    let set = [("a", json!(true)), ("b", json!(1.5))];
    [
        Rule {
            description: Some("fewer offers".to_owned()),
            when: all,
            action: Action::Set(set.map(|(flag, to)| (flag.to_owned(), to)).into()),
            ttl: Some(SignedDuration::from_mins(30)),
            restore: Restore::OnClose,
            mode: RuleMode::Auto,
            max_per_day: 6,
        },
        Rule {
            description: None,
            when: measured(Comparison::AtLeast),
            action: Action::Preset("calm".to_owned()),
            ttl: None,
            restore: Restore::Never,
            mode: RuleMode::Shadow,
            max_per_day: 1,
        },
        Rule {
            description: None,
            when: measured(Comparison::AtMost),
            action: Action::Ramp {
                flag: "canary".to_owned(),
                to: json!(0),
                duration: SignedDuration::from_mins(10),
            },
            ttl: None,
            restore: Restore::OnClose,
            mode: RuleMode::Off,
            max_per_day: 2,
        },
        Rule {
            description: None,
            when: measured(Comparison::Below),
            action: Action::Set(BTreeMap::new()),
            ttl: None,
            restore: Restore::OnClose,
            mode: RuleMode::Off,
            max_per_day: 2,
        },
    ]
}

fn metric(op: Comparison) -> Metric {
    Metric {
        selector: "builtin:service.errors.total.rate".to_owned(),
        op,
        value: 2.5,
        window: SignedDuration::from_mins(5),
        entity_type: "SERVICE".to_owned(),
    }
}
