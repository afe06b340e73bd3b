//! What the commands of `infra` say and ask for, with an `aws` that answers as
//! it is told and notes what it was asked.

mod deploy;
mod parameters;
mod remove;
mod sample;
mod tools;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::template::ROOT;
use crate::program;

/// What the first deployment is told.
const FIRST: [&str; 5] = [
    "--no-build",
    "--tenant",
    "https://abc12345.live.dynatrace.com",
    "--pipeline",
    "shop",
];

const ACCOUNT: &str = "123456789012";

/// How an executable says which machine it is for.
const ARM64: u8 = 0xB7;
const X86_64: u8 = 0x3E;

/// An answer that begins like this is a refusal.
const AWS: &str = r#"#!/usr/bin/env bash
here=$(dirname "$0")/..
printf '%s\n' "$*" >>"$here/calls"
for word in "$@"; do
    [[ $word != file://* ]] || printf '%s\n' "$(<"${word#file://}")" >>"$here/calls"
done
answer=$here/answers/$1.$2.${4//\//-}
[[ -e $answer ]] || answer=$here/answers/$1.$2
text=$(cat "$answer" 2>/dev/null)
[[ ! -d $here/after/$1.$2 ]] || cp "$here/after/$1.$2/"* "$here/answers"
if [[ $text == 'An error occurred'* ]]; then
    printf '%s\n' "$text" >&2
    exit 254
fi
printf '%s\n' "$text"
"#;

/// Python itself: what stands for it on the `PATH` may change the `PATH`.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
});

/// A checkout with this `infra` and one function, and an account in which
/// nothing is but the pipeline `shop`.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("infra-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        program::copy(&Path::new(ROOT).join("infra"), &folder.join("infra"));
        for part in ["answers", "after", "functions/a-function", "target/stack"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let place = Self(folder);
        place.write("functions/a-function/Cargo.toml", "");
        place.program("aws", AWS);
        place.has_zip(ARM64);
        place.answers("sts.get-caller-identity", &json!({"Account": ACCOUNT}));
        place.refuses(
            "cloudformation.describe-stacks",
            "ValidationError",
            "Stack with id unbreakable does not exist",
        );
        place.refuses("codepipeline.get-pipeline", "PipelineNotFoundException", "");
        place.has_pipeline("shop", &[("SampleDevOpsApp", "Production")]);
        let events = "cloudformation.describe-stack-events";
        place.answers(events, &json!({"StackEvents": []}));
        let resources = "cloudformation.describe-stack-resources";
        place.answers(resources, &json!({"StackResources": []}));
        place.answers("ssm.get-parameters", &json!({"Parameters": []}));
        place
    }

    fn answers(&self, call: &str, answer: &Value) {
        self.write(&format!("answers/{call}"), &answer.to_string());
    }

    fn refuses(&self, call: &str, code: &str, why: &str) {
        self.write(&format!("answers/{call}"), &refusal(code, why));
    }

    /// The stack is there with these parameters, besides those that are needed.
    fn has_stack(&self, parameters: &Value) {
        let mut all = json!({"DtTenantUrl": "https://abc12345.live.dynatrace.com"});
        let all = all.as_object_mut().unwrap();
        all.extend(parameters.as_object().unwrap().clone());
        let parameters: Vec<Value> = all
            .iter()
            .map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}))
            .collect();
        let stack = stack("UPDATE_COMPLETE", &parameters);
        self.answers("cloudformation.describe-stacks", &stack);
    }

    /// The stack stands like this, with these parameters.
    fn stands(&self, status: &str, parameters: &[(&str, &str)]) {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}))
            .collect();
        let stack = stack(status, &parameters);
        self.answers("cloudformation.describe-stacks", &stack);
    }

    /// What a call answers from the moment on in which another was made.
    fn answers_after(&self, other: &str, call: &str, answer: &Value) {
        self.write(&format!("after/{other}/{call}"), &answer.to_string());
    }

    /// The function was built for this machine.
    fn has_zip(&self, machine: u8) {
        let mut header = [0; 64];
        header[..4].copy_from_slice(b"\x7FELF");
        header[18] = machine;
        let file = File::create(self.0.join("target/stack/a-function.zip")).unwrap();
        let mut archive = ZipWriter::new(file);
        let options = SimpleFileOptions::default();
        archive.start_file("bootstrap", options).unwrap();
        archive.write_all(&header).unwrap();
        archive.finish().unwrap();
    }

    /// A pipeline that deploys to these groups.
    fn has_pipeline(&self, name: &str, groups: &[(&str, &str)]) {
        let actions: Vec<Value> = groups
            .iter()
            .map(|(application, group)| {
                json!({
                    "actionTypeId": {"provider": "CodeDeploy"},
                    "configuration": {"ApplicationName": application, "DeploymentGroupName": group},
                })
            })
            .collect();
        let pipeline = json!({
            "artifactStore": {"location": "artifacts"}, "stages": [{"actions": actions}],
        });
        let call = format!("codepipeline.get-pipeline.{name}");
        self.answers(&call, &json!({"pipeline": pipeline}));
    }

    /// A command of `infra`: whether it succeeds, and what it says.
    fn runs(&self, name: &str, arguments: &[&str]) -> (bool, String) {
        let bin = self.0.join("bin");
        let output = Command::new(PYTHON.as_str())
            .arg(self.0.join("infra").join(name))
            .args(arguments)
            // No tool of ours is there but those that a test puts there.
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("PYTHONPATH", self.0.join("python"))
            .env("AWS_REGION", "eu-central-1")
            .env("DT_API_TOKEN", "a-token")
            .env("ONEAGENT_URL", "https://abc12345.live.dynatrace.com/agent")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(!complained.contains("Traceback"), "{complained}");
        (output.status.success(), format!("{said}\n{complained}"))
    }

    fn fails(&self, name: &str, arguments: &[&str]) -> String {
        let (succeeds, said) = self.runs(name, arguments);
        assert!(!succeeds, "{said}");
        said
    }

    fn succeeds(&self, name: &str, arguments: &[&str]) -> String {
        let (succeeds, said) = self.runs(name, arguments);
        assert!(succeeds, "{said}");
        said
    }

    /// What `infra/deploy` would do, for this tenant.
    fn plans(&self, arguments: &[&str]) -> String {
        let tenant = ["--tenant", "https://abc12345.live.dynatrace.com"];
        let rehearsal = [&tenant[..], &["--dry-run"], arguments].concat();
        self.succeeds("deploy", &rehearsal)
    }

    /// What AWS was asked for since this was called last, one call a line.
    fn calls(&self) -> String {
        let path = self.0.join("calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        calls
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.0.join("bin").join(name);
        program::write(&path, script.as_bytes(), 0o755);
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

/// A stack with what others read in its outputs.
fn stack(status: &str, parameters: &[Value]) -> Value {
    let urls = ["ReportUrl", "ProblemWebhookUrl"].map(|url| (url, "https://api.example.com"));
    let names = [
        "RegisterValidationName",
        "PushDeploymentEventName",
        "PublishValidationName",
        "ValidationsTableName",
        "LedgerTableName",
        "RemediationsTableName",
        "FlagsTableName",
    ];
    let outputs: Vec<Value> = urls
        .into_iter()
        .chain(names.map(|name| (name, name)))
        .map(|(name, value)| json!({"OutputKey": name, "OutputValue": value}))
        .collect();
    json!({"Stacks": [{
        "StackStatus": status, "Parameters": parameters, "Outputs": outputs,
    }]})
}

fn refusal(code: &str, why: &str) -> String {
    format!("An error occurred ({code}) when calling an operation: {why}")
}
