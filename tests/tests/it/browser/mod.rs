//! What people read, as they read it: from the real binaries, in a real browser.
//!
//! Every claim about the report adds what it finds wrong, so that one run tells
//! everything, and one browser serves them all.

mod axe;
mod chromium;
mod console;
mod flags;
mod site;
mod tab;

use std::path::PathBuf;

use serde_json::{Value, json};

use axe::Axe;
use chromium::Chromium;
use site::Site;
use tab::{Arrived, Look, Tab};

/// A laptop, on which what matters is seen without scrolling.
const LAPTOP: Look = Look {
    scheme: "light",
    width: 1280,
    height: 800,
};

/// A row's link to the history of the gate that has one.
const GATE: &str = "th a[href*='pipelineName=Sample&']";

#[tokio::test]
async fn report_reads_well_in_a_real_browser() {
    let axe = tokio::task::spawn_blocking(Axe::installed);
    let mut browser = Chromium::start().await;
    let site = Site::start().await;
    let axe = axe.await.unwrap();

    let mut wrong = Vec::new();
    wrong.extend(problems_are_noticed(&mut browser, &site).await);
    wrong.extend(links_lead_to_an_evaluation_without_scripts(&mut browser, &site).await);
    wrong.extend(pages_fit_every_screen(&mut browser, &site, &axe).await);
    wrong.extend(what_decided_is_seen_at_once(&mut browser, &site).await);
    wrong.extend(keys_reach_every_row(&mut browser, &site).await);
    browser.close().await;

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Otherwise nothing that follows would prove anything.
async fn problems_are_noticed(browser: &mut Chromium, site: &Site) -> Vec<String> {
    let mut tab = Tab::open(browser, site.origin()).await;
    let mut wrong = Vec::new();
    for (what, expression) in [
        ("the console", "console.error('a problem')"),
        (
            "a picture",
            "new Image().src = 'https://elsewhere.example/'",
        ),
        (
            "an inline script",
            "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
        ),
    ] {
        tab.go(&site.start_page()).await;
        tab.problems();
        tab.ask(&format!(
            "{expression}; new Promise(done => setTimeout(done, 100))"
        ))
        .await;
        if tab.problems().is_empty() {
            wrong.push(format!("{what} went unnoticed"));
        }
    }
    wrong
}

async fn links_lead_to_an_evaluation_without_scripts(
    browser: &mut Chromium,
    site: &Site,
) -> Vec<String> {
    let mut tab = Tab::open(browser, site.origin()).await;
    tab.look(LAPTOP).await;
    tab.without_scripts().await;
    let build = format!("th a[href*='v/{}']", site.failed);

    let pages = [
        tab.go(&site.start_page()).await,
        tab.follow(GATE).await,
        tab.follow(&build).await,
        tab.follow(".crumbs a[href*='history']").await,
    ];

    let headings = [
        "Release gates",
        "StagingToProduction of Sample",
        "Failed: 3 of 4 signatures violated.",
        "StagingToProduction of Sample",
    ];
    let expected = headings.map(|heading| Arrived {
        status: 200,
        heading: heading.to_owned(),
    });
    let mut wrong = tab.problems();
    if pages != expected {
        wrong.push(format!("the links lead to {pages:?}"));
    }
    wrong
}

async fn pages_fit_every_screen(browser: &mut Chromium, site: &Site, axe: &Axe) -> Vec<String> {
    let mut tab = Tab::open(browser, site.origin()).await;
    let mut wrong = Vec::new();
    for (page, link, status) in [
        ("start", site.start_page(), 200),
        ("history", site.history(), 200),
        ("failed", site.evaluation(site.failed), 200),
        ("inconclusive", site.evaluation(site.inconclusive), 200),
        ("healed", site.evaluation(site.healed), 200),
        ("changes", site.changes(), 200),
        ("flag", site.flag(), 200),
        ("nothing", site.address("v/1"), 404),
    ] {
        let arrived = tab.go(&link).await;
        if arrived.status != status {
            wrong.push(format!("{page} is not what is there: {arrived:?}"));
        }
        wrong.extend(tab.problems());
        wrong.extend(keeps_people_out(&mut tab, page, axe).await);
    }
    wrong
}

/// What of a page keeps people from reading it, on screens of every width in
/// both schemes; pictures of all are kept.
async fn keeps_people_out(tab: &mut Tab<'_>, page: &str, axe: &Axe) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let mut wrong = Vec::new();
    axe.enters(tab).await;
    for (width, height) in [(320, 640), (768, 1024), (1440, 900)] {
        for scheme in ["light", "dark"] {
            let look = Look {
                scheme,
                width,
                height,
            };
            tab.look(look).await;
            let name = format!("{page}-{scheme}-{width}");
            let mut found = axe::finds(tab).await;
            found.extend(does_not_fit(tab, look).await);
            tab.picture(&folder.join(format!("{name}.png"))).await;
            wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        }
    }
    // What axe does to a page is not the page's.
    tab.problems();
    wrong
}

/// What of a page a screen has no place or the wrong colours for.
async fn does_not_fit(tab: &mut Tab<'_>, look: Look) -> Option<String> {
    let seen = tab
        .ask(
            "({width: document.documentElement.scrollWidth,
               paper: getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]})",
        )
        .await;
    let dark = seen["paper"].as_str().unwrap().parse::<u8>().unwrap() < 128;
    let fits = seen["width"] == look.width && dark == (look.scheme == "dark");
    (!fits).then(|| format!("it does not fit: {seen}"))
}

async fn what_decided_is_seen_at_once(browser: &mut Chromium, site: &Site) -> Vec<String> {
    let mut tab = Tab::open(browser, site.origin()).await;
    tab.look(LAPTOP).await;
    tab.go(&site.evaluation(site.failed)).await;
    let seen = tab
        .ask(
            "['.verdict h1', '.facts', ...[1, 2, 3].map(n => `.card:nth-child(${n})`)].map(part => {
               const box = document.querySelector(part)?.getBoundingClientRect();
               return [part, box && 0 <= box.top && 0 < box.height ? box.bottom : null]; })",
        )
        .await;
    let facts = tab.ask("document.querySelector('.facts').innerText").await;
    let facts = facts.as_str().unwrap();

    let mut wrong = tab.problems();
    for part in seen.as_array().unwrap() {
        let bottom = part[1].as_f64();
        if bottom.is_none_or(|bottom| f64::from(LAPTOP.height) < bottom) {
            wrong.push(format!("{} is not seen at once: {}", part[0], part[1]));
        }
    }
    for fact in ["Sample", "StagingToProduction", "Ask for every price twice"] {
        if !facts.contains(fact) {
            wrong.push(format!("{fact} is not among the facts: {facts}"));
        }
    }
    wrong
}

async fn keys_reach_every_row(browser: &mut Chromium, site: &Site) -> Vec<String> {
    let mut tab = Tab::open(browser, site.origin()).await;
    tab.look(LAPTOP).await;
    let mut wrong = Vec::new();
    for (link, table) in [(site.start_page(), ".gates"), (site.history(), ".builds")] {
        tab.go(&link).await;
        let rows = tab
            .ask(&format!(
                "[...document.querySelectorAll('{table} tbody a')].map(link => link.href)"
            ))
            .await;
        let rows = rows.as_array().unwrap();
        let mut reached: Vec<Value> = Vec::new();
        // More than there is to step on before the last row.
        for _ in 0..20 + 3 * rows.len() {
            if reached.len() == rows.len() {
                break;
            }
            tab.press_tab().await;
            let focused = tab
                .ask(&format!(
                    "(() => {{ const at = document.activeElement;
                       return [at.href, getComputedStyle(at).outlineStyle, !!at.closest('{table}')]; }})()"
                ))
                .await;
            if focused[2] == json!(true) {
                reached.push(focused[0].clone());
                if focused[1] == "none" {
                    wrong.push(format!("nobody sees the focus at {}", focused[0]));
                }
            }
        }
        if rows.is_empty() || reached != *rows {
            wrong.push(format!("the keys reach {reached:?} of {rows:?}"));
        }
    }
    wrong.extend(tab.problems());
    wrong
}
