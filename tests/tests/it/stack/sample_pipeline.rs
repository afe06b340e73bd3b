//! The sample pipeline, as its template declares it, in the stand-in of
//! `CodePipeline`: what its actions say is read by the functions' use-cases, with
//! the monspec that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use dynatrace::Api;
use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::{
    ApprovalStatus, ExecutionStatus, JobStatus, Mode, PipelineSpec, PipelineType, SourceRevision,
    Stage,
};
use jiff::SignedDuration;
use monspec::Verdict;
use workflows::publish_validation::Outcome;
use yaml_rust2::{Yaml, YamlLoader};

use super::template::{list, statements};
use crate::world::{PRODUCTION, STAGING, World};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What may be done to any resource, because AWS offers nothing narrower.
const EVERYWHERE: [&str; 7] = [
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "tag:GetResources",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

#[tokio::test]
async fn good_build_passes_both_gates() {
    let mut released = Released::start("ByApproval", 100.0).await;
    released.jobs().await;
    assert_eq!(released.approval("ApproveStaging"), ApprovalStatus::Waiting);
    released.world.pass_window().await;
    assert_eq!(
        released.approval("ApproveStaging"),
        ApprovalStatus::Approved
    );
    released.jobs().await;
    released.world.pass_window().await;

    assert_eq!(
        released.approval("ApproveProduction"),
        ApprovalStatus::Approved
    );
    assert_eq!(released.status(), ExecutionStatus::Succeeded);
    for (entity, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
        let event = released.world.event_on(entity);
        assert_eq!(event.event_type, "CUSTOM_DEPLOYMENT");
        assert_eq!(
            event.properties["CodeDeploy.DeploymentGroup"], environment,
            "the deployment of the service is announced, and not that of its tests"
        );
    }
}

#[tokio::test]
async fn bad_build_ends_at_the_gate_of_staging() {
    let mut released = Released::start("ByApproval", 300.0).await;
    released.jobs().await;
    released.world.pass_window().await;

    assert_eq!(
        released.approval("ApproveStaging"),
        ApprovalStatus::Rejected
    );
    assert_eq!(released.status(), ExecutionStatus::Failed);
}

#[tokio::test]
async fn rule_of_the_variant_lets_a_good_build_into_production_and_no_other() {
    for (milliseconds, verdict) in [(100.0, Verdict::Passed), (300.0, Verdict::Failed)] {
        let mut released = Released::start("ByVariable", milliseconds).await;
        released.jobs().await;
        released.world.pass_window().await;
        released.world.advance(SignedDuration::from_secs(30));

        let published = released.jobs().await;

        assert_eq!(
            published["PublishStagingValidation"],
            verdict.to_string(),
            "what it publishes"
        );
        let succeeds = released.rule("Staging", &published);
        assert_eq!(succeeds, verdict == Verdict::Passed);
    }
}

#[tokio::test]
async fn rule_of_the_variant_reads_what_production_publishes() {
    let mut released = Released::start("ByVariable", 100.0).await;
    for _ in 0..2 {
        released.jobs().await;
        released.world.pass_window().await;
        released.world.advance(SignedDuration::from_secs(30));
    }

    let published = released.jobs().await;

    assert!(released.rule("Production", &published));
    assert_eq!(released.status(), ExecutionStatus::Succeeded);
}

#[test]
fn artifacts_are_made_before_they_are_taken() {
    for gate in ["ByApproval", "ByVariable"] {
        let template = template(&[gate]);
        let mut made = BTreeSet::new();
        for stage in stages(&template) {
            let actions = actions(stage);
            for action in actions {
                let taken = named(&action["InputArtifacts"]);
                assert!(taken.is_subset(&made), "{action:?}");
            }
            made.extend(actions.iter().flat_map(|a| named(&a["OutputArtifacts"])));
        }
    }
}

#[test]
fn every_group_has_an_instance_and_every_environment_of_the_monspec_a_group() {
    let template = template(&["ByApproval"]);
    let tag = |tags: &Yaml| {
        let mut tags = tags.as_vec().unwrap().iter();
        let tag = tags.find(|tag| text(&tag["Key"]) == "DeploymentGroup");
        text(&tag.unwrap()["Value"]).to_owned()
    };
    let instances: BTreeSet<String> = of_type(&template, "AWS::EC2::Instance")
        .map(|(_, instance)| tag(&instance["Tags"]))
        .collect();
    let mut groups = BTreeSet::new();
    for (_, group) in of_type(&template, "AWS::CodeDeploy::DeploymentGroup") {
        let environment = tag(&group["Ec2TagFilters"]);
        assert!(instances.contains(&environment), "{group:?}");
        let name = text(&group["DeploymentGroupName"]).to_owned();
        assert!(name == environment || name == format!("{environment}Tests"));
        groups.insert(name);
    }
    let monspec: serde_json::Value = serde_json::from_str(&monspec()).unwrap();
    let environments = monspec["SampleJSonService"]["environments"].as_object();
    for environment in environments.unwrap().keys() {
        assert!(groups.contains(environment), "{environment}");
    }
}

#[test]
fn only_what_has_no_resource_is_allowed_everywhere() {
    let template = template(&["ByApproval", "BySns"]);
    let mut everywhere = BTreeSet::new();
    for (role, statement) in statements(&template) {
        let actions = list(&statement["Action"]);
        let resources = list(&statement["Resource"]);
        assert!(!actions.is_empty() && !resources.is_empty(), "{role}");
        assert!(actions.iter().all(|action| !action.contains('*')), "{role}");
        if resources.contains(&"*") {
            everywhere.extend(actions);
        }
    }
    assert_eq!(everywhere, BTreeSet::from(EVERYWHERE));
}

#[test]
fn instances_are_closed_and_ask_for_their_credentials_by_token() {
    let closed = template(&[]);
    let group = &closed["Resources"]["SecurityGroup"]["Properties"];
    assert!(group["SecurityGroupIngress"].is_badvalue());
    let open = template(&["HasWeb"]);
    let group = &open["Resources"]["SecurityGroup"]["Properties"];
    let ingress = group["SecurityGroupIngress"].as_vec().unwrap();
    let ports = ingress.iter().map(|rule| rule["ToPort"].as_i64().unwrap());
    assert_eq!(ports.collect::<Vec<_>>(), [80]);

    let launch = &closed["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"];
    assert_eq!(text(&launch["MetadataOptions"]["HttpTokens"]), "required");
    assert!(launch["KeyName"].is_badvalue(), "nobody logs in by SSH");
    for (_, instance) in of_type(&closed, "AWS::EC2::Instance") {
        assert_eq!(
            text(&instance["LaunchTemplate"]["LaunchTemplateId"]),
            "LaunchTemplate"
        );
        assert!(instance["KeyName"].is_badvalue(), "nobody logs in by SSH");
    }
}

#[test]
fn notices_are_those_that_the_function_takes_from_the_stack() {
    let template = template(&["ByEventBridge"]);
    let pattern = &template["Resources"]["NoticesRule"]["Properties"]["EventPattern"];
    let stack = load("infra/template.yaml");
    let events = &stack["Resources"]["PushDeploymentEvent"]["Properties"]["Events"];
    let known = &events["CodeDeploy"]["Properties"]["Pattern"];
    for field in ["source", "detail-type"] {
        assert!(!known[field].is_badvalue());
        assert_eq!(pattern[field], known[field], "{field}");
    }
    assert_eq!(
        list(&pattern["detail"]["deploymentGroup"]),
        ["StagingGroup", "ProductionGroup"],
        "no service is behind the tests"
    );
}

/// A build on its way through the pipeline.
struct Released {
    world: World,
    template: Yaml,
    pipeline: String,
    execution: String,
}

impl Released {
    /// Starts an execution whose staging is so slow; production takes 100 ms.
    async fn start(gate: &str, milliseconds: f64) -> Self {
        let template = template(&[gate]);
        let world = World::start(Api::V2).await;
        world.traffic_between(
            STAGING,
            hours(&world, -1),
            hours(&world, 1),
            milliseconds,
            0.0,
        );
        world.traffic_between(PRODUCTION, hours(&world, -1), hours(&world, 1), 100.0, 0.0);
        for (_, group) in of_type(&template, "AWS::CodeDeploy::DeploymentGroup") {
            let application = name_of(&template, &group["ApplicationName"], "ApplicationName");
            let name = text(&group["DeploymentGroupName"]);
            world.group(&application, name, GroupOptions::default());
        }
        let declared = &template["Resources"]["Pipeline"]["Properties"];
        let pipeline = text(&declared["Name"]).to_owned();
        world.aws.pipelines().create(spec(&template));
        let mut source = SourceRevision::new("1", "Change the cart");
        for (artifact, key) in sources(&template) {
            let body = match key.as_str() {
                "monspec.json" => monspec(),
                _ => "a bundle".to_owned(),
            };
            source = source.artifact(&artifact, body);
        }
        let execution = world.aws.pipelines().start(&pipeline, source).unwrap();
        Self {
            world,
            template,
            pipeline,
            execution,
        }
    }

    /// Runs every job that is due, each by its function. None may be refused; what
    /// the publishing ones publish is the answer.
    async fn jobs(&mut self) -> BTreeMap<String, String> {
        let mut published = BTreeMap::new();
        while let Some(job) = self.world.aws.pipelines().next_job() {
            match job.function.as_str() {
                "register-validation" => drop(self.world.run_job(&job).await.unwrap()),
                "push-deployment-event" => drop(self.world.announce_job(&job).await),
                "publish-validation" => match self.world.publish(&job).await {
                    Outcome::Later { .. } => continue,
                    Outcome::Published(done) => {
                        published.insert(job.action.clone(), done.verdict.to_string());
                    }
                    other => panic!("{}: {other:?}", job.action),
                },
                other => panic!("{}: no function is called `{other}`", job.action),
            }
            let status = self.world.aws.pipelines().job(&job.id).unwrap().status;
            assert_eq!(status, JobStatus::Succeeded, "{}", job.action);
        }
        published
    }

    /// Whether the rule behind a stage is met by what was published.
    fn rule(&self, stage: &str, published: &BTreeMap<String, String>) -> bool {
        let mut stages = stages(&self.template).iter();
        let stage = stages.find(|each| text(&each["Name"]) == stage).unwrap();
        let condition = &stage["OnSuccess"]["Conditions"][0];
        assert_eq!(text(&condition["Result"]), "FAIL");
        let rule = &condition["Rules"][0];
        assert_eq!(text(&rule["RuleTypeId"]["Provider"]), "VariableCheck");
        assert_eq!(text(&rule["Configuration"]["Operator"]), "EQ");
        let variable = text(&rule["Configuration"]["Variable"]);
        let variable = variable.strip_prefix("#{").unwrap();
        let (namespace, name) = variable.strip_suffix('}').unwrap().split_once('.').unwrap();
        // `binaries::publish` holds the function to this name.
        assert_eq!(name, "verdict");
        let mut actions = actions(stage).iter();
        let action = actions.find(|action| action["Namespace"].as_str() == Some(namespace));
        let action = text(&action.expect("the namespace is one of this stage")["Name"]);
        published[action] == text(&rule["Configuration"]["Value"])
    }

    fn approval(&self, name: &str) -> ApprovalStatus {
        let pipelines = self.world.aws.pipelines();
        let approval = pipelines.approval(&self.pipeline, name, name, &self.execution);
        approval.unwrap().status
    }

    fn status(&self) -> ExecutionStatus {
        let pipelines = self.world.aws.pipelines();
        let execution = pipelines.execution(&self.pipeline, &self.execution);
        execution.unwrap().status
    }
}

fn hours(world: &World, hours: i64) -> i64 {
    world.now.as_millisecond() + hours * 3_600_000
}

/// The pipeline in the words of the stand-in, which has a source stage by itself.
fn spec(template: &Yaml) -> PipelineSpec {
    let declared = &template["Resources"]["Pipeline"]["Properties"];
    assert_eq!(text(&declared["PipelineType"]), "V2");
    assert_eq!(text(&declared["ExecutionMode"]), "SUPERSEDED");
    let spec = PipelineSpec::new(text(&declared["Name"]))
        .pipeline_type(PipelineType::V2)
        .mode(Mode::Superseded);
    stages(template)[1..].iter().fold(spec, |spec, declared| {
        let stage = Stage::new(text(&declared["Name"]));
        spec.stage(
            actions(declared)
                .iter()
                .fold(stage, |stage, action| with_action(template, stage, action)),
        )
    })
}

fn with_action(template: &Yaml, stage: Stage, action: &Yaml) -> Stage {
    let name = text(&action["Name"]);
    let order = action["RunOrder"].as_i64().unwrap().try_into().unwrap();
    let configuration = &action["Configuration"];
    let input = action["InputArtifacts"][0]["Name"].as_str();
    match text(&action["ActionTypeId"]["Provider"]) {
        "CodeDeploy" => {
            let named = |key: &str| name_of(template, &configuration[key], key);
            let (application, group) = (named("ApplicationName"), named("DeploymentGroupName"));
            stage
                .deploy(name, &application, &group, order)
                .input_artifact(input.unwrap())
        }
        "Lambda" => {
            let parameter = text(&configuration["FunctionName"]);
            let default = text(&template["Parameters"][parameter]["Default"]);
            let function = default.strip_prefix("unbreakable-").unwrap();
            let parameters = text(&configuration["UserParameters"]);
            let stage = stage.lambda(name, function, parameters, order, input);
            match action["OutputArtifacts"][0]["Name"].as_str() {
                Some(output) => stage.output_artifact(output),
                None => stage,
            }
        }
        "Manual" => stage.approval(name),
        other => panic!("{name}: `{other}` is not known here"),
    }
}

/// Where the sources lie.
pub(super) fn keys() -> BTreeSet<String> {
    sources(&template(&[])).into_values().collect()
}

/// The sources: artifacts, and where they lie.
fn sources(template: &Yaml) -> BTreeMap<String, String> {
    let sources = actions(&stages(template)[0]).iter();
    let source = |action: &Yaml| {
        assert_eq!(text(&action["ActionTypeId"]["Provider"]), "S3");
        (
            text(&action["OutputArtifacts"][0]["Name"]).to_owned(),
            text(&action["Configuration"]["S3ObjectKey"]).to_owned(),
        )
    };
    sources.map(source).collect()
}

/// A resource's own name, of which the template says the logical one.
fn name_of(template: &Yaml, logical: &Yaml, property: &str) -> String {
    let declared = &template["Resources"][text(logical)]["Properties"][property];
    text(declared).to_owned()
}

fn stages(template: &Yaml) -> &[Yaml] {
    let stages = &template["Resources"]["Pipeline"]["Properties"]["Stages"];
    stages.as_vec().unwrap()
}

fn actions(stage: &Yaml) -> &[Yaml] {
    stage["Actions"].as_vec().unwrap()
}

fn named(artifacts: &Yaml) -> BTreeSet<String> {
    let artifacts = artifacts.as_vec().into_iter().flatten();
    artifacts
        .map(|artifact| text(&artifact["Name"]).to_owned())
        .collect()
}

fn of_type<'a>(template: &'a Yaml, wanted: &str) -> impl Iterator<Item = (&'a str, &'a Yaml)> {
    let resources = template["Resources"].as_hash().unwrap().iter();
    resources
        .filter(move |(_, resource)| resource["Type"].as_str() == Some(wanted))
        .map(|(name, resource)| (text(name), &resource["Properties"]))
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str()
        .unwrap_or_else(|| panic!("{yaml:?} is no text"))
}

fn monspec() -> String {
    fs::read_to_string(Path::new(ROOT).join("monspec/examples/monspec.json")).unwrap()
}

fn load(path: &str) -> Yaml {
    let text = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// The template where these conditions hold and no others.
fn template(hold: &[&str]) -> Yaml {
    let template = load("infra/sample-pipeline/template.yaml");
    let conditions = template["Conditions"].as_hash().unwrap().keys();
    let known: BTreeMap<&str, bool> = conditions
        .map(|name| (text(name), hold.contains(&text(name))))
        .collect();
    assert!(hold.iter().all(|name| known.contains_key(name)));
    resolved(&template, &known)
}

/// `!If [CONDITION, THIS, THAT]` is a list where its tag is dropped.
fn resolved(yaml: &Yaml, conditions: &BTreeMap<&str, bool>) -> Yaml {
    let is_there = |yaml: &Yaml| yaml.as_str() != Some("AWS::NoValue");
    match yaml {
        Yaml::Array(list) => {
            if let [Yaml::String(condition), this, that] = list.as_slice()
                && let Some(holds) = conditions.get(condition.as_str())
            {
                return resolved(if *holds { this } else { that }, conditions);
            }
            let list = list.iter().map(|each| resolved(each, conditions));
            Yaml::Array(list.filter(is_there).collect())
        }
        Yaml::Hash(map) => {
            let map = map
                .iter()
                .map(|(key, value)| (key.clone(), resolved(value, conditions)));
            Yaml::Hash(map.filter(|(_, value)| is_there(value)).collect())
        }
        other => other.clone(),
    }
}
