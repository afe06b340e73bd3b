//! Whose certificates are trusted.

use rustls::RootCertStore;

use crate::settings::{SettingError, optional, unusable};

/// The certificates that the operator names, else those of Mozilla, which are
/// part of the binary: reading and parsing them takes a cold function
/// milliseconds.
pub(super) fn trusted() -> Result<RootCertStore, SettingError> {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if optional(name).is_some() {
            return named()
                .ok_or_else(|| unusable(name, "no certificate in PEM form was found there"));
        }
    }
    Ok(RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    })
}

/// What stands where the two settings point to; they share their meaning with
/// `OpenSSL`.
fn named() -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (usable, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (usable != 0).then_some(roots)
}
