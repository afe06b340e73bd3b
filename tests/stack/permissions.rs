//! No role has a right that its function does not need.
//!
//! In one running stack the policy of a role loses one action of one statement,
//! in place. The function must then be refused that action, and write so, and its
//! story go differently; once the policy is whole again, it goes as before. That
//! is how rights to tables and secrets are proven, which the emulator enforces.
//! Those at `CodePipeline` and `CodeDeploy`, which are stand-ins, are held against
//! what the function asked for: each action on each resource, on neither side
//! more. Those to logs, to the queue of failures and to bundles are not proven.
//!
//! `RIGHTS=validate-builds/Ledger` proves what has this in its name, `RIGHTS=all`
//! everything; without it, one right of each function is proven.

use std::collections::BTreeSet;
use std::fmt;

use fake_aws::Right;
use serde_json::Value;

use crate::shop::{Shop, now};
use crate::stories::{PARAMETERS, Stories};

#[tokio::test(flavor = "multi_thread")]
async fn every_right_is_needed() {
    let mut shop = Shop::start().await;
    let token = shop.tenant.token().to_owned();
    shop.deploy(&token, &PARAMETERS).await;
    let stories = Stories::of(shop);
    let (mut proven, mut wrong) = (0, Vec::new());
    for (role, function, policy) in stories.shop.account.policies() {
        let one_by_one = one_by_one(&function, &policy);
        let chosen: Vec<&OneRight> = chosen(&one_by_one);
        for right in &chosen {
            stories
                .allow(&role, &function, &right.missing_in(&policy))
                .await;
            let before = now();
            let missed = stories.tell(&function).await;
            let written = stories.shop.account.written(&function, before);
            stories.allow(&role, &function, &policy).await;
            let whole = stories.tell(&function).await;
            let how = match &missed {
                Ok(()) => "NOT MISSED".to_owned(),
                Err(how) if !right.is_refused_in(&written) => format!("NOT REFUSED: {how:#}"),
                Err(how) => format!("{how:#}").chars().take(110).collect(),
            };
            say(&format!("{right:62} {how}"));
            if how.starts_with("NOT ") {
                wrong.push(format!("{right}: {how}"));
            }
            if let Err(error) = whole {
                wrong.push(format!("{right} is there again, and yet: {error:#}"));
            }
            proven += 1;
        }
        if !chosen.is_empty() {
            wrong.extend(unequal(&function, &policy, &stories.rights_used()));
        }
    }
    say(&format!("{proven} rights were taken away, one by one"));
    assert!(0 < proven, "no right has this in its name");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

impl Stories {
    /// The role has this policy from now on, and its function knows nothing of
    /// what it was allowed before.
    async fn allow(&self, role: &str, function: &str, policy: &Value) {
        let account = &self.shop.account;
        account.allow(role, function, policy).await;
        account.renew(&format!("unbreakable-{function}")).await;
    }
}

/// One action of one statement, which the emulator enforces.
struct OneRight {
    function: String,
    /// The place of the statement.
    index: usize,
    statement: String,
    action: String,
}

impl fmt::Display for OneRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (function, statement) = (&self.function, &self.statement);
        f.pad(&format!("{function}/{statement}/{}", self.action))
    }
}

impl OneRight {
    /// Whether the function was refused this action, and wrote so: a story may
    /// go differently for other reasons.
    fn is_refused_in(&self, log: &str) -> bool {
        let refusal = format!("is not authorized to perform: {} ", self.action);
        log.contains(&refusal)
    }

    /// The policy without it.
    fn missing_in(&self, policy: &Value) -> Value {
        let mut policy = policy.clone();
        let statements = policy["Statement"].as_array_mut().unwrap();
        let mut left = texts(&statements[self.index]["Action"]);
        left.retain(|action| *action != self.action);
        if left.is_empty() {
            statements.remove(self.index);
        } else {
            statements[self.index]["Action"] = left.into();
        }
        policy
    }
}

fn one_by_one(function: &str, policy: &Value) -> Vec<OneRight> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let statements = statements.enumerate();
    let rights = statements.filter(|(_, statement)| statement["Effect"] == "Allow");
    let rights = rights.flat_map(|(index, statement)| {
        let enforced = texts(&statement["Action"]).into_iter();
        let enforced = enforced.filter(|action| is_of(action, &["dynamodb", "ssm"]));
        enforced.map(move |action| OneRight {
            function: function.to_owned(),
            index,
            statement: statement["Sid"].as_str().unwrap().to_owned(),
            action,
        })
    });
    rights.collect()
}

#[expect(clippy::disallowed_methods, reason = "a test may be asked for more")]
fn chosen(rights: &[OneRight]) -> Vec<&OneRight> {
    match std::env::var("RIGHTS").as_deref() {
        Err(_) => rights
            .iter()
            .rfind(|right| is_of(&right.action, &["dynamodb"]))
            .into_iter()
            .collect(),
        Ok("all") => rights.iter().collect(),
        Ok(part) => {
            let named = rights.iter();
            named
                .filter(|right| right.to_string().contains(part))
                .collect()
        }
    }
}

/// What a function used at the stand-ins without being allowed to, and what it
/// is allowed there and did not use.
fn unequal(function: &str, policy: &Value, used: &BTreeSet<Right>) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let statements: Vec<(Vec<String>, Vec<String>)> = statements
        .map(|statement| (texts(&statement["Action"]), texts(&statement["Resource"])))
        .collect();
    let covers = |(actions, resources): &(Vec<String>, Vec<String>), right: &Right| {
        let mut resources = resources.iter();
        actions.contains(&right.action) && resources.any(|one| matches(one, &right.resource))
    };
    let mut wrong = Vec::new();
    for right in used {
        if !statements.iter().any(|statement| covers(statement, right)) {
            wrong.push(format!(
                "{function} uses {right:?} without being allowed to"
            ));
        }
    }
    for statement in &statements {
        let (actions, resources) = statement;
        let actions = actions.iter();
        let actions = actions.filter(|action| is_of(action, &["codepipeline", "codedeploy", "s3"]));
        for (action, resource) in
            actions.flat_map(|action| resources.iter().map(move |one| (action, one)))
        {
            let is_it =
                |right: &&Right| right.action == *action && matches(resource, &right.resource);
            if used.iter().find(is_it).is_none() {
                wrong.push(format!("{function} does not use {action} on {resource}"));
            }
        }
    }
    wrong
}

fn is_of(action: &str, services: &[&str]) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    services.contains(&service)
}

/// Whether a pattern of a policy, which may end with a star, covers an ARN.
fn matches(pattern: &str, arn: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) if !beginning.is_empty() => arn.starts_with(beginning),
        // What has no ARN is allowed by a star alone.
        _ => pattern == arn,
    }
}

/// A text, or several.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match value.as_array() {
        Some(several) => several.iter().map(text).collect(),
        None => vec![text(value)],
    }
}

#[expect(clippy::print_stdout, reason = "the table is the proof")]
fn say(text: &str) {
    println!("{text}");
}
