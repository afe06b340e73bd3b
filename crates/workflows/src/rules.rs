//! Rules beside problems of the tenant.

use anyhow::Context as _;
use dynatrace::{Dynatrace, Window};
use jiff::Timestamp;
use monspec::Tag;
use release::condition::{Facts, Measured, Metric};
use release::window::Window as Span;
use tokio::time::Instant;

/// Of how many entities a number is asked for; so many fit into a selector.
const MOST_ENTITIES: usize = 50;

/// A problem as conditions see it.
pub fn facts(problem: &dynatrace::Problem) -> Facts {
    let touched = problem.touched.iter().chain(&problem.impacted);
    let tags = problem.tags.iter().map(|tag| Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    });
    Facts {
        title: problem.title.clone(),
        category: problem.severity.clone(),
        entities: touched
            .chain(&problem.root_cause)
            .map(|entity| entity.id.clone())
            .collect(),
        entity_types: Vec::new(),
        tags: tags.collect(),
    }
}

/// Asks the tenant for a number of a problem's entities. What is not there is a
/// gap; an error is a tenant that gave no answer.
pub async fn measure(
    tenant: &Dynatrace,
    facts: &Facts,
    metric: &Metric,
    now: Timestamp,
    deadline: Instant,
) -> anyhow::Result<Measured> {
    let ids = facts.of_type(&metric.entity_type).into_iter();
    let ids: Vec<String> = ids.take(MOST_ENTITIES).map(str::to_owned).collect();
    if ids.is_empty() {
        let why = format!("the problem affects no {}", metric.entity_type);
        return Ok(Measured::Gap(why));
    }
    let span = Span::ending_at(now, metric.window);
    let window = Window {
        from_ms: span.start.as_millisecond(),
        to_ms: span.end.as_millisecond(),
    };
    let numbers = tenant
        .numbers(&metric.selector, &ids, window, deadline)
        .await
        .with_context(|| format!("cannot ask the tenant for {}", metric.selector))?;
    Ok(match numbers {
        Ok(numbers) => metric.op.worst(numbers).map_or_else(
            || Measured::Gap("the tenant has no data".to_owned()),
            Measured::Number,
        ),
        Err(error) => Measured::Gap(error.to_string()),
    })
}
