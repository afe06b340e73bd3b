//! One signature over builds, drawn as SVG.
//!
//! The horizontal place of a build is a percentage and its vertical place is in
//! pixels, so that a chart fills any width and its words keep their size. Lines
//! cannot be placed by percentages; they live in a picture of their own that is
//! stretched.

mod axis;
mod drawing;
mod lines;
mod table;

pub(crate) use drawing::legend;

use jiff::Timestamp;
use maud::{Markup, html};
use monspec::Outcome;
use release::plot::Plotted;

use crate::text::{Clock, count, name, shortened};
use crate::units::{Scale, Unit};
use crate::words::State;

/// One signature over the builds of a page, oldest first.
pub(crate) struct Chart<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<Point<'a>>,
}

/// What one build has to say to a chart.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) label: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) state: State,
    pub(crate) plotted: Option<&'a Plotted>,
}

impl<'a> Chart<'a> {
    /// How much a reader should look at it: whether the last build is violated,
    /// how many are, how many could not be judged.
    pub(crate) fn weight(&self) -> (bool, usize, usize) {
        let of = |outcome| {
            let is = |point: &&Point<'_>| point.outcome() == Some(outcome);
            self.points.iter().filter(is).count()
        };
        let last = self.points.iter().rev().find_map(Point::outcome);
        (
            last == Some(Outcome::Violated),
            of(Outcome::Violated),
            of(Outcome::Inconclusive),
        )
    }

    pub(crate) fn figure(&self, id: usize, clock: Clock<'_>) -> Markup {
        let scale = self.scale();
        let heading = format!("chart-{id}");
        html! {
            figure aria-labelledby=(heading) {
                figcaption {
                    h3 id=(heading) { (title(self.name)) }
                    p { (self.in_a_sentence(scale)) }
                }
                (self.drawing(scale, clock))
                details {
                    summary { "Numbers" }
                    (self.table(scale))
                }
            }
        }
    }

    /// The text that stands for the picture.
    fn in_a_sentence(&self, scale: Scale) -> String {
        let last = self.points.iter().rev().find_map(|point| point.plotted);
        let Some(last) = last else {
            return "No build has been judged.".to_owned();
        };
        let [observation, baseline, limit] = told(scale, last);
        let mut parts = vec![match observation {
            Some(observation) => format!("Last {observation}"),
            None => "Last build: no number".to_owned(),
        }];
        parts.extend(limit.map(|limit| format!("limit {limit}")));
        parts.extend(baseline.map(|baseline| format!("baseline {baseline}")));
        let (_, violated, _) = self.weight();
        let builds = count(self.points.len(), "build");
        format!("{}. Violated in {violated} of {builds}.", parts.join(", "))
    }

    fn scale(&self) -> Scale {
        // The size of the unit follows what was measured, not a limit far away.
        let observed = |plotted: &Plotted| plotted.observation.or(plotted.baseline);
        let largest = self.plotted().filter_map(observed);
        let largest = largest.fold(0.0, |largest: f64, number| largest.max(number.abs()));
        Unit::of_series(self.name).scale(largest)
    }

    fn plotted(&self) -> impl Iterator<Item = &'a Plotted> {
        self.points.iter().filter_map(|point| point.plotted)
    }
}

/// What is measured and of whom, where the name of the series tells.
fn title(series: &str) -> Markup {
    let parts = || {
        let (place, rest) = series.split_once(" - ")?;
        let (metric, arguments) = rest.rsplit_once('(')?;
        let (aggregate, _) = arguments.split_once(',')?;
        (!metric.contains(" - ")).then_some((place, metric, aggregate.to_lowercase()))
    };
    html! {
        @match parts() {
            Some((place, metric, aggregate)) => {
                (name(metric)) " " (name(&aggregate)) " " span .service { "of " (name(place)) }
            }
            None => (name(series)),
        }
    }
}

impl Point<'_> {
    fn outcome(&self) -> Option<Outcome> {
        self.plotted.map(|plotted| plotted.outcome)
    }
}

/// Observation, baseline and limits for people.
fn told(scale: Scale, plotted: &Plotted) -> [Option<String>; 3] {
    let numbers = [
        plotted.observation,
        plotted.baseline,
        plotted.upper_limit,
        plotted.lower_limit,
    ];
    let [observation, baseline, upper, lower] = scale.told(numbers);
    [observation, baseline, limits(upper, lower)]
}

/// One number and its limit beside the name of its signature.
pub(crate) fn told_in_short(plotted: &Plotted, most: usize) -> String {
    let measured = plotted.observation.unwrap_or_default();
    let scale = Unit::of_series(&plotted.name).scale(measured);
    let [observation, _, limit] = told(scale, plotted);
    let series = plotted.name.split_once(" - ");
    let series = series.map_or(plotted.name.as_str(), |(_, series)| series);
    let series = series.split_once(',').map_or(series, |(series, _)| series);
    let series = shortened(&series.replace('(', " ").to_lowercase(), most);
    match (observation, limit) {
        (Some(observation), Some(limit)) => format!("{series} {observation}, limit {limit}"),
        _ => series,
    }
}

/// Both limits in one text.
pub(crate) fn limits(upper: Option<String>, lower: Option<String>) -> Option<String> {
    match (lower, upper) {
        (Some(lower), Some(upper)) => Some(format!("{lower} to {upper}")),
        (Some(lower), None) => Some(format!("≥ {lower}")),
        (None, Some(upper)) => Some(format!("≤ {upper}")),
        (None, None) => None,
    }
}
