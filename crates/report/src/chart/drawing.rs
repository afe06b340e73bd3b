//! The picture of a chart.

use std::fmt::Write as _;

use maud::{Markup, html};
use monspec::Outcome;

use super::axis::Axis;
use super::lines::{HEIGHT, Lines, TOP, WIDTH, pixel, slot};
use super::{Chart, Point, told};
use crate::records::History;
use crate::text::{Clock, short_version, shortened};
use crate::units::{Scale, compact};
use crate::words::State;

/// The whole picture, the words below the lowest line included.
const WHOLE: f64 = 202.0;

impl Chart<'_> {
    pub(super) fn drawing(&self, scale: Scale, clock: Clock<'_>) -> Markup {
        let axis = self.axis(scale);
        let y = |number: f64| TOP + HEIGHT * (1.0 - axis.place(number / scale.divisor));
        let lines = Lines::of(&self.points, y);
        html! {
            div .chart {
                svg .axis width="64" height=(WHOLE) aria-hidden="true" {
                    @for tick in axis.ticks() {
                        text x="58" y=(pixel(y(tick * scale.divisor) + 4.0)) {
                            (compact(tick)) (scale.suffix)
                        }
                    }
                }
                svg .plot width="100%" height=(WHOLE) role="img"
                    aria-label={ (shortened(self.name, 120)) ": " (self.in_a_sentence(scale)) } {
                    @for tick in axis.ticks() {
                        @let y = pixel(y(tick * scale.divisor));
                        line .grid x1="0" x2="100%" y1=(y) y2=(y) {}
                    }
                    svg width="100%" height=(WHOLE) viewBox={ "0 0 " (WIDTH) " " (WHOLE) }
                        preserveAspectRatio="none" {
                        @for limit in [&lines.upper_limit, &lines.lower_limit] {
                            @if !limit.line.is_empty() {
                                path .forbidden d=(limit.area) {}
                                path .limit d=(limit.line) {}
                            }
                        }
                        path .baseline d=(lines.baseline.line) {}
                        path .observation d=(lines.observation) {}
                    }
                    @for (index, point) in self.points.iter().enumerate() {
                        (self.mark(index, point, scale, y))
                    }
                    (self.dates(clock))
                }
            }
        }
    }

    fn axis(&self, scale: Scale) -> Axis {
        let numbers = self.plotted().flat_map(|plotted| {
            [
                plotted.observation,
                plotted.baseline,
                plotted.upper_limit,
                plotted.lower_limit,
            ]
        });
        Axis::over(numbers.flatten().map(|number| number / scale.divisor))
    }

    /// What a build left in the chart, with its numbers on hover. A build
    /// without a number is a mark at the bottom.
    fn mark(
        &self,
        index: usize,
        point: &Point<'_>,
        scale: Scale,
        y: impl Fn(f64) -> f64,
    ) -> Markup {
        let observation = point.plotted.and_then(|plotted| plotted.observation);
        let sign = match (point.plotted, observation) {
            (Some(plotted), Some(_)) => match plotted.outcome {
                Outcome::Held => "#p-held",
                Outcome::Violated => "#p-violated",
                Outcome::Inconclusive => "#p-unjudged",
            },
            _ if point.state == State::Waiting => "#p-waiting",
            _ => "#p-gap",
        };
        let x = 100.0 * slot(index, self.points.len(), 0.5);
        html! {
            use href=(sign) x={ (pixel(x)) "%" } y=(pixel(observation.map_or(TOP + HEIGHT, y))) {
                title { (hover(point, scale)) }
            }
        }
    }

    /// When the first, the last and some builds between were registered.
    fn dates(&self, clock: Clock<'_>) -> Markup {
        let builds = self.points.len();
        let last = builds.saturating_sub(1);
        let shown: &[usize] = match builds {
            0 => &[],
            1 => &[0],
            2..5 => &[0, last],
            _ => &[0, last / 2, last],
        };
        html! {
            @for &index in shown {
                @let (anchor, x) = match index {
                    0 if builds > 1 => ("start", "0".to_owned()),
                    index if index == last && builds > 1 => ("end", "100%".to_owned()),
                    _ => ("middle", format!("{}%", pixel(100.0 * slot(index, builds, 0.5)))),
                };
                text class=[(anchor == "middle").then_some("between")] x=(x) y=(WHOLE - 8.0)
                    text-anchor=(anchor) {
                    (clock.tick(self.points[index].at))
                }
            }
        }
    }
}

/// The signs of a chart and what they mean; on a page once.
pub(crate) fn legend(history: &History<'_>) -> Markup {
    let of = |what: &str, environments: &[&str]| match environments {
        [] => what.to_owned(),
        names => format!("{what} ({})", shortened(&names.join(", "), 120)),
    };
    let (sources, compares) = history.environments();
    let sign = |href: &str, meaning: &str| {
        html! {
            li {
                svg .key width="24" height="16" aria-hidden="true" { use href=(href) x="12" y="8"; }
                (meaning)
            }
        }
    };
    let line = |class: &str, meaning: &str| {
        html! {
            li {
                svg .key width="24" height="16" aria-hidden="true" { path class=(class) d="M1 8h22" {} }
                (meaning)
            }
        }
    };
    html! {
        svg .sprite aria-hidden="true" width="0" height="0" {
            circle #p-held r="3.5" {}
            path #p-violated d="M0-7 7 0 0 7-7 0z" {}
            circle #p-unjudged r="4" {}
            path #p-gap d="M-4-4 4 4M4-4-4 4" {}
            circle #p-waiting r="4" {}
        }
        ul .legend aria-label="Signs of the charts" {
            (sign("#p-held", &of("observation", &sources)))
            (sign("#p-violated", "violated"))
            (line("baseline", &of("baseline", &compares)))
            (line("limit", "limit"))
            (sign("#p-unjudged", "measured, not judged"))
            (sign("#p-gap", "no number"))
            (sign("#p-waiting", "not judged yet"))
        }
    }
}

fn hover(point: &Point<'_>, scale: Scale) -> String {
    let mut text = short_version(point.label);
    let Some(plotted) = point.plotted else {
        let _ = write!(text, ": {}", point.state.word().to_lowercase());
        return text;
    };
    let [observation, baseline, limit] = told(scale, plotted);
    let _ = write!(text, ": {}", observation.as_deref().unwrap_or("no number"));
    for (what, number) in [("baseline", baseline), ("limit", limit)] {
        if let Some(number) = number {
            let _ = write!(text, ", {what} {number}");
        }
    }
    text
}
