//! The connections of all AWS clients.
//!
//! The SDK's own connector reads and parses the root certificates of the
//! machine for every client that is made. This one is made once, with the TLS
//! configuration it is given, and shared.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

/// How long reaching a host may take; within the time of an attempt.
const CONNECT: Duration = Duration::from_secs(3);

/// Speaks HTTP for the SDK.
#[derive(Clone, Debug)]
pub(super) struct Https {
    client: Client<HttpsConnector<connect::HttpConnector>, SdkBody>,
}

impl Https {
    pub(super) fn new(tls: ClientConfig) -> Self {
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }
}

impl HttpClient for Https {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let answer = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(sorted)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The kind of an error, by which the SDK decides whether to try again.
fn sorted(error: legacy::Error) -> ConnectorError {
    let broken = error.is_connect() || cause::<std::io::Error>(&error).is_some();
    let hyper = cause::<hyper::Error>(&error);
    let closed = hyper.is_some_and(|error| error.is_closed() || error.is_canceled());
    let torn = hyper.is_some_and(hyper::Error::is_incomplete_message);
    let ours = hyper.is_some_and(hyper::Error::is_user);
    let error = Box::new(error);
    if ours {
        ConnectorError::user(error)
    } else if broken || closed {
        ConnectorError::io(error)
    } else if torn {
        // The other side closed a connection that was about to be used again.
        ConnectorError::other(error, Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error, None)
    }
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source())
        .find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, format!("http://{address}/path"))
    }

    async fn ask(url: &str) -> Result<HttpResponse, ConnectorError> {
        let tls = crate::clients::tls().unwrap();
        let mut request = HttpRequest::new(SdkBody::from("question"));
        request.set_uri(url).unwrap();
        request.set_method("POST").unwrap();
        Https::new(tls).call(request).await
    }

    /// Reads a request and says `answer`, then closes the connection.
    async fn say(listener: TcpListener, answer: &str) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn answer_arrives_with_its_status_and_body() {
        let (listener, url) = listener().await;
        let answer = "HTTP/1.1 418 teapot\r\ncontent-length: 6\r\n\r\nanswer";

        let (response, ()) = tokio::join!(ask(&url), say(listener, answer));

        let response = response.unwrap();
        assert_eq!(response.status().as_u16(), 418);
        let body = aws_smithy_types::byte_stream::ByteStream::new(response.into_body());
        assert_eq!(body.collect().await.unwrap().to_vec(), b"answer");
    }

    #[tokio::test]
    async fn host_that_is_not_there_is_worth_another_attempt() {
        let (listener, url) = listener().await;
        drop(listener);

        let error = ask(&url).await.unwrap_err();

        assert!(error.is_io(), "{error:?}");
    }

    #[tokio::test]
    async fn torn_connection_is_worth_another_attempt() {
        let (listener, url) = listener().await;

        let (response, ()) = tokio::join!(ask(&url), say(listener, ""));

        let error = response.unwrap_err();
        assert!(
            error.is_io() || error.as_other() == Some(ErrorKind::TransientError),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn https_is_never_spoken_without_tls() {
        let (listener, url) = listener().await;
        let url = url.replace("http:", "https:");

        let (response, ()) = tokio::join!(ask(&url), say(listener, "no TLS at all"));

        let error = response.unwrap_err();
        assert!(error.is_io(), "{error:?}");
    }
}
