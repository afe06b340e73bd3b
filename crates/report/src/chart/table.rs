//! The numbers of a chart, for readers who do not see it.

use maud::{Markup, html};

use super::{Chart, told};
use crate::text::short_version;
use crate::units::Scale;

impl Chart<'_> {
    pub(super) fn table(&self, scale: Scale) -> Markup {
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Build" }
                        th .number scope="col" { "Observation" }
                        th .number scope="col" { "Baseline" }
                        th .number scope="col" { "Limit" }
                        th scope="col" { "Finding" }
                    }
                }
                tbody {
                    @for point in self.points.iter().rev() {
                        tr {
                            th { (short_version(point.label)) }
                            @match point.plotted {
                                Some(plotted) => {
                                    @for number in told(scale, plotted) {
                                        td { (number.as_deref().unwrap_or("–")) }
                                    }
                                    td { (plotted.outcome.as_str()) }
                                }
                                None => { td {} td {} td {} td { (point.state.word()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
