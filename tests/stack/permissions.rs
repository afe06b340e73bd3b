//! No role has a right that its function does not need.
//!
//! In one running stack the policy of a role loses one action of one statement,
//! in place. The story of its function must then go differently, and as before
//! once the policy is whole again. The emulator enforces the rights to tables
//! and secrets. Those at `CodePipeline` and `CodeDeploy`, which are stand-ins,
//! are held against what the function asked for: neither side has more.
//!
//! `RIGHTS=validate-builds/Ledger` proves what has this in its name, `RIGHTS=all`
//! everything; without it, one right of each function is proven.

use std::collections::BTreeSet;
use std::fmt;

use lab::aws::Right;
use serde_json::Value;

use crate::shop::Shop;
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
            let missed = stories.tell(&function).await;
            stories.allow(&role, &function, &policy).await;
            let whole = stories.tell(&function).await;
            let how = match &missed {
                Ok(()) => "NOT MISSED".to_owned(),
                Err(how) => format!("{how:#}").chars().take(110).collect(),
            };
            say(&format!("{right:62} {how}"));
            if missed.is_ok() {
                wrong.push(format!("{right} is not missed"));
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
    let rights = statements.enumerate().flat_map(|(index, statement)| {
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
        let used: Vec<&Right> = used
            .iter()
            .filter(|right| covers(statement, right))
            .collect();
        let (actions, resources) = statement;
        let actions = actions.iter();
        let actions = actions.filter(|action| is_of(action, &["codepipeline", "codedeploy"]));
        let mut is_about_stand_ins = false;
        for action in actions {
            is_about_stand_ins = true;
            if !used.iter().any(|right| right.action == *action) {
                wrong.push(format!("{function} does not use {action}"));
            }
        }
        for resource in resources.iter().filter(|_| is_about_stand_ins) {
            if !used.iter().any(|right| matches(resource, &right.resource)) {
                wrong.push(format!("{function} does nothing to {resource}"));
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
