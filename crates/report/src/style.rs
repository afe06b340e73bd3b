//! The stylesheet, and the policy that lets a browser use it and nothing else.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// The value of `Content-Security-Policy` for every page: nothing is loaded,
/// run or framed, and the one stylesheet is known by its hash.
pub fn content_security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    });
    &POLICY
}

/// The one place where text is not escaped: it is ours, and part of the build.
pub(crate) fn style() -> Markup {
    html! { style { (PreEscaped(STYLE)) } }
}
