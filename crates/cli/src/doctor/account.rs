//! What the account must have.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use delivery::codedeploy::CodeDeploy;
use delivery::pipeline::{ActionKind, Structure};
use delivery::{CodePipeline, DeliveryError};
use futures_util::future::{join_all, join3};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use lambda::door::{self, WEBHOOK_TOKEN};
use lambda::report::{REPORT_KEYS, is_public};
use lambda::secrets::Secrets;
use lambda::settings::optional;
use lambda::tenant::API_TOKEN;
use release::links::Access;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use store::{Flags, Remediations, StoreError, Validations, tables};
use workflows::register_validation::rehearsal::{BehindOne, Rehearsed, Role, rehearse};

use super::result::{CheckResult, because, fail, ok, unchecked, warn};
use super::{Checked, HOOK_SECRET, Installation, lacks};
use crate::aws::now;

const PIPELINE: &str = "pipeline";
const GROUP: &str = "group";
const CLOCK: &str = "clock";
const DEPLOY: &str = "update the stack with `infra/deploy`";

/// How far a clock may be off: what is noticed, and what moves a window.
const CLOCK_SECONDS: (i64, i64) = (5, 60);

/// What a tenant sends to try out a connection.
const TEST: [(&str, &str); 4] = [
    ("State", "OPEN"),
    ("PID", "99999"),
    ("ProblemID", "999"),
    ("ProblemTitle", "Dynatrace problem notification test run"),
];

/// Whether each registering action will be accepted, and which groups it is
/// about.
pub(super) async fn pipelines(it: &Installation) -> Checked {
    if it.pipelines.is_empty() {
        return Err(lacks(PIPELINE, "name the pipeline with --pipeline"));
    }
    let (_, text) = it.spec(PIPELINE)?;
    let client = CodePipeline::new(aws_sdk_codepipeline::Client::new(&it.sdk));
    let told = it.pipelines.iter().map(async |name| {
        let structure = match client.structure(name).await {
            Ok(structure) => structure,
            Err(error) => {
                let fix = "check --pipeline, AWS_REGION and the rights of your credentials";
                return vec![fail(PIPELINE, name, because(error), fix)];
            }
        };
        let rehearsed = rehearse(name, &structure, text, &it.behind);
        let mut told = registering(name, &rehearsed);
        told.extend(groups(it, &structure).await);
        told
    });
    Ok(join_all(told).await.concat())
}

fn registering(pipeline: &str, rehearsed: &[Rehearsed]) -> Vec<CheckResult> {
    if rehearsed.is_empty() {
        let fix = "add a Lambda action behind the deployment that invokes register-validation";
        return vec![fail(
            PIPELINE,
            pipeline,
            "no action registers a validation",
            fix,
        )];
    }
    let told = rehearsed.iter().flat_map(|one| {
        let subject = format!("{pipeline}, {} / {}", one.stage, one.action);
        match &one.outcome {
            Err(refusal) => {
                let fix = "correct the action or the monspec; the job would be refused for this";
                vec![fail(PIPELINE, subject, &refusal.text, fix)]
            }
            Ok(planned) => {
                let answers = match &planned.approval {
                    Some(approval) => format!("and answers {approval}"),
                    None => "and answers no approval".to_owned(),
                };
                let said = format!("it registers {} {answers}", planned.comparison);
                let behind = planned.environments.iter().map(behind);
                [ok(PIPELINE, subject, said)]
                    .into_iter()
                    .chain(behind)
                    .collect()
            }
        }
    });
    told.collect()
}

fn behind(one: &BehindOne) -> CheckResult {
    let subject = &one.environment;
    let groups: Vec<String> = one.groups.iter().map(ToString::to_string).collect();
    let fix = "set DEPLOYMENT_GROUPS to the group behind its tag";
    match (groups.as_slice(), one.told_apart) {
        ([], _) if one.role == Role::Compare => {
            let said = "no deployment group is behind it, so a bad baseline is not detected";
            warn(GROUP, subject, said, fix)
        }
        ([], _) => fail(GROUP, subject, "no deployment group is behind it", fix),
        (groups, true) => ok(GROUP, subject, format!("behind it: {}", groups.join(", "))),
        (groups, false) => {
            let said = format!("any of these may be behind it: {}", groups.join(", "));
            warn(GROUP, subject, said, fix)
        }
    }
}

/// Whether CodeDeploy has every group that the pipeline deploys to.
async fn groups(it: &Installation, structure: &Structure) -> Vec<CheckResult> {
    let client = CodeDeploy::new(aws_sdk_codedeploy::Client::new(&it.sdk));
    let actions = structure.stages.iter().flat_map(|stage| &stage.actions);
    let targets = actions.filter_map(|action| match &action.kind {
        ActionKind::CodeDeploy(target) => Some(target),
        _ => None,
    });
    let told = targets.map(async |target| {
        let subject = format!("{}/{}", target.application, target.group);
        match client.latest(target).await {
            Ok(_) => ok(GROUP, subject, "CodeDeploy has it"),
            Err(error @ DeliveryError::NotFound { .. }) => {
                let fix = "correct the deploy action, or create the group";
                fail(GROUP, subject, because(error), fix)
            }
            Err(error) => {
                let fix = "grant your credentials codedeploy:GetDeploymentGroup";
                unchecked(GROUP, subject, because(error), fix)
            }
        }
    });
    join_all(told).await
}

/// Whether the tables are what the store needs.
pub(super) async fn tables(it: &Installation) -> Checked {
    const CHECK: &str = "table";
    let client = Client::new(&it.sdk);
    let all = [
        ("VALIDATIONS_TABLE", tables::VALIDATIONS),
        ("LEDGER_TABLE", tables::LEDGER),
        ("REMEDIATIONS_TABLE", tables::REMEDIATIONS),
        ("FLAGS_TABLE", tables::FLAGS),
    ];
    let told = all.into_iter().map(async |(setting, table)| {
        let Some(name) = optional(setting) else {
            return vec![unchecked(
                CHECK,
                setting,
                "not looked at",
                format!("set {setting}"),
            )];
        };
        match tables::differences(&client, table, &name).await {
            Ok(none) if none.is_empty() => {
                vec![ok(CHECK, name, "keys, index and time to live are right")]
            }
            Ok(differences) => {
                let told = differences.into_iter();
                told.map(|one| fail(CHECK, &name, one, DEPLOY)).collect()
            }
            Err(error) => {
                let fix = "grant your credentials dynamodb:DescribeTable and DescribeTimeToLive";
                vec![unchecked(CHECK, name, because(error), fix)]
            }
        }
    });
    Ok(join_all(told).await.concat())
}

/// Whether the schedules ran lately, by what each tick leaves behind.
pub(super) async fn schedules(it: &Installation) -> Checked {
    let builds = async |client, table| Validations::new(client, table).queue().last_beat().await;
    let problems = async |client, table| Remediations::new(client, table).queue().last_beat().await;
    let flags = async |client, table| Flags::new(client, table).queue().last_beat().await;
    // On the heap: together they are large.
    let (builds, problems, flags) = Box::pin(join3(
        schedule(it, "validate-builds", "VALIDATIONS_TABLE", builds),
        schedule(it, "handle-problem", "REMEDIATIONS_TABLE", problems),
        schedule(it, "change-flags", "FLAGS_TABLE", flags),
    ))
    .await;
    Ok(vec![builds, problems, flags])
}

async fn schedule(
    it: &Installation,
    function: &str,
    setting: &str,
    last_beat: impl AsyncFnOnce(Client, String) -> Result<Option<Timestamp>, StoreError>,
) -> CheckResult {
    const CHECK: &str = "schedule";
    let Some(table) = optional(setting) else {
        return unchecked(CHECK, function, "not looked at", format!("set {setting}"));
    };
    let client = Client::new(&it.sdk);
    let fix = "enable its rule in EventBridge, and read the function's log group";
    match last_beat(client, table).await {
        Ok(None) => fail(CHECK, function, "it never ran", fix),
        Ok(Some(at)) => {
            let ago = it.now.duration_since(at);
            let said = format!("it ran last at {at:.0}");
            match it.schedule.is_late(ago) {
                Some(false) => ok(CHECK, function, said),
                Some(true) => {
                    let minutes = ago.as_mins();
                    let said = format!("{said}, {minutes} minutes ago, with {}", it.schedule);
                    let fix = format!(
                        "{fix}; if the stack's Schedule is slower, give it with \
                            --schedule"
                    );
                    fail(CHECK, function, said, fix)
                }
                None => {
                    let said = format!("{said}, and the times of {} are unknown", it.schedule);
                    let fix = "give its longest gap, such as --schedule 'rate(15 minutes)'";
                    unchecked(CHECK, function, said, fix)
                }
            }
        }
        Err(error) => {
            let fix = "grant your credentials dynamodb:GetItem on its table";
            unchecked(CHECK, function, because(error), fix)
        }
    }
}

/// Whether every secret is there, encrypted, and can be used. None is shown.
pub(super) async fn secrets(it: &Installation) -> Checked {
    const CHECK: &str = "secret";
    let plain = it.secrets.plain().await.map_err(|error| {
        let fix = "grant your credentials ssm:GetParameters on the secrets";
        fail(CHECK, "all of them", because(error), fix)
    })?;
    let public = is_public().unwrap_or_default();
    let told = [API_TOKEN, REPORT_KEYS, WEBHOOK_TOKEN, HOOK_SECRET];
    let told = told.into_iter().map(|name| {
        let value = match it.known.get(name) {
            Ok(Some(value)) => value,
            Ok(None) if name == HOOK_SECRET || (name == REPORT_KEYS && public) => {
                return ok(CHECK, name, "none is configured, and none is needed");
            }
            Ok(None) => {
                return unchecked(
                    CHECK,
                    name,
                    "not looked at",
                    format!("set {name}_PARAMETER"),
                );
            }
            Err(error) => {
                let fix = "store it as a SecureString under this name";
                return fail(CHECK, name, because(error), fix);
            }
        };
        if let Err(why) = usable(name, value) {
            return fail(CHECK, name, why, "store another one under the same name");
        }
        if plain.contains(&name) {
            let fix = "delete the parameter and store it as a SecureString; rotate the secret";
            return fail(CHECK, name, "it is stored in plain text", fix);
        }
        stored(&it.secrets, name)
    });
    Ok(told.collect())
}

fn stored(secrets: &Secrets, name: &'static str) -> CheckResult {
    match secrets.direct(name) {
        None => ok("secret", name, "it is there and encrypted"),
        Some(_) => unchecked(
            "secret",
            name,
            "it was given directly, so the parameter that the functions read was not checked",
            format!("set {name}_PARAMETER instead"),
        ),
    }
}

fn usable(name: &str, value: &SecretString) -> Result<(), String> {
    match name {
        REPORT_KEYS => Access::signed(value).map(drop).map_err(because),
        WEBHOOK_TOKEN => door::check(value).map_err(because),
        _ => Ok(()),
    }
}

/// Whether a test notification gets in.
pub(super) async fn webhook(it: &Installation) -> Checked {
    const CHECK: &str = "webhook";
    let Some(url) = &it.webhook else {
        return Err(lacks(CHECK, "name its address with --webhook"));
    };
    let secret = it.known.get(WEBHOOK_TOKEN).ok().flatten();
    let Some(secret) = secret.and_then(door::current) else {
        return Err(lacks(CHECK, "set WEBHOOK_TOKEN_PARAMETER"));
    };
    if !["https://", "http://127.0.0.1:", "http://[::1]:"]
        .iter()
        .any(|safe| url.starts_with(safe))
    {
        let said = "the secret would be sent unencrypted";
        return Err(fail(CHECK, url, said, "write the address with https://"));
    }
    let mut body: serde_json::Map<String, Value> = TEST
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    body.insert("ImpactedEntities".to_owned(), json!([]));
    let request = it
        .http
        .post(url)
        .header("x-unbreakable-token", secret)
        .json(&body);
    let answered = async {
        let response = request.send().await?;
        Ok::<_, reqwest::Error>((response.status(), response.text().await?))
    };
    Ok(vec![match answered.await {
        Err(error) => {
            let fix = "check the address, and whether this machine may reach it";
            fail(CHECK, url, because(error.without_url()), fix)
        }
        Ok((status, text)) => heard(url, status, &text),
    }])
}

fn heard(url: &str, status: StatusCode, text: &str) -> CheckResult {
    const CHECK: &str = "webhook";
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    match status {
        _ if body["state"] == "test" => ok(CHECK, url, "it accepted a test notification"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => fail(
            CHECK,
            url,
            format!("it refused the secret of WEBHOOK_TOKEN ({status})"),
            "name the parameter that the function reads, or wait five minutes after a rotation",
        ),
        _ => fail(
            CHECK,
            url,
            format!("it answered {status} and not a test"),
            "check that it is the address of handle-problem, and read that function's log group",
        ),
    }
}

/// How far this machine's clock is from those of the tenant and of AWS.
pub(super) async fn clocks(it: &Installation) -> Checked {
    let tenant = async {
        let url = optional("DT_TENANT_URL").ok_or("set DT_TENANT_URL")?;
        let answered = it.http.get(url).send().await;
        let answered = answered.map_err(|error| because(error.without_url()))?;
        let date = answered
            .headers()
            .get("date")
            .and_then(|date| date.to_str().ok());
        date.and_then(moment)
            .ok_or_else(|| "it returns no time".to_owned())
    };
    let aws = async {
        let seen = Seen::default();
        let client = Client::new(&it.sdk);
        let asked = client.list_tables().limit(1).customize();
        // A refusal has the time as well.
        let answered = asked.interceptor(seen.clone()).send().await;
        let date = seen.0.lock().expect("no holder panics").take();
        date.as_deref()
            .and_then(moment)
            .ok_or_else(|| match answered {
                Ok(_) => "it returns no time".to_owned(),
                Err(error) => because(error),
            })
    };
    Ok(vec![
        apart("the tenant", tenant.await, now()),
        apart("AWS", aws.await, now()),
    ])
}

fn apart(who: &str, theirs: Result<Timestamp, String>, ours: Timestamp) -> CheckResult {
    let fix = "set the clock of this machine by NTP, or that of the tenant's cluster";
    let seconds = match theirs {
        Ok(theirs) => ours.duration_since(theirs).as_secs(),
        Err(why) => return unchecked(CLOCK, who, why, "check whether this machine reaches it"),
    };
    let said = format!("{} seconds from the clock of this machine", seconds.abs());
    match seconds.abs() {
        off if off <= CLOCK_SECONDS.0 => ok(CLOCK, who, said),
        off if off <= CLOCK_SECONDS.1 => warn(CLOCK, who, said, fix),
        _ => fail(CLOCK, who, said, fix),
    }
}

fn moment(date: &str) -> Option<Timestamp> {
    Some(rfc2822::parse(date).ok()?.timestamp())
}

/// The date of the last answer.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Option<String>>>);

impl Intercept for Seen {
    fn name(&self) -> &'static str {
        "Seen"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        *self.0.lock().expect("no holder panics") = date.map(str::to_owned);
        Ok(())
    }
}
