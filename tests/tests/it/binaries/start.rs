//! A function that misses a setting says which one, and does not start.

use lab::world::{Settings, World};
use lambda_host::runtime::{Invocation, InvocationOutcome};

#[tokio::test]
async fn missing_setting_is_named_by_the_function_that_needs_it() {
    for (setting, told) in [
        (
            "VALIDATIONS_TABLE",
            "the setting VALIDATIONS_TABLE is missing: set it to the name of the table of validations",
        ),
        ("LEDGER_TABLE", "the setting LEDGER_TABLE is missing"),
        ("DT_TENANT_URL", "the setting DT_TENANT_URL is missing"),
        (
            "DT_API_TOKEN_PARAMETER",
            "the setting DT_API_TOKEN is missing",
        ),
        (
            "REPORT_KEYS_PARAMETER",
            "the setting REPORT_KEYS is missing",
        ),
    ] {
        let world = World::start(Settings::default().without(setting))
            .await
            .unwrap();

        let invocation = world.tick().await.unwrap();

        assert_refused(&invocation, told);
    }
}

#[tokio::test]
async fn setting_that_cannot_be_used_is_named_with_the_reason() {
    for (setting, value, told) in [
        (
            "DT_API",
            "v3",
            "the setting DT_API is not usable: the Dynatrace API is either `v2` or `v1`",
        ),
        (
            "DT_TENANT_URL",
            "http://abc12345.live.dynatrace.com",
            "the setting DT_TENANT_URL is not usable: the tenant URL must begin with `https://`",
        ),
        (
            "REPORT_KEYS",
            "lab:short",
            "the setting REPORT_KEYS is not usable: the secret of key `lab` is shorter than",
        ),
        (
            "DT_MISSING_DATA_SECONDS",
            "a while",
            "the setting DT_MISSING_DATA_SECONDS is not usable",
        ),
        (
            "ALLOWED_ORIGINS",
            "everywhere",
            "the setting ALLOWED_ORIGINS is not usable: `everywhere` is not an origin",
        ),
        (
            "SSL_CERT_FILE",
            "/no/such/file.pem",
            "the setting SSL_CERT_FILE is not usable: no certificate in PEM form was found there",
        ),
        (
            "REPORT_ACCESS",
            "secret",
            "the setting REPORT_ACCESS is not usable",
        ),
    ] {
        let world = World::start(Settings::default().with(setting, value))
            .await
            .unwrap();

        let invocation = world.tick().await.unwrap();

        assert_refused(&invocation, told);
    }
}

fn assert_refused(invocation: &Invocation, told: &str) {
    assert!(
        matches!(invocation.outcome, InvocationOutcome::Crashed(_)),
        "{:?}",
        invocation.outcome
    );
    assert!(invocation.logs.contains(told), "{}", invocation.logs);
}
