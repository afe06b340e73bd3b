//! Where people look at what the API tells.

use jiff::Timestamp;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::question::Window;

/// The port on which an `ActiveGate` serves the API, and no pages.
const ACTIVE_GATE: u16 = 9999;

/// The pages of one tenant, where it has any.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    base: Option<String>,
}

impl Pages {
    /// The pages of the tenant at this address.
    pub(crate) fn of(tenant: &str) -> Self {
        let base = Url::parse(tenant.trim()).ok();
        let base = base.filter(|url| url.port() != Some(ACTIVE_GATE));
        let base = base.map(|url| {
            let base = url.as_str().trim_end_matches('/');
            // The platform host has other pages, the classic one leads to them.
            base.replacen(".apps.dynatrace.com", ".live.dynatrace.com", 1)
        });
        Self { base }
    }

    pub(crate) fn of_problem(&self, id: &str) -> Option<String> {
        let base = self.base.as_ref()?;
        Some(format!(
            "{base}/#problems/problemdetails;pid={}",
            encoded(id)
        ))
    }

    pub(crate) fn of_entity(&self, id: &str, window: Window) -> Option<String> {
        let base = self.base.as_ref()?;
        let moment = |ms| Some(Timestamp::from_millisecond(ms).ok()?.to_string());
        let frame = format!("{} to {}", moment(window.from_ms)?, moment(window.to_ms)?);
        Some(format!(
            "{base}/ui/entity/{}?gtf={}",
            encoded(id),
            encoded(&frame)
        ))
    }
}

fn encoded(text: &str) -> String {
    // A space is a plus only in forms.
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_where_the_tenant_is() {
        for (tenant, page) in [
            (
                "https://abc12345.live.dynatrace.com/",
                Some("https://abc12345.live.dynatrace.com/#problems/problemdetails;pid=-6_1V2"),
            ),
            (
                "https://abc12345.apps.dynatrace.com",
                Some("https://abc12345.live.dynatrace.com/#problems/problemdetails;pid=-6_1V2"),
            ),
            (
                "https://managed.example.com/e/0a1b2c",
                Some("https://managed.example.com/e/0a1b2c/#problems/problemdetails;pid=-6_1V2"),
            ),
            ("https://gate.example.com:9999/e/0a1b2c", None),
        ] {
            assert_eq!(Pages::of(tenant).of_problem("-6_1V2").as_deref(), page);
        }
    }

    #[test]
    fn charts_show_the_window_and_nothing_reaches_out_of_its_place() {
        let window = Window {
            from_ms: 0,
            to_ms: 60_000,
        };

        assert_eq!(
            Pages::of("https://a.example").of_entity("SERVICE-1/?x#y", window),
            Some(
                "https://a.example/ui/entity/SERVICE-1%2F%3Fx%23y\
                 ?gtf=1970-01-01T00%3A00%3A00Z%20to%201970-01-01T00%3A01%3A00Z"
                    .to_owned()
            )
        );
    }
}
