//! What all pages have around them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use crate::style::style;
use crate::text::{Clock, short_name, utc};
use crate::words::{State, sprite};

/// Where and when a page is read.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Now.
    pub now: Timestamp,
    /// The zone of the readers; times are in UTC without one.
    pub zone: Option<&'a TimeZone>,
    /// Where the start page is, for readers who may open it.
    pub start: Option<&'a str>,
    /// What keeps changes from being made now, a sentence each.
    pub stopped: &'a [String],
}

/// A step on the way to a page; without an address it is not a link.
pub(crate) struct Crumb<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: Option<&'a str>,
}

impl<'a> Frame<'a> {
    pub(crate) fn clock(&self) -> Clock<'a> {
        Clock {
            now: self.now,
            zone: self.zone,
        }
    }

    /// A whole document. `state` is shown where only the title is seen.
    pub(crate) fn document(
        &self,
        title: &str,
        state: Option<State>,
        crumbs: &[Crumb<'_>],
        main: &Markup,
    ) -> String {
        let title = match state {
            Some(state) => format!("{}: {}", state.word(), short_name(title)),
            None => short_name(title),
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex";
                    link rel="icon" href="data:,";
                    title { (title) " – Unbreakable" }
                    (style())
                }
                body {
                    a .skip href="#main" { "Skip to the content" }
                    (sprite())
                    header { (self.way(crumbs)) }
                    @if !self.stopped.is_empty() {
                        aside .stopped aria-label="Paused" {
                            @for sentence in self.stopped { p { (crate::text::sentence(sentence)) "." } }
                        }
                    }
                    main #main tabindex="-1" { (main) }
                    footer {
                        p {
                            "Unbreakable. Written "
                            time datetime=(crate::text::machine(self.now)) { (utc(self.now)) }
                            @if self.zone.is_some() {
                                "; times are " (self.clock().zone_name()) " unless they say UTC"
                            }
                            "."
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    fn way(&self, crumbs: &[Crumb<'_>]) -> Markup {
        html! {
            nav aria-label="Breadcrumb" {
                ol .crumbs {
                    li {
                        @match self.start {
                            Some(start) => a .brand href=(start) { "Unbreakable" },
                            None => span .brand { "Unbreakable" },
                        }
                    }
                    @for crumb in crumbs {
                        li {
                            @match crumb.address {
                                Some(address) => a href=(address) { (crate::text::name(crumb.name)) },
                                None => span { (crate::text::name(crumb.name)) },
                            }
                        }
                    }
                }
            }
        }
    }
}
