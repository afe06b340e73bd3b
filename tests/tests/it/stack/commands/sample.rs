//! `infra/sample-pipeline/deploy`, in an account that is not asked.

use serde_json::json;

use super::Place;

const COMMAND: &str = "sample-pipeline/deploy";

/// What the stack of the functions is called in the answers.
const FUNCTIONS: &str = "cloudformation.describe-stacks.unbreakable";

#[test]
fn functions_whose_stack_failed_are_not_there_yet() {
    let place = Place::new("sample-without-outputs");
    let failed = json!({"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE", "Parameters": []}]});
    place.answers(FUNCTIONS, &failed);

    let said = place.succeeds(COMMAND, &["--dry-run"]);

    for parameter in [
        "RegisterFunction = unbreakable-register-validation",
        "Notices = later",
    ] {
        assert!(said.contains(&format!("   {parameter}\n")), "{said}");
    }
}

#[test]
fn functions_are_connected_when_they_are_there_unless_told_otherwise() {
    let place = Place::new("sample-notices");
    place.answers(FUNCTIONS, &super::stack("CREATE_COMPLETE", &[]));

    for (before, after) in [("later", "eventbridge"), ("sns", "sns"), ("none", "none")] {
        place.stands("UPDATE_COMPLETE", &[("Notices", before)]);
        let said = place.succeeds(COMMAND, &["--dry-run"]);
        assert!(said.contains(&format!("   Notices = {after}\n")), "{said}");
        let called = "   RegisterFunction = RegisterValidationName\n";
        assert!(said.contains(called), "{said}");
    }
}

#[test]
fn bucket_and_secret_stay_those_that_were_set() {
    let place = Place::new("sample-own");
    place.stands(
        "UPDATE_COMPLETE",
        &[
            ("SourceBucket", "mine"),
            ("OneAgentUrlParameter", "/mine/oneagent"),
        ],
    );
    place.answers("s3api.head-bucket", &json!({}));

    let said = place.succeeds(COMMAND, &["--dry-run"]);
    for line in [
        "   SourceBucket = mine\n",
        "   OneAgentUrlParameter = /mine/oneagent\n",
        "store it in /mine/oneagent\n",
        "the bucket mine\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
    place.refuses("cloudformation.package", "AccessDenied", "Not you");
    place.fails(COMMAND, &["--no-build"]);
    let calls = place.calls();
    assert!(
        calls.contains("put-bucket-versioning --bucket mine "),
        "{calls}"
    );
    assert!(calls.contains("--s3-bucket mine "), "{calls}");
    assert!(calls.contains(r#""Name": "/mine/oneagent""#), "{calls}");

    // Removing takes what was made, and nothing that somebody brought.
    let said = place.succeeds(COMMAND, &["--remove", "--dry-run"]);
    for kept in ["bucket mine is kept", "secret /mine/oneagent is kept"] {
        assert!(said.contains(kept), "{said}");
    }
}

#[test]
fn value_that_the_template_does_not_allow_is_refused_first() {
    let place = Place::new("sample-parameters");
    for (set, told) in [
        ("Gate=both", "one of approval, variable"),
        ("Gates=approval", "there is no such parameter"),
    ] {
        let said = place.fails(COMMAND, &["--no-build", "--set", set]);
        assert!(said.contains(told), "{said}");
        super::deploy::assert_nothing_is_made(&place);
    }
}
