//! An account: an emulator of AWS with the rights of every role enforced.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::ensure;
use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::http::Request;
use fake_aws::ACCOUNT;
use lab::world::until;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::shop::now;

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
    /// Under which host the API of the stack answers, once that was asked.
    host: OnceCell<String>,
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
                ("MINISTACK_ACCOUNT_ID", ACCOUNT),
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
            host: OnceCell::new(),
        };
        let answers = async || reqwest::get(&url).await.is_ok();
        let ready = until("the account to answer", Duration::from_mins(1), answers).await;
        assert!(ready.is_ok(), "{}", account.logs());
        account
    }

    /// `infra/deploy` or `infra/remove` as a person runs it: what it says.
    pub(crate) fn infra(&mut self, name: &str, token: &str, arguments: &[&str]) -> String {
        let (succeeds, said) = self.try_infra(name, token, arguments);
        assert!(succeeds, "{said}");
        assert!(!said.contains(token), "the token is shown");
        said
    }

    /// The same, whether it succeeds or not.
    pub(crate) fn try_infra(
        &mut self,
        name: &str,
        token: &str,
        arguments: &[&str],
    ) -> (bool, String) {
        let mut command = self.command(&Path::new(ROOT).join("infra").join(name));
        let output = command
            .args(arguments)
            .env("DT_API_TOKEN", token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        self.host.take();
        (output.status.success(), format!("{said}\n{complained}"))
    }

    /// Does what a section of `infra/README.md` says, in its first block.
    pub(crate) fn follow_the_runbook(&self, section: &str) {
        let runbook = fs::read_to_string(Path::new(ROOT).join("infra/README.md")).unwrap();
        let (_, section) = runbook.split_once(&format!("\n## {section}\n")).unwrap();
        let (_, block) = section.split_once("```sh\n").unwrap();
        let (script, _) = block.split_once("```").unwrap();
        let mut command = self.command(Path::new("bash"));
        let command = command.args(["-euc", script]).current_dir(ROOT);
        let output = command.output().unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complained}");
    }

    /// The emulator asks for `GetParameters` on no parameter in particular, so
    /// that a right to some is none: here roles that read secrets may read all.
    pub(crate) async fn tell_no_secrets_apart(&self) {
        for (role, policy, mut document) in self.policies() {
            let statements = document["Statement"].as_array_mut().unwrap();
            for statement in statements {
                if statement["Sid"] == "Secrets" {
                    statement["Resource"] = "*".into();
                }
            }
            self.allow(&role, &policy, &document).await;
        }
    }

    /// Every role of the stack with the policy that it has: the name of the
    /// role, that of the policy, and what it allows.
    pub(crate) fn policies(&self) -> Vec<(String, String, Value)> {
        let found = self.aws(&[
            "iam",
            "get-account-authorization-details",
            "--filter",
            "Role",
        ]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let roles = found["RoleDetailList"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let policies = roles.flat_map(|role| {
            let policies = role["RolePolicyList"].as_array().into_iter().flatten();
            policies.map(move |policy| {
                let document = policy["PolicyDocument"].clone();
                (
                    text(&role["RoleName"]),
                    text(&policy["PolicyName"]),
                    document,
                )
            })
        });
        let of_stack = |(role, ..): &(String, String, Value)| role.starts_with("unbreakable-");
        policies.filter(of_stack).collect()
    }

    /// Writes a role's policy anew.
    pub(crate) async fn allow(&self, role: &str, policy: &str, document: &Value) {
        let form = [
            ("Action", "PutRolePolicy"),
            ("Version", "2010-05-08"),
            ("RoleName", role),
            ("PolicyName", policy),
            ("PolicyDocument", &document.to_string()),
        ];
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request("POST", "/");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = self.call("iam", request.body(form).unwrap()).await.unwrap();
        answer.error_for_status().unwrap();
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

    /// Ends the environments of a function, with all that they remember.
    pub(crate) async fn renew(&self, function: &str) {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let same = r#"{"MemorySize": 512}"#.to_owned();
        let request = self.request("PUT", &path).body(same).unwrap();
        let answer = self.call("lambda", request).await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// Invokes a function and waits for its answer.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self.request("POST", &path).body(event.to_string())?;
        let answer = self.call("lambda", request).await?.error_for_status()?;
        let failed = answer.headers().contains_key("x-amz-function-error");
        let answer = answer.text().await?;
        ensure!(!failed, "{function}: {answer}");
        Ok(serde_json::from_str(&answer)?)
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        Request::builder().method(method).uri(url)
    }

    /// What is called too often for the command line, which takes a second.
    async fn call(
        &self,
        service: &str,
        mut request: Request<String>,
    ) -> anyhow::Result<reqwest::Response> {
        let owner = owner().into();
        let parameters = SigningParams::builder()
            .identity(&owner)
            .region(REGION)
            .name(service)
            .time(UNIX_EPOCH + Duration::from_millis(now().unsigned_abs()))
            .settings(SigningSettings::default())
            .build()?;
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signed = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(request.body().as_bytes()),
        )?;
        let (signature, _) = sign(signed, &parameters.into())?.into_parts();
        signature.apply_to_request_http1x(&mut request);
        Ok(reqwest::Client::new().execute(request.try_into()?).await?)
    }

    /// Everything that was written, and what a tick writes that is asked for
    /// now: the emulator drops what a scheduled one writes.
    pub(crate) async fn explains(&self, function: &str) -> String {
        let answer = self.invoke(function, &serde_json::json!({})).await;
        format!("{}\n{answer:?}", self.logs())
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

    /// The names of all secrets.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let query = "Parameters[].Name";
        let answer = self.answer(&["ssm", "describe-parameters", "--query", query]);
        serde_json::from_value(answer).unwrap()
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

    /// The tables as the owner of the account sees them, over the HTTP client
    /// of `config`.
    pub(crate) fn database(&self, config: &aws_config::SdkConfig) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(config)
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .credentials_provider(owner());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// What a function wrote since a moment.
    pub(crate) fn written(&self, function: &str, since: i64) -> String {
        self.aws(&[
            "logs",
            "filter-log-events",
            "--log-group-name",
            &format!("/aws/lambda/unbreakable-{function}"),
            "--start-time",
            &since.to_string(),
            "--query",
            "events[].message",
        ])
    }

    /// Everything the account and its functions wrote.
    pub(crate) fn logs(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        // The emulator tells APIs apart by their host.
        let host = self.host.get_or_init(|| {
            let url = self.output("ReportUrl");
            let url = url.strip_prefix("https://").unwrap();
            let (api, _) = url.split_once('.').unwrap();
            format!("{api}.execute-api.localhost:{}", self.port)
        });
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

fn owner() -> Credentials {
    Credentials::new("test", "test", None, None, "owner")
}

/// The code of each function as it is uploaded.
pub(crate) fn zips() -> impl Iterator<Item = PathBuf> {
    let files = Path::new(ROOT).join("target/stack").read_dir().unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "zip"))
}

/// What `infra/test` installs.
fn tool(name: &str) -> PathBuf {
    Path::new(ROOT).join("target/tools/account/bin").join(name)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
