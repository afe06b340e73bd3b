//! What is read while the table of flags cannot be, and by several instances at
//! once.

use aws_sdk_dynamodb::Client;
use fake_aws::clock::real_time;
use flags::Rules;
use flags::key::{KeyHolder, Presented};
use jiff::{SignedDuration, Timestamp};
use lab::world::{SERVE_FLAGS, Settings};
use lambda_host::front::Front;
use secrecy::SecretString;
use serde_json::{Value, json};
use store::Flags;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use workflows::serve_flags::{Kept, Outcome, Question, Services, serve_flags};

use super::{Flagged, Told};

/// A line to the table that can be cut.
struct Line {
    url: String,
    carries: JoinHandle<()>,
}

impl Line {
    async fn to(table: &str) -> Self {
        let table = table.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let carries = tokio::spawn(async move {
            // Dropped with this task, and every connection with it.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&table).await.unwrap();
                connections.spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { url, carries }
    }

    async fn cut(self) {
        self.carries.abort();
        let _ = self.carries.await;
    }
}

/// A process that reads flags over a line, at the times of the story.
struct Reader {
    services: Services,
    key: Presented,
}

impl Reader {
    async fn asks(&self, question: Question<'_>, now: Timestamp) -> anyhow::Result<Outcome> {
        let key = Some(&self.key);
        serve_flags(&self.services, key, question, None, now).await
    }

    async fn reads(&self, flag: &str, now: Timestamp) -> anyhow::Result<(Value, bool)> {
        let question = Question::One { flag, body: b"" };
        let Outcome::One(found) = self.asks(question, now).await? else {
            anyhow::bail!("it reads nothing");
        };
        let body = found.to_json();
        Ok((body["value"].clone(), body["metadata"]["stale"] == true))
    }
}

fn reader(flagged: &Flagged, line: &Line, key: &str) -> Reader {
    let config = flagged.world.dynamo.client().config().to_builder();
    let client = Client::from_conf(config.endpoint_url(&line.url).build());
    Reader {
        services: Services {
            flags: Flags::new(client, "Flags"),
            set: "prod".to_owned(),
            rules: Rules::default(),
            kept: Kept::default(),
        },
        key: Presented::parse(&SecretString::from(key)).unwrap(),
    }
}

#[tokio::test]
async fn table_that_cannot_be_read_leaves_flags_for_five_minutes_and_the_clock_goes_on() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let app = flagged.key("app", KeyHolder::Machine, &["read:prod"]).await;
    let line = Line::to(flagged.world.dynamo.url()).await;
    let mut reader = reader(&flagged, &line, &app);
    let flag = "errorInjectionEnabled";
    let trial = json!({"flag": flag, "value": false, "ttlSeconds": 60});
    flagged.post("feature-flag", &key, &trial).await;
    let began = real_time();
    let at = |seconds| began + SignedDuration::from_secs(seconds);
    let read = reader.reads(flag, at(0)).await.unwrap();
    assert_eq!(read, (json!(false), false));

    line.cut().await;

    let read = reader.reads(flag, at(30)).await.unwrap();
    assert_eq!(read, (json!(false), true));
    let read = reader.reads(flag, at(61)).await.unwrap();
    assert_eq!(read, (json!(true), true), "the trial is over");
    let all = reader.asks(Question::All { body: b"" }, at(90)).await;
    let Outcome::Many(all) = all.unwrap() else {
        panic!("it reads nothing");
    };
    let all: Value = serde_json::from_str(&all.body).unwrap();
    assert_eq!(all["metadata"]["stale"], true);
    assert_eq!(all["flags"][0]["metadata"]["stale"], true);
    let document = Question::Flagd { set: "prod" };
    let Outcome::Many(document) = reader.asks(document, at(90)).await.unwrap() else {
        panic!("it reads nothing");
    };
    let document: Value = serde_json::from_str(&document.body).unwrap();
    assert_eq!(document["metadata"]["stale"], true);
    assert!(reader.reads(flag, at(299)).await.is_ok());
    assert!(reader.reads(flag, at(300)).await.is_err());

    // Whom nobody has seen before is not let in.
    let known = Presented::parse(&SecretString::from(key.as_str())).unwrap();
    reader.key = known;
    assert!(reader.reads(flag, at(30)).await.is_err());
}

#[tokio::test]
async fn function_whose_table_is_gone_serves_what_it_read() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let line = Line::to(flagged.world.dynamo.url()).await;
    let settings = Settings::default().with("AWS_ENDPOINT_URL_DYNAMODB", &line.url);
    let function = flagged.world.another_with(SERVE_FLAGS, &settings).await;
    let front = Front::bind().await.unwrap();
    let serve = front.open(function.unwrap());
    let ask = async |key: &str| {
        let url = format!("{}/ofrep/v1/evaluate/flags/greeting", serve.url());
        let asked = flagged.http.post(url).bearer_auth(key).body("{}");
        Told::of(asked.send().await.unwrap()).await
    };
    assert_eq!(ask(&key).await.json()["metadata"]["stale"], json!(null));

    line.cut().await;

    let told = ask(&key).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.json()["metadata"]["stale"], true);
    assert_eq!(told.json()["value"], "Zoë");
    assert_eq!(ask(&format!("{key}x")).await.status, 401);
    let other = flagged.key("new", KeyHolder::Machine, &["read:prod"]).await;
    assert_eq!(ask(&other).await.status, 500);
}

#[tokio::test]
async fn change_and_revoked_key_hold_at_the_very_next_read_of_every_instance() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let app = flagged.key("app", KeyHolder::Machine, &["read:prod"]).await;
    let front = Front::bind().await.unwrap();
    let other = front.open(flagged.world.another(SERVE_FLAGS).await.unwrap());
    let instances = [flagged.serve.url(), other.url()];
    let ask = async |url: &str| {
        let url = format!("{url}/ofrep/v1/evaluate/flags/canaryTrafficPercent");
        let asked = flagged.http.post(url).bearer_auth(&app).body("{}");
        Told::of(asked.send().await.unwrap()).await
    };
    for value in [5, 10, 5, 0, 20] {
        let wanted = json!({"flag": "canaryTrafficPercent", "value": value});
        let told = flagged.post("feature-flag", &key, &wanted).await;
        assert_eq!(told.status, 200, "{told:?}");
        for url in instances {
            assert_eq!(ask(url).await.json()["value"], value, "{url}");
        }
    }

    flagged.world.flags().revoke_key("app").await.unwrap();

    for url in instances {
        assert_eq!(ask(url).await.status, 401, "{url}");
    }
}
