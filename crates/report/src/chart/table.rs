//! The numbers of a chart, for readers who do not see it.

use maud::{Markup, html};

use super::{Chart, Point, told};
use crate::text::{short_name, short_version};
use crate::units::Scale;

impl Chart<'_> {
    pub(super) fn table(&self, scale: Scale) -> Markup {
        html! {
            div .scroll tabindex="0" role="region"
                aria-label={ "Numbers of " (short_name(self.name)) } {
                table {
                    thead {
                        tr {
                            th scope="col" { "Build" }
                            th scope="col" { "Observation" }
                            th scope="col" { "Baseline" }
                            th scope="col" { "Limit" }
                            th scope="col" { "Finding" }
                        }
                    }
                    tbody { @for point in self.points.iter().rev() { (row(point, scale)) } }
                }
            }
        }
    }
}

fn row(point: &Point<'_>, scale: Scale) -> Markup {
    html! {
        tr {
            th { (short_version(point.label)) }
            @match point.plotted {
                Some(plotted) => {
                    @for number in told(scale, plotted) {
                        td { (number.as_deref().unwrap_or("–")) }
                    }
                    td { (plotted.outcome.as_str()) }
                }
                None => { td {} td {} td {} td { (point.state.word().to_lowercase()) } }
            }
        }
    }
}
