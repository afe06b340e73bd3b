//! An account: an emulator of AWS with the rights of every role enforced.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::world::until;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const STACK: &str = "unbreakable";
const REGION: &str = "us-east-1";

/// The emulator; it ends when this is dropped, and all functions with it.
pub(crate) struct Account {
    emulator: Child,
    port: u16,
    folder: PathBuf,
    /// Where `CodePipeline` and `CodeDeploy` are.
    delivery: String,
}

impl Account {
    /// Starts it empty. What it does not emulate is at `delivery`, with the
    /// artifacts of its pipelines.
    pub(crate) async fn start(delivery: &str) -> Self {
        let folder = Path::new(ROOT).join("target/stack/account");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let log = File::create(folder.join("log")).unwrap();
        let url = format!("http://127.0.0.1:{port}");
        // Functions inherit what it is started with.
        let emulator = Command::new(tool("ministack"))
            .current_dir(&folder)
            .envs([
                ("BIND_HOST", "127.0.0.1"),
                ("AUTH", "true"),
                ("AWS_ENDPOINT_URL", &url),
                ("AWS_ENDPOINT_URL_CODEPIPELINE", delivery),
                ("AWS_ENDPOINT_URL_CODEDEPLOY", delivery),
                ("AWS_ENDPOINT_URL_S3", delivery),
                ("MINISTACK_REGION", REGION),
            ])
            .env("GATEWAY_PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let account = Self {
            emulator,
            port,
            folder,
            delivery: delivery.to_owned(),
        };
        let answers = async || reqwest::get(&url).await.is_ok();
        let ready = until("the account to answer", Duration::from_mins(1), answers).await;
        assert!(ready.is_ok(), "{}", account.logs());
        account
    }

    /// `infra/deploy` or `infra/remove` as a person runs it: what it says.
    pub(crate) fn infra(&self, name: &str, token: &str, arguments: &[&str]) -> String {
        let mut command = self.command(&Path::new(ROOT).join("infra").join(name));
        let output = command
            .args(arguments)
            .env("DT_API_TOKEN", token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
        assert!(!said.contains(token), "the token is shown");
        said.into_owned()
    }

    /// The emulator asks for `GetParameters` on no parameter in particular, so
    /// that a right to some is none: here roles that read secrets may read all.
    pub(crate) fn tell_no_secrets_apart(&self) {
        for (role, policy, mut document) in self.policies() {
            let statements = document["Statement"].as_array_mut().unwrap();
            for statement in statements {
                if statement["Sid"] == "Secrets" {
                    statement["Resource"] = "*".into();
                }
            }
            self.allow(&role, &policy, &document);
        }
    }

    /// Every role of the stack with the policy that it has.
    pub(crate) fn policies(&self) -> Vec<(String, String, Value)> {
        let roles = self.answer(&["iam", "list-roles", "--query", "Roles[].RoleName"]);
        let roles = roles.as_array().unwrap().iter();
        let roles = roles.map(|role| role.as_str().unwrap().to_owned());
        let of_functions = roles.filter(|role| role.starts_with("unbreakable-"));
        let mut policies = Vec::new();
        for role in of_functions {
            let names = self.answer(&["iam", "list-role-policies", "--role-name", &role]);
            for name in names["PolicyNames"].as_array().unwrap() {
                let name = name.as_str().unwrap();
                let query = [
                    "iam",
                    "get-role-policy",
                    "--role-name",
                    &role,
                    "--policy-name",
                    name,
                ];
                let document = self.answer(&query)["PolicyDocument"].clone();
                policies.push((role.clone(), name.to_owned(), document));
            }
        }
        policies
    }

    /// Writes a role's policy anew.
    pub(crate) fn allow(&self, role: &str, policy: &str, document: &Value) {
        let document = document.to_string();
        self.aws(&[
            "iam",
            "put-role-policy",
            "--role-name",
            role,
            "--policy-name",
            policy,
            "--policy-document",
            &document,
        ]);
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.aws(arguments)).unwrap()
    }

    /// What the AWS command line answers.
    pub(crate) fn aws(&self, arguments: &[&str]) -> String {
        let mut command = self.command(&tool("aws"));
        let output = command.args(arguments).output().unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complained}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Invokes a function and waits for its answer, which is no error.
    pub(crate) fn invoke(&self, function: &str, event: &Value) -> Value {
        let (given, answered) = (self.folder.join("event"), self.folder.join("answer"));
        write!(File::create(&given).unwrap(), "{event}").unwrap();
        let payload = format!("file://{}", given.display());
        let status = self.aws(&[
            "lambda",
            "invoke",
            "--function-name",
            function,
            "--payload",
            &payload,
            &answered.display().to_string(),
        ]);
        let answer = fs::read_to_string(&answered).unwrap();
        assert!(
            !status.contains("FunctionError"),
            "{function}: {answer}\n{}",
            self.logs()
        );
        serde_json::from_str(&answer).unwrap()
    }

    /// Everything that was written, and what a tick writes that is asked for
    /// now: the emulator drops what a scheduled one writes.
    pub(crate) fn explains(&self, function: &str) -> String {
        let answer = self.invoke(function, &serde_json::json!({}));
        format!("{}\n{answer}", self.logs())
    }

    /// An output of the stack.
    pub(crate) fn output(&self, name: &str) -> String {
        let query = format!("Stacks[0].Outputs[?OutputKey=='{name}'].OutputValue");
        let found = self.aws(&[
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            STACK,
            "--output",
            "text",
            "--query",
            &query,
        ]);
        found.trim().to_owned()
    }

    /// The names of all tables.
    pub(crate) fn tables(&self) -> Vec<String> {
        let answer = self.answer(&["dynamodb", "list-tables"]);
        serde_json::from_value(answer["TableNames"].clone()).unwrap()
    }

    /// How many functions there are.
    pub(crate) fn functions(&self) -> usize {
        let answer = self.answer(&["lambda", "list-functions"]);
        answer["Functions"].as_array().unwrap().len()
    }

    /// The value of a secret.
    pub(crate) fn secret(&self, name: &str) -> String {
        let found = self.aws(&[
            "ssm",
            "get-parameter",
            "--with-decryption",
            "--name",
            name,
            "--output",
            "text",
            "--query",
            "Parameter.Value",
        ]);
        found.trim().to_owned()
    }

    /// Asks the deployed API for a page: its status and its text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        self.ask(reqwest::Client::new().get(url)).await
    }

    /// Posts to the deployed API, with a secret if there is one.
    pub(crate) async fn post(
        &self,
        path: &str,
        secret: Option<&str>,
        body: &Value,
    ) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = reqwest::Client::new().post(url).json(body);
        if let Some(secret) = secret {
            request = request.header("x-unbreakable-token", secret);
        }
        self.ask(request).await
    }

    /// Everything the account and its functions wrote.
    pub(crate) fn logs(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        // The emulator tells APIs apart by their host.
        let url = self.output("ReportUrl");
        let (api, _) = url
            .strip_prefix("https://")
            .unwrap()
            .split_once('.')
            .unwrap();
        let host = format!("{api}.execute-api.localhost:{}", self.port);
        let answer = request.header("host", host).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A command in this account, as its owner.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", REGION),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_ENDPOINT_URL_CODEPIPELINE", &self.delivery),
                ("PYTHONWARNINGS", "ignore"),
            ])
            .env(
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            )
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// What `infra/test` installs.
fn tool(name: &str) -> PathBuf {
    Path::new(ROOT).join("target/tools/account/bin").join(name)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
