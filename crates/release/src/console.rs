//! Addresses of pipelines and deployments in the AWS console.

use url::Url;

/// The console of one region.
#[derive(Clone, Debug, Default)]
pub struct Console {
    region: Option<String>,
}

impl Console {
    /// The console of a region; without a region there are no links.
    pub fn of(region: Option<&str>) -> Self {
        let is_region = |region: &&str| {
            region.len() <= 30
                && region
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        Self {
            region: region.filter(is_region).map(str::to_owned),
        }
    }

    /// A pipeline, with its approvals.
    pub fn pipeline(&self, pipeline: &str) -> Option<String> {
        self.page(&["codepipeline", "pipelines", pipeline, "view"])
    }

    /// One execution of a pipeline.
    pub fn execution(&self, pipeline: &str, execution: &str) -> Option<String> {
        self.page(&[
            "codepipeline",
            "pipelines",
            pipeline,
            "executions",
            execution,
            "timeline",
        ])
    }

    /// One deployment of CodeDeploy.
    pub fn deployment(&self, id: &str) -> Option<String> {
        self.page(&["codedeploy", "deployments", id])
    }

    fn page(&self, path: &[&str]) -> Option<String> {
        let region = self.region.as_deref()?;
        let host = match region.split('-').next() {
            Some("cn") => "console.amazonaws.cn".to_owned(),
            _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com".to_owned(),
            _ => format!("{region}.console.aws.amazon.com"),
        };
        let mut page = Url::parse(&format!("https://{host}/codesuite/?region={region}")).ok()?;
        page.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(page.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_console_of_the_region() {
        for (region, link) in [
            (
                "eu-central-1",
                "https://eu-central-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/Sample/executions/e-1/timeline?region=eu-central-1",
            ),
            (
                "cn-north-1",
                "https://console.amazonaws.cn/codesuite/codepipeline/pipelines/Sample/executions/e-1/timeline?region=cn-north-1",
            ),
            (
                "us-gov-west-1",
                "https://console.amazonaws-us-gov.com/codesuite/codepipeline/pipelines/Sample/executions/e-1/timeline?region=us-gov-west-1",
            ),
        ] {
            let console = Console::of(Some(region));
            assert_eq!(console.execution("Sample", "e-1").as_deref(), Some(link));
        }
        assert_eq!(Console::of(Some("a/../b")).deployment("d-1"), None);
        assert_eq!(Console::of(None).deployment("d-1"), None);
    }

    #[test]
    fn name_never_leaves_its_place_in_the_address() {
        let console = Console::of(Some("us-east-1"));

        assert_eq!(
            console.deployment("d/1?a#b").as_deref(),
            Some(
                "https://us-east-1.console.aws.amazon.com/codesuite/codedeploy/deployments/d%2F1%3Fa%23b?region=us-east-1"
            )
        );
    }
}
