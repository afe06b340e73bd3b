#![doc = include_str!("../README.md")]

use std::fmt;
use std::sync::Arc;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

mod error;
mod http;
mod job;
mod launch;
mod pages;
mod server;
mod shown;
mod template;

pub use error::{Cause, Error};
pub use job::{Cancel, Counts, FailedTask, Job, JobKind, JobRef, Launcher, Status, Tail};
pub use launch::{Difference, JobType, Launch, Launched, Order};
pub use server::{Credentials, InvalidServer, Server, check_base, http};
pub use template::{
    Defaults, Named, Preflight, Prompts, Question, Template, TemplateKind, TemplateRef,
};

use error::known;
use http::Connection;
use job::{WireEvent, WireJob};
use shown::{excerpt, tail};
use template::{Survey, WirePreflight, WireTemplate};

/// How much of the end of an output is kept, in characters.
const LONGEST_TAIL: usize = 4_096;

/// What a controller writes, with status 200, instead of an output above 1 MiB.
const APOLOGY: &str = "Standard Output too large to display";

/// How many failed tasks are read.
const MOST_TASKS: usize = 20;

/// A client for one controller. Clones are cheap.
#[derive(Clone)]
pub struct Controller {
    connection: Arc<Connection>,
}

/// The answer to a request without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ping {
    /// The version of the controller.
    pub version: String,
}

/// Whom the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The id, which jobs are found by.
    pub id: u64,
    /// The name.
    #[serde(rename = "username")]
    pub name: String,
    /// Whether it may do everything, which is more than is needed.
    #[serde(default, rename = "is_superuser")]
    pub superuser: bool,
}

#[derive(Deserialize)]
struct Page<T> {
    count: u64,
    results: Vec<T>,
}

impl Controller {
    /// A client that uses `http`, which must not follow redirects; [`http()`]
    /// makes such a one.
    pub fn new(http: reqwest::Client, server: Server) -> Result<Self, InvalidServer> {
        let connection = Arc::new(Connection::new(http, server)?);
        Ok(Self { connection })
    }

    /// Which version answers, whether or not it accepts the credentials.
    pub async fn ping(&self, deadline: Instant) -> Result<Ping, Error> {
        self.connection.get("/ping/", &[], deadline).await
    }

    /// Whom the credentials belong to.
    pub async fn me(&self, deadline: Instant) -> Result<User, Error> {
        let page: Page<User> = self.connection.get("/me/", &[], deadline).await?;
        let user = page.results.into_iter().next();
        user.ok_or_else(|| Error::malformed("it names no user"))
    }

    /// The template with an id; nothing if there is none of this kind that the
    /// user may see.
    pub async fn template(
        &self,
        kind: TemplateKind,
        id: u64,
        deadline: Instant,
    ) -> Result<Option<Template>, Error> {
        let path = format!("/{}/{id}/", kind.path());
        let found = self.connection.get(&path, &[], deadline).await;
        Ok(known(found)?.map(|found: WireTemplate| found.of_kind(kind)))
    }

    /// The template with exactly this name, of this organization where one is
    /// given.
    pub async fn template_named(
        &self,
        kind: TemplateKind,
        name: &str,
        organization: Option<&str>,
        deadline: Instant,
    ) -> Result<Named, Error> {
        let path = format!("/{}/", kind.path());
        let mut query = vec![("name__exact", name.to_owned())];
        query.extend(organization.map(|name| ("organization__name", name.to_owned())));
        let page: Page<WireTemplate> = self.connection.get(&path, &query, deadline).await?;
        let count = page.count;
        Ok(match (count, page.results.into_iter().next()) {
            (0, _) | (_, None) => Named::None,
            (1, Some(found)) => Named::One(Box::new(found.of_kind(kind))),
            (count, Some(_)) => Named::Several(count),
        })
    }

    /// What a template asks for when it is launched, its survey included; nothing
    /// if there is none.
    pub async fn preflight(
        &self,
        kind: TemplateKind,
        id: u64,
        deadline: Instant,
    ) -> Result<Option<Preflight>, Error> {
        let path = launch::path(kind, id);
        let form = self.connection.get(&path, &[], deadline).await;
        let Some(form): Option<WirePreflight> = known(form)? else {
            return Ok(None);
        };
        let survey = if form.survey_enabled {
            let path = format!("/{}/{id}/survey_spec/", kind.path());
            known(self.connection.get(&path, &[], deadline).await)?.unwrap_or_default()
        } else {
            Survey::default()
        };
        Ok(Some(form.with(survey)))
    }

    /// Launches a template. It is sent once, whatever happens: nothing tells the
    /// controller that two requests mean the same job.
    pub async fn launch(
        &self,
        kind: TemplateKind,
        id: u64,
        order: &Order,
        deadline: Instant,
    ) -> Launch {
        let path = launch::path(kind, id);
        launch::outcome(self.connection.post(&path, &order.body(), deadline).await)
    }

    /// How far a job is; nothing if the controller knows it no more.
    pub async fn job(&self, job: JobRef, deadline: Instant) -> Result<Option<Job>, Error> {
        let found = self.connection.get(&job.path(), &[], deadline).await;
        Ok(known(found)?.map(WireJob::read))
    }

    /// The tasks that failed, in order, as far as their events are stored. A
    /// workflow job has none.
    pub async fn failed_tasks(
        &self,
        job: JobRef,
        deadline: Instant,
    ) -> Result<Vec<FailedTask>, Error> {
        if job.kind == JobKind::Workflow {
            return Ok(Vec::new());
        }
        let path = format!("{}job_events/", job.path());
        let query = [
            (
                "event__in",
                "runner_on_failed,runner_on_unreachable".to_owned(),
            ),
            ("order_by", "counter".to_owned()),
            ("page_size", MOST_TASKS.to_string()),
        ];
        let found = self.connection.get(&path, &query, deadline).await;
        let page: Option<Page<WireEvent>> = known(found)?;
        let secret = self.connection.secret();
        let events = page.map_or_else(Vec::new, |page| page.results);
        Ok(events
            .into_iter()
            .map(|event| event.read(|text| excerpt(&shown::without_colours(text), secret)))
            .collect())
    }

    /// The last lines that a job has put out; nothing if it is gone, or a
    /// workflow job, which puts out none.
    pub async fn tail(
        &self,
        job: JobRef,
        lines: u32,
        deadline: Instant,
    ) -> Result<Option<Tail>, Error> {
        #[derive(Deserialize)]
        struct Output {
            content: String,
        }
        if job.kind == JobKind::Workflow {
            return Ok(None);
        }
        let path = format!("{}stdout/", job.path());
        let query = [
            ("format", "json".to_owned()),
            ("start_line", format!("-{lines}")),
        ];
        let output: Option<Output> = known(self.connection.get(&path, &query, deadline).await)?;
        let Some(output) = output else {
            return Ok(None);
        };
        let text = if output.content.starts_with(APOLOGY) {
            self.latest_lines(job, lines, deadline).await?
        } else {
            output.content
        };
        Ok(Some(Tail {
            text: tail(&text, LONGEST_TAIL, self.connection.secret()),
        }))
    }

    /// What the latest events have put out, which is there however much it all is.
    async fn latest_lines(
        &self,
        job: JobRef,
        lines: u32,
        deadline: Instant,
    ) -> Result<String, Error> {
        let path = format!("{}job_events/", job.path());
        let query = [
            ("order_by", "-counter".to_owned()),
            ("page_size", lines.to_string()),
        ];
        let found = self.connection.get(&path, &query, deadline).await;
        let page: Option<Page<WireEvent>> = known(found)?;
        let events = page.map_or_else(Vec::new, |page| page.results);
        let lines = events.into_iter().rev().map(WireEvent::output);
        Ok(lines
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n"))
    }

    /// The jobs of a template that have not ended, whoever launched them, the
    /// oldest first.
    pub async fn active_jobs(
        &self,
        template: TemplateRef,
        deadline: Instant,
    ) -> Result<Vec<Job>, Error> {
        let active = ("status__in", "new,pending,waiting,running".to_owned());
        self.jobs(template, &[active], deadline).await
    }

    /// The id of the newest job of a template: whatever is launched from now on
    /// has a larger one. Nought if there is none.
    pub async fn newest_job(&self, template: TemplateRef, deadline: Instant) -> Result<u64, Error> {
        let query = [
            ("order_by", "-id".to_owned()),
            ("page_size", "1".to_owned()),
        ];
        let mut newest = 0;
        for path in pages::lists(template) {
            let page: Page<WireJob> = self.connection.get(&path, &query, deadline).await?;
            let ids = page.results.into_iter().map(|job| job.read().at.id);
            newest = ids.fold(newest, u64::max);
        }
        Ok(newest)
    }

    /// The jobs of a template with an id above `floor` that this user launched,
    /// the oldest first. Relaunches are none of them, though they carry the
    /// variables of what they repeat.
    pub async fn launched_since(
        &self,
        template: TemplateRef,
        floor: u64,
        by: u64,
        deadline: Instant,
    ) -> Result<Vec<Job>, Error> {
        let query = [
            ("id__gt", floor.to_string()),
            ("created_by", by.to_string()),
            ("launch_type", "manual".to_owned()),
        ];
        self.jobs(template, &query, deadline).await
    }

    /// Wishes that a job ends. It may be wished again.
    pub async fn cancel(&self, job: JobRef, deadline: Instant) -> Result<Cancel, Error> {
        let path = format!("{}cancel/", job.path());
        match self.connection.post(&path, &json!({}), deadline).await {
            Ok(_) => Ok(Cancel::Asked),
            Err(failure) if failure.status == Some(StatusCode::METHOD_NOT_ALLOWED) => {
                Ok(Cancel::Ended)
            }
            Err(failure) => match failure.error {
                Error::Unknown(_) => Ok(Cancel::Gone),
                error => Err(error),
            },
        }
    }

    /// How many approvals the workflow jobs of this controller wait for; such a
    /// job says that it runs.
    pub async fn pending_approvals(&self, deadline: Instant) -> Result<u64, Error> {
        let query = [("status", "pending".to_owned())];
        let page: Page<Value> = self
            .connection
            .get("/workflow_approvals/", &query, deadline)
            .await?;
        Ok(page.count)
    }

    /// Where people see a job; nothing behind a gateway.
    pub fn page_of(&self, job: JobRef) -> Option<String> {
        launch::page(self.connection.base(), job)
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("base", &self.connection.base())
            .finish_non_exhaustive()
    }
}
