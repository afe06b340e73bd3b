//! `DynamoDB`: a real engine in this process, spoken to by the real client.
//!
//! One [`Dynamo`] is one empty database, so tests never meet each other's rows.
//! Every read is strongly consistent here; the lag of a secondary index cannot
//! be reproduced.

mod contended;

use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use contended::Contended;

use crate::sdk_config;

/// A running database; it stops when this value is dropped.
#[derive(Debug)]
pub struct Dynamo {
    url: String,
    /// Dropping the sender stops the server.
    _stop: oneshot::Sender<()>,
}

impl Dynamo {
    /// Starts an empty in-memory database on a free loopback port.
    pub async fn start() -> anyhow::Result<Self> {
        let database = dynoxide::Database::memory().context("cannot open a database in memory")?;
        Self::serve(database).await
    }

    /// Starts the database that is kept in a folder; an empty one, if none is.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let told = || format!("cannot keep data in `{}`", folder.display());
        std::fs::create_dir_all(folder).with_context(told)?;
        let file = folder.join("dynamodb.sqlite");
        let file = file.to_str().context("the name of the folder is no text")?;
        let database = dynoxide::Database::new(file).with_context(told)?;
        Self::serve(database).await
    }

    async fn serve(database: dynoxide::Database) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();

        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            async {
                // An error means that the sender is gone, which is the signal.
                let _ = stopped.await;
            },
        ));
        Ok(Self { url, _stop: stop })
    }

    /// The endpoint to hand to functions as `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The names of the tables that exist.
    pub async fn tables(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.client().list_tables().send().await;
        let listed = listed.context("cannot list the tables")?;
        Ok(listed.table_names.unwrap_or_default())
    }

    /// The same database as somebody sees it whose writes meet the transactions
    /// of others.
    pub async fn contended(&self) -> anyhow::Result<Contended> {
        Contended::before(&self.url).await
    }

    /// A client of this database.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&sdk_config(&self.url))
    }
}
