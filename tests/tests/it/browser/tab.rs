//! A tab: what a reader does in it, and what goes wrong meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chromium::{Chromium, PATIENCE};

/// The pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// A tab with a profile of its own.
pub(super) struct Tab<'a> {
    browser: &'a mut Chromium,
    session: String,
    context: Value,
    origin: Origin,
    problems: Vec<String>,
}

/// The only place that may be asked for anything, `http://host:port`.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Its pages are whole by themselves, and nothing but pages is asked for.
    OfPages(String),
    /// Its page has parts, and asks for more while it is open.
    OfProgram(String),
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) scheme: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A page as it arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) status: u64,
    pub(super) heading: String,
}

impl<'a> Tab<'a> {
    pub(super) async fn open(browser: &'a mut Chromium, origin: Origin) -> Self {
        let mut context = browser
            .call("", "Target.createBrowserContext", json!({}))
            .await;
        let context = context["browserContextId"].take();
        let target = json!({"url": "about:blank", "browserContextId": context});
        let mut target = browser.call("", "Target.createTarget", target).await;
        let id = target["targetId"].take();
        Self::at(browser, context, id, origin).await
    }

    async fn at(browser: &'a mut Chromium, context: Value, id: Value, origin: Origin) -> Self {
        let attach = json!({"targetId": id, "flatten": true});
        let attached = browser.call("", "Target.attachToTarget", attach).await;
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        let mut tab = Self {
            browser,
            session,
            context,
            origin,
            problems: Vec::new(),
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab
    }

    pub(super) async fn look(&mut self, look: Look) {
        let Look {
            scheme,
            width,
            height,
        } = look;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    pub(super) async fn without_scripts(&mut self) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await;
    }

    pub(super) async fn go(&mut self, url: &str) -> Arrived {
        self.note();
        let gone = self.call("Page.navigate", json!({"url": url})).await;
        assert!(gone["errorText"].is_null(), "{gone}");
        self.arrived().await
    }

    /// Clicks on what a selector finds first, and waits for where it leads.
    pub(super) async fn follow(&mut self, selector: &str) -> Arrived {
        self.note();
        let place = self
            .ask(&format!(
                "(() => {{ const link = document.querySelector({});
                   link.scrollIntoView({{block: 'center'}});
                   const {{x, y, width, height}} = link.getClientRects()[0];
                   return [x + width / 2, y + height / 2]; }})()",
                json!(selector)
            ))
            .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", mouse).await;
        }
        self.arrived().await
    }

    /// The key that leads from one link to the next.
    pub(super) async fn press_tab(&mut self) {
        self.press(
            "Tab",
            json!({"type": "rawKeyDown", "windowsVirtualKeyCode": 9}),
        )
        .await;
    }

    /// The key that follows a link and presses a button.
    pub(super) async fn press_enter(&mut self) {
        let enter = json!({"type": "keyDown", "windowsVirtualKeyCode": 13, "text": "\r"});
        self.press("Enter", enter).await;
    }

    async fn press(&mut self, name: &str, mut key: Value) {
        key["key"] = name.into();
        key["code"] = name.into();
        self.call("Input.dispatchKeyEvent", key.clone()).await;
        key["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", key).await;
    }

    /// The tab that was opened from this one, once its page is there.
    pub(super) async fn opened(self, origin: Origin) -> Tab<'a> {
        let is_there = |target: &Value| {
            target["browserContextId"] == self.context
                && target["attached"] == false
                && target["url"] != "about:blank"
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let targets = json!({"filter": [{"type": "page"}]});
            let mut targets = self.browser.call("", "Target.getTargets", targets).await;
            let targets = targets["targetInfos"].as_array_mut().unwrap();
            if let Some(target) = targets.iter_mut().find(|target| is_there(target)) {
                let id = target["targetId"].take();
                return Tab::at(self.browser, self.context, id, origin).await;
            }
            assert!(Instant::now() < deadline, "no tab was opened: {targets:?}");
        }
    }

    /// What an expression is in the page, promises awaited.
    pub(super) async fn ask(&mut self, expression: &str) -> Value {
        let expression = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", expression).await;
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true in the page.
    pub(super) async fn until(&mut self, expression: &str, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.ask(expression).await != true {
            if deadline < Instant::now() {
                let page = self.ask("document.body.innerText").await;
                panic!("{expression}: not within {patience:?}; the page says\n{page:#}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keeps the whole page as a picture.
    pub(super) async fn picture(&mut self, file: &Path) {
        let metrics = self.call("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1,
        });
        let how = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.call("Page.captureScreenshot", how).await;
        let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, picture).unwrap();
    }

    /// What went wrong since this was asked for the last time.
    pub(super) fn problems(&mut self) -> Vec<String> {
        self.note();
        std::mem::take(&mut self.problems)
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.browser.call(&self.session, method, params).await
    }

    async fn arrived(&mut self) -> Arrived {
        self.browser
            .wait_for(&self.session, "Page.loadEventFired")
            .await;
        let status = self
            .note()
            .into_iter()
            .rfind(|event| {
                event["method"] == "Network.responseReceived"
                    && event["params"]["type"] == "Document"
            })
            .and_then(|event| event["params"]["response"]["status"].as_u64());
        let heading = self.ask("document.querySelector('h1').innerText").await;
        Arrived {
            status: status.expect("a page comes with an answer"),
            heading: heading.as_str().unwrap().to_owned(),
        }
    }

    /// Takes note of what went wrong among what happened.
    fn note(&mut self) -> Vec<Value> {
        let events = self.browser.take_events(&self.session);
        let problems = events
            .iter()
            .filter_map(|event| problem(event, &self.origin));
        self.problems.extend(problems);
        events
    }
}

/// What no page of ours may make a browser do.
fn problem(event: &Value, origin: &Origin) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(format!("a script failed: {params}")),
        "Runtime.consoleAPICalled" => Some(format!("the console was used: {params}")),
        "Log.entryAdded" => {
            let entry = &params["entry"];
            // A page that says what is wrong has a status to say it with.
            let is_status = entry["source"] == "network" && is_ours(&entry["url"], origin);
            (!is_status).then(|| format!("the console says {}", entry["text"]))
        }
        "Network.requestWillBeSent" => {
            let url = &params["request"]["url"];
            let is_kind = params["type"] == "Document" || matches!(origin, Origin::OfProgram(_));
            let is_inside = url.as_str()?.starts_with("data:");
            let may_be = (is_kind && is_ours(url, origin)) || is_inside;
            (!may_be).then(|| format!("{url} was asked for"))
        }
        _ => None,
    }
}

fn is_ours(url: &Value, origin: &Origin) -> bool {
    let (Origin::OfPages(origin) | Origin::OfProgram(origin)) = origin;
    let below = url.as_str().and_then(|url| url.strip_prefix(origin));
    below.is_some_and(|below| below.starts_with('/'))
}
