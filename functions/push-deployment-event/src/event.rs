//! Who invokes the function, told from the shape of the event.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use lambda::http;
use serde_json::Value;

/// The longest request or notice that is read, in bytes.
pub(crate) const LARGEST_BODY: usize = 256 * 1024;

/// How many notices one event of SNS may carry; SNS itself sends one.
const MOST_RECORDS: usize = 10;

/// Who invokes the function.
#[derive(Debug)]
pub(crate) enum Trigger<'a> {
    /// A pipeline action.
    Job(&'a Value),
    /// CodeDeploy, about deployments with these ids, each named once; and what
    /// is wrong with other notices.
    Deployments(Vec<anyhow::Result<String>>),
    /// Somebody over HTTP, who has to show the secret.
    Http(http::Request),
    /// A caller who may invoke functions, with the parameters.
    Direct(&'a Value),
    /// A notice that needs no announcement, and why.
    Nothing(&'static str),
}

/// Reads an event.
pub(crate) fn read(event: &Value) -> anyhow::Result<Trigger<'_>> {
    if let Some(job) = event.get("CodePipeline.job") {
        return Ok(Trigger::Job(job));
    }
    if let Some(request) = http::Request::of(event) {
        return Ok(Trigger::Http(request));
    }
    if let Some(records) = event.get("Records").and_then(Value::as_array) {
        return of_sns(records);
    }
    if event["source"] == "aws.codedeploy" {
        return Ok(of_eventbridge(event));
    }
    http::refuse_bare_body(event, &["eventBody"])?;
    ensure!(event.is_object(), "the event is no JSON object");
    Ok(Trigger::Direct(event))
}

/// Messages of CodeDeploy's own triggers: a string, with times and counts of
/// many shapes; only the id is used.
fn of_sns(records: &[Value]) -> anyhow::Result<Trigger<'static>> {
    ensure!(
        records.len() <= MOST_RECORDS,
        "the event carries more than {MOST_RECORDS} notices"
    );
    let mut named = BTreeSet::new();
    let mut notices = Vec::new();
    for record in records {
        match of_record(record) {
            Ok(None) => {}
            // Two that are announced at the same time do not see each other's.
            Ok(Some(id)) if !named.insert(id.clone()) => {}
            Ok(Some(id)) => notices.push(Ok(id)),
            Err(error) => notices.push(Err(error)),
        }
    }
    if notices.is_empty() {
        return Ok(Trigger::Nothing("the notice is about one instance"));
    }
    Ok(Trigger::Deployments(notices))
}

/// The deployment that a notice is about; none, if it is about one instance.
fn of_record(record: &Value) -> anyhow::Result<Option<String>> {
    let message = record["Sns"]["Message"]
        .as_str()
        .context("the event is not one of SNS")?;
    ensure!(
        message.len() <= LARGEST_BODY,
        "the notice is larger than what is read"
    );
    // What stands there is not repeated.
    let Ok(notice) = serde_json::from_str::<Value>(message) else {
        bail!("the notice is not one of a CodeDeploy trigger: it is no JSON");
    };
    if notice.get("instanceId").is_some_and(|id| !id.is_null()) {
        return Ok(None);
    }
    deployment_id(&notice).map(Some)
}

fn of_eventbridge(event: &Value) -> Trigger<'static> {
    if event["detail-type"] != "CodeDeploy Deployment State-change Notification" {
        return Trigger::Nothing("the notice is about one instance");
    }
    Trigger::Deployments(vec![deployment_id(&event["detail"])])
}

fn deployment_id(notice: &Value) -> anyhow::Result<String> {
    let id = notice["deploymentId"]
        .as_str()
        .context("the notice names no `deploymentId`")?;
    let is_id = id.len() <= 100 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ensure!(
        is_id,
        "the notice's `deploymentId` is not one of CodeDeploy"
    );
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sns(message: &str) -> Value {
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]})
    }

    fn ids(event: &Value) -> Vec<String> {
        match read(event).unwrap() {
            Trigger::Deployments(notices) => notices.into_iter().map(Result::unwrap).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn notices_of_codedeploy_are_read_in_all_their_shapes() {
        for message in [
            r#"{"deploymentId":"d-75I7MBT7C","status":"CREATED","createTime":"Fri Jan 19 08:07:10 UTC 2018","completeTime":null}"#,
            r#"{"deploymentId":"d-75I7MBT7C","status":"Succeeded","createTime":"1446744188.595","deploymentOverview":"{\"Failed\":0}"}"#,
        ] {
            assert_eq!(ids(&sns(message)), ["d-75I7MBT7C"]);
        }
        let event = json!({
            "source": "aws.codedeploy",
            "detail-type": "CodeDeploy Deployment State-change Notification",
            "detail": {"deploymentId": "d-75I7MBT7C", "state": "SUCCESS"},
        });
        assert_eq!(ids(&event), ["d-75I7MBT7C"]);
    }

    #[test]
    fn notice_about_an_instance_announces_nothing() {
        let of_instance = sns(r#"{"deploymentId":"d-1","instanceId":"arn:aws:ec2:i-1"}"#);
        assert!(matches!(read(&of_instance).unwrap(), Trigger::Nothing(_)));
        let event = json!({"source": "aws.codedeploy", "detail-type": "CodeDeploy Instance State-change Notification"});
        assert!(matches!(read(&event).unwrap(), Trigger::Nothing(_)));
    }

    #[test]
    fn event_that_is_nobodys_is_refused_without_what_it_holds() {
        for (event, told) in [
            (sns("the secret"), "it is no JSON"),
            (
                sns(r#"{"deploymentId":"d-1\n2026 the secret"}"#),
                "not one of CodeDeploy",
            ),
            (sns("{}"), "names no `deploymentId`"),
            (json!({"Records": [{"s3": "the secret"}]}), "not one of SNS"),
            (
                json!({"eventBody": {"deployment": "the secret"}}),
                "proxy integration",
            ),
            (json!("the secret"), "no JSON object"),
        ] {
            let refused = match read(&event) {
                Ok(Trigger::Deployments(mut notices)) => notices.remove(0).unwrap_err(),
                read => read.unwrap_err(),
            };
            let refused = refused.to_string();
            assert!(refused.contains(told), "{refused}");
            assert!(!refused.contains("the secret"), "{refused}");
        }
    }

    #[test]
    fn request_over_http_is_never_taken_for_a_direct_call() {
        for event in [
            json!({"httpMethod": "POST", "body": "{}"}),
            json!({"requestContext": {"http": {"method": "POST"}}, "body": "{}"}),
            json!({"httpMethod": "POST", "Records": [], "source": "aws.codedeploy"}),
        ] {
            assert!(matches!(read(&event).unwrap(), Trigger::Http(_)), "{event}");
        }
    }
}
