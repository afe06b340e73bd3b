//! A controller whose certificate was signed by its owner.

use std::sync::Arc;

use controller::{Controller, Credentials, Error, Server};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::world::{install_tls, soon};

/// They sign nothing but each other, and end in a hundred years.
const ROOTS: &str = include_str!("fixtures/roots.pem");
const CERTIFICATE: &str = include_str!("fixtures/server.pem");
const KEY: &str = include_str!("fixtures/server.key");

/// Answers every request behind TLS with its version.
async fn serve() -> String {
    install_tls();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("it is one");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("it is one");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let base = format!(
        "https://{}/api/v2",
        listener.local_addr().expect("it is bound")
    );
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // A client that does not trust the certificate ends here.
            let Ok(mut connection) = acceptor.accept(connection).await else {
                continue;
            };
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let body = r#"{"version":"24.6.1"}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = connection.write_all(answer.as_bytes()).await;
            let _ = connection.shutdown().await;
        }
    });
    base
}

fn client(base: &str, roots: Option<&str>) -> Controller {
    let server = Server {
        base: base.to_owned(),
        credentials: Credentials::Bearer("t0k3n".into()),
    };
    let http = controller::http(roots).expect("the roots are good");
    Controller::new(http, server).expect("the settings are good")
}

#[tokio::test]
async fn own_roots_are_trusted_and_without_them_it_is_said() {
    let base = serve().await;

    let trusted = client(&base, Some(ROOTS)).ping(soon()).await;
    let untrusted = client(&base, None).ping(soon()).await;

    assert_eq!(trusted.unwrap().version, "24.6.1");
    assert!(
        matches!(untrusted, Err(Error::Untrusted(_))),
        "{untrusted:?}"
    );
}
