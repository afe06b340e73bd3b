//! `infra/deploy`, `infra/remove` and `infra/sample-pipeline/deploy` in an
//! account that is not asked.

use serde_json::json;

use super::{ACCOUNT, ARM64, FIRST, Place, X86_64};

#[test]
fn code_is_never_uploaded_to_the_bucket_of_another_account() {
    let owner = format!("--expected-bucket-owner {ACCOUNT}");
    let by_hand = [&FIRST[..], &["--bucket", "theirs"]].concat();
    let sample = ["--no-build"];
    for (name, command, arguments) in [
        ("made", "deploy", &FIRST[..]),
        ("by-hand", "deploy", &by_hand),
        ("sample", "sample-pipeline/deploy", &sample),
    ] {
        let place = Place::new(&format!("foreign-bucket-{name}"));
        place.refuses("s3api.head-bucket", "403", "Forbidden");

        let said = place.fails(command, arguments);

        assert!(said.contains("belongs to another account"), "{said}");
        let calls = place.calls();
        assert!(calls.contains(&owner), "{calls}");
        for upload in ["create-bucket", "put-object", "package"] {
            assert!(!calls.contains(upload), "{calls}");
        }
    }
}

#[test]
fn bucket_of_another_account_is_left_alone() {
    let place = Place::new("foreign-bucket-removed");
    place.refuses("s3api.head-bucket", "403", "Forbidden");
    place.answers("dynamodb.list-tables", &json!({"TableNames": []}));

    let said = place.succeeds("remove", &["--yes", "--delete-code"]);

    assert!(said.contains("belongs to another account"), "{said}");
    assert!(!place.calls().contains("s3 rb"), "{said}");
    let said = place.succeeds("sample-pipeline/deploy", &["--remove", "--yes"]);
    assert!(said.contains("belongs to another account"), "{said}");
    assert!(!place.calls().contains("delete-bucket"), "{said}");
}

#[test]
fn rights_to_bundles_end_with_the_folder_of_the_pipeline() {
    let place = Place::new("bundles");
    place.has_pipeline("a-pipeline-with-a-long-name", &[]);

    for (pipeline, folder) in [
        ("shop", "shop"),
        ("a-pipeline-with-a-long-name", "a-pipeline-with-a-lo"),
    ] {
        let said = place.plans(&["--pipeline", pipeline]);

        let bundles = format!("   BundleArns = arn:aws:s3:::artifacts/{folder}/*\n");
        assert!(said.contains(&bundles), "{said}");
    }
}

#[test]
fn rights_are_those_of_the_pipelines_that_are_named() {
    let place = Place::new("rights-named");
    place.has_pipeline("lam", &[]);
    place.has_stack(&json!({
        "PipelineArns": arn("codepipeline", "shop"),
        "ApplicationArns": arn("codedeploy", "application:SampleDevOpsApp"),
        "DeploymentGroupArns": arn("codedeploy", "deploymentgroup:SampleDevOpsApp/Production"),
    }));

    let said = place.plans(&["--pipeline", "lam"]);

    for right in [
        &format!("PipelineArns = {}", arn("codepipeline", "lam")),
        "ApplicationArns = arn:aws:codedeploy:::application:none",
        "DeploymentGroupArns = arn:aws:codedeploy:::deploymentgroup:none/none",
    ] {
        assert!(said.contains(&format!("   {right}\n")), "{said}");
    }
}

#[test]
fn what_is_added_to_a_known_pipeline_gets_its_right() {
    let place = Place::new("rights-added");
    let group = |name| arn("codedeploy", &format!("deploymentgroup:{name}"));
    place.has_pipeline("shop", &[("Shop", "Staging"), ("Shop", "Production")]);
    let by_hand = group("Other/ByHand");
    let pipelines = ["shop", "gone"]
        .map(|name| arn("codepipeline", name))
        .join(",");
    place.has_stack(&json!({
        "PipelineArns": pipelines,
        "ApplicationArns": "arn:aws:codedeploy:::application:none",
        "DeploymentGroupArns": by_hand,
    }));

    let said = place.plans(&[]);

    let groups = [&by_hand, &group("Shop/Production"), &group("Shop/Staging")];
    let groups = groups.map(String::as_str).join(",");
    for right in [
        format!("DeploymentGroupArns = {groups}"),
        format!(
            "ApplicationArns = {}",
            arn("codedeploy", "application:Shop")
        ),
    ] {
        assert!(said.contains(&format!("   {right}\n")), "{said}");
    }
    assert!(said.contains("pipeline `gone`"), "{said}");
    let set = place.plans(&["--set", "ApplicationArns=arn:aws:codedeploy:::mine"]);
    assert!(
        set.contains("   ApplicationArns = arn:aws:codedeploy:::mine\n"),
        "{set}"
    );
}

#[test]
fn code_for_other_machines_is_not_deployed() {
    for (name, built, stack, told) in [
        ("arm64", X86_64, "arm64", "is built for x86_64"),
        ("x86_64", ARM64, "x86_64", "is built for arm64"),
        ("other", 0x28, "arm64", "is built for another machine"),
    ] {
        let place = Place::new(&format!("machines-{name}"));
        place.has_zip(built);
        let set = format!("Architecture={stack}");

        let said = place.fails("deploy", &[&FIRST[..], &["--set", &set]].concat());

        assert!(said.contains(told), "{said}");
        assert!(said.contains("without --no-build"), "{said}");
        assert_nothing_is_made(&place);
    }
    let place = Place::new("machines-none");
    std::fs::remove_file(place.0.join("target/stack/a-function.zip")).unwrap();
    let said = place.fails("deploy", &FIRST);
    assert!(said.contains("without --no-build"), "{said}");
    assert_nothing_is_made(&place);
}

#[test]
fn printed_commands_mean_the_stack_that_was_deployed() {
    let other = "--stack shop-eu --region eu-west-1 --profile ops";
    for (name, options) in [("unbreakable", ""), ("shop-eu", other)] {
        let place = Place::new(&format!("printed-{name}"));
        let live = super::stack("CREATE_COMPLETE", &[]);
        let asked = "cloudformation.describe-stacks";
        place.answers_after("cloudformation.deploy", asked, &live);
        let options: Vec<&str> = options.split_whitespace().collect();
        let schedule = ["--set", "Schedule=rate(5 minutes)"];

        let said = place.succeeds("deploy", &[&FIRST[..], &options, &schedule].concat());

        let (stack, place, profile) = match name {
            "unbreakable" => ("", "", ""),
            _ => (
                " --stack shop-eu",
                " --region eu-west-1 --profile ops",
                "AWS_PROFILE=ops ",
            ),
        };
        for command in [
            format!("infra/deploy{stack}{place} --set HealMode=shadow\n"),
            format!("infra/dynatrace/render{stack}{place} --monspec monspec.json"),
            format!("aws ssm get-parameter{place} --with-decryption"),
            // A new secret may stand before the one that it replaces.
            format!("/{name}/webhook-token | cut -d, -f1\n"),
            format!("\n      {profile}AWS_REGION="),
            " HEAL_RUNBOOKS_PARAMETER=/unbreakable/heal-runbooks ".to_owned(),
            " --schedule 'rate(5 minutes)'".to_owned(),
        ] {
            assert!(said.contains(&command), "{command}: {said}");
        }
    }
}

#[test]
fn runbooks_that_are_examined_are_those_of_the_stack() {
    let place = Place::new("printed-runbooks");
    let live = super::stack("CREATE_COMPLETE", &[]);
    let asked = "cloudformation.describe-stacks";
    place.answers_after("cloudformation.deploy", asked, &live);
    let listed = ["--set", "HealRunbooksParameter=/shop/runbooks"];

    let said = place.succeeds("deploy", &[&FIRST[..], &listed].concat());

    let setting = " HEAL_RUNBOOKS_PARAMETER=/shop/runbooks ";
    assert!(said.contains(setting), "{said}");
}

#[test]
fn what_a_failed_attempt_was_told_need_not_be_told_again() {
    let place = Place::new("failed-attempt");
    let pipelines = arn("codepipeline", "shop");
    let tenant = "https://abc12345.live.dynatrace.com";
    let told = [
        ("DtTenantUrl", tenant),
        ("PipelineArns", &pipelines),
        ("HealMode", "shadow"),
    ];
    place.stands("ROLLBACK_COMPLETE", &told);
    let live = super::stack("CREATE_COMPLETE", &[]);
    let asked = "cloudformation.describe-stacks";
    place.answers_after("cloudformation.deploy", asked, &live);

    let said = place.succeeds("deploy", &["--no-build", "--dry-run"]);
    assert!(said.contains("Would create the stack"), "{said}");
    assert!(!place.calls().contains("delete-stack"), "{said}");
    let said = place.succeeds("deploy", &["--no-build"]);

    assert!(said.contains("ROLLBACK_COMPLETE"), "{said}");
    let calls = place.calls();
    for (name, value) in told {
        assert!(calls.contains(&format!("\"{name}={value}\"")), "{calls}");
    }
    // Until the last moment it is what knows the parameters.
    let order: Vec<&str> = calls
        .lines()
        .filter_map(|call| call.strip_prefix("cloudformation "))
        .filter_map(|call| call.split(" --").next())
        .filter(|call| !call.starts_with("describe"))
        .collect();
    let expected = [
        "package",
        "delete-stack",
        "wait stack-delete-complete",
        "deploy",
    ];
    assert_eq!(order, expected);
}

#[test]
fn stack_that_cannot_go_back_says_how_it_can() {
    let place = Place::new("rollback-failed");
    place.stands("UPDATE_ROLLBACK_FAILED", &[]);

    let said = place.fails("deploy", &[&FIRST[..], &["--profile", "ops"]].concat());

    let command =
        "aws cloudformation continue-update-rollback --stack-name unbreakable --profile ops";
    assert!(said.contains(command), "{said}");
    assert_nothing_is_made(&place);
}

pub(super) fn assert_nothing_is_made(place: &Place) {
    let calls = place.calls();
    for made in ["put-", "create-", "package", "cloudformation deploy"] {
        assert!(!calls.contains(made), "{calls}");
    }
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:eu-central-1:{ACCOUNT}:{resource}")
}
