"use strict";

const STAGES = ["Source", "Staging", "ApproveStaging", "Production", "ApproveProduction"];
const KINDS = { Succeeded: "good", Failed: "bad", InProgress: "busy", Stopping: "busy" };
const WORDS = { Succeeded: "succeeded", Failed: "failed", InProgress: "in progress" };
const STANDINGS = { good: "good", bad: "bad", suspect: "busy" };

const at = (id) => document.getElementById(id);
const time = (text) => new Date(text).toLocaleTimeString([], { hourCycle: "h23" });

/** Makes an element; texts are never read as markup. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Draws what is new, and nothing that is there already. */
const shown = new Map();
function show(id, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  become(at(id), draw(data));
}

/**
 * Gives an element other children. What stays the same stays where it is, with
 * its focus, its selection and the press of a button that is under way: an
 * element with an id is the one that had it, any other the one in its place.
 */
function become(parent, children) {
  const ids = new Set(children.map((child) => child.id).filter(Boolean));
  const known = new Map();
  for (const child of [...parent.children]) {
    if (!child.id) continue;
    if (ids.has(child.id)) known.set(child.id, child);
    else child.remove();
  }
  let next = parent.firstChild;
  for (const child of children) {
    const alike = next && !next.id && next.nodeName === child.nodeName ? next : null;
    const old = child.id ? known.get(child.id) : alike;
    if (!old) {
      parent.insertBefore(child, next);
      continue;
    }
    if (old !== next) parent.insertBefore(old, next);
    change(old, child);
    next = old.nextSibling;
  }
  while (next) {
    const rest = next;
    next = next.nextSibling;
    rest.remove();
  }
}

/** Makes a node like another one. */
function change(old, wanted) {
  if (!(old instanceof Element)) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  become(old, [...wanted.childNodes]);
}

/** Says something, once, or nothing. */
function tell(id, text) {
  if (at(id).textContent !== (text || "")) at(id).textContent = text || "";
}

async function post(path, body) {
  at("refusal").textContent = "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) at("refusal").textContent = await answer.text();
  } catch {
    at("refusal").textContent = "The lab does not answer.";
  }
}

/** A text whose address, if it has one, is a link. */
function linked(text, id) {
  const match = /https?:\/\/\S+/.exec(text);
  if (!match) return [text];
  const link = make("a", { id, href: match[0], target: "_blank", rel: "noopener" }, "Open the report");
  return [text.slice(0, match.index), link, text.slice(match.index + match[0].length)];
}

function stage(execution, name) {
  const found = execution.stages.find((one) => one.name === name);
  if (!found) return make("div", { class: "stage none" }, name);
  const kind = KINDS[found.status] || "none";
  const approval = name.startsWith("Approve");
  let word = WORDS[found.status] || found.status;
  if (approval) word = { good: "approved", bad: "rejected", busy: "waiting" }[kind] || word;
  const card = make("div", { class: `stage ${kind}` }, make("b", {}, name), " ",
    make("span", { class: "word" }, word));
  for (const action of found.actions) {
    if (approval && action.summary) {
      const [text, link] = linked(action.summary, `${execution.id}-${name}-report`);
      card.append(make("p", { class: "summary", title: text }, text), make("p", {}, link));
    } else if (!approval && action.status !== "Succeeded") {
      card.append(make("p", {}, `${action.name}: ${WORDS[action.status] || action.status}`));
    }
  }
  if (found.held) {
    const [text, link] = linked(found.held, `${execution.id}-${name}-report`);
    card.append(make("p", { class: "summary", title: text }, `Held for you. ${text}`), make("p", {}, link));
  }
  if (found.waits) {
    const button = (text, approve) => make("button", {
      type: "button",
      id: `${execution.id}-${name}-${approve}`,
      "data-answer": JSON.stringify({ execution: execution.id, environment: found.waits, approve }),
    }, text);
    card.append(make("div", { class: "answer" }, button("Approve", true), button("Reject", false)));
  }
  return card;
}

function executions(all) {
  if (all.length === 0) {
    return [make("p", { class: "soft" }, "Nothing was released yet. Begin with build 1.")];
  }
  return all.map((one) => make("article", { id: one.id, class: "execution" },
    make("h3", {}, one.revision.replace("-", " ")),
    make("div", { class: "stages" }, ...STAGES.map((name) => stage(one, name)))));
}

const SVG = "http://www.w3.org/2000/svg";

/** A line of one number over the last two minutes. */
function chart(title, points, value, unit, least, kind) {
  const values = points.map(value);
  const room = Math.max(least, ...values) * 1.1;
  const top = unit === "%" ? Math.min(room, 100) : room;
  const now = points.length ? points[points.length - 1].at : 0;
  const x = (point) => 100 - (now - point.at) / 1200;
  const y = (point) => 100 - (value(point) / top) * 100;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("class", `line ${kind}`);
  line.setAttribute("points", points.map((point) => `${x(point).toFixed(2)},${y(point).toFixed(2)}`).join(" "));
  svg.append(line);
  const last = values.length ? `${Math.round(values[values.length - 1])} ${unit}` : "no requests";
  return make("figure", {}, make("figcaption", {}, make("span", {}, title),
    make("b", {}, last), make("span", {}, `top ${Math.round(top)} ${unit}`)), svg);
}

function ledger(entries) {
  if (entries.length === 0) return make("p", { class: "soft" }, "Nothing was deployed yet.");
  const row = (entry) => make("tr", {},
    make("td", {}, time(entry.at)),
    make("td", {}, entry.version),
    make("td", {}, make("span", { class: `word ${STANDINGS[entry.standing] || ""}` }, entry.standing)),
    make("td", {}, entry.healed ? "heal" : "release"));
  const head = ["Since", "Revision", "Known as", "By"].map((text) => make("th", { scope: "col" }, text));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...entries.map(row)));
}

function environments(all) {
  return all.map((one) => make("article", { id: one.name },
    make("h3", {}, `${one.name}: `, one.build ? `build ${one.build}` : "nothing runs", " ",
      make("a", { id: `open-${one.name}`, href: one.url, target: "_blank", rel: "noopener" }, "open")),
    chart("Response time, median", one.points, (point) => point.medianMs, "ms", 150, ""),
    chart("Failing requests", one.points, (point) => point.failing * 100, "%", 15, "failing"),
    ledger(one.ledger)));
}

/** What a flag can be set to by a button: its value, for how many seconds, and the words. */
function choices(flag) {
  if (flag.name === "promotionalPercent") {
    return [[0, null, "0 %"], [10, null, "10 %"], [50, null, "50 %"], [50, 60, "50 % for a minute"]];
  }
  return [[!flag.value, null, flag.value ? "Switch off" : "Switch on"],
    [!flag.value, 60, flag.value ? "Off for a minute" : "On for a minute"]];
}

function switches(all) {
  return all.map((flag) => make("article", { id: flag.name, class: "switch" },
    make("h3", {}, flag.name, " ", make("span", { class: "value" }, JSON.stringify(flag.value))),
    make("p", { class: "soft" }, flag.description),
    make("p", {}, flag.left === null ? (flag.by ? `set by ${flag.by}` : "as declared")
      : `set by ${flag.by}; ${flag.left} s left, then ${JSON.stringify(flag.then)}`),
    make("div", { class: "answer" }, ...choices(flag).map(([value, seconds, text], index) =>
      make("button", {
        type: "button",
        id: `${flag.name}-${index}`,
        "data-switch": JSON.stringify({ flag: flag.name, value, seconds }),
      }, text)))));
}

/** Leases count down while nothing else happens. */
let flags = [];
function showSwitches() {
  const left = ({ until }) => until && Math.max(0, Math.ceil((new Date(until) - Date.now()) / 1000));
  show("switches", flags.map((flag) => ({ ...flag, left: left(flag) })), switches);
}
setInterval(showSwitches, 1000);

function problems(all) {
  if (all.length === 0) return [make("p", { class: "soft" }, "None so far.")];
  return all.map((one) => make("article", { id: one.id, class: one.closed ? "problem over" : "problem" },
    make("h3", {}, `${one.id} ${one.title}`),
    make("p", { class: "soft" }, `open since ${time(one.opened)}`,
      one.closed ? `, over since ${time(one.closed)}` : ""),
    make("ol", {}, ...one.comments.map((comment, index) =>
      make("li", {}, ...linked(comment, `${one.id}-comment-${index}`))))));
}

function journal(entries) {
  return entries.slice().reverse().map((entry) => make("li", { id: `line-${entry.number}` },
    make("time", { datetime: entry.at }, time(entry.at)),
    make("span", { class: "who" }, entry.who),
    make("span", {}, ...linked(entry.what, `line-${entry.number}-report`))));
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  // What is not possible now keeps its focus, and says beside it why it is not.
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  if (button.dataset.build) post("release", { build: Number(button.dataset.build) });
  if (button.dataset.switch) post("switch", JSON.parse(button.dataset.switch));
  if (button.dataset.answer) post("answer", JSON.parse(button.dataset.answer));
});

const source = new EventSource("events");
source.addEventListener("open", () => { at("connection").textContent = "Live"; });
source.addEventListener("error", () => { at("connection").textContent = "The lab does not answer; trying again…"; });
source.addEventListener("state", (event) => {
  const state = JSON.parse(event.data);
  const reports = at("reports");
  reports.href = state.reports;
  reports.hidden = false;
  at("changes").href = state.changes;
  at("changes").hidden = false;
  tell("trouble", state.trouble);
  // What was refused because something was on its way is possible again.
  if (at("busy").textContent && !state.busy) tell("refusal");
  tell("busy", state.busy);
  for (const button of document.querySelectorAll("[data-build]")) {
    button.setAttribute("aria-disabled", String(Boolean(state.busy)));
  }
  show("executions", state.executions, executions);
  show("environments", state.environments, environments);
  flags = state.switches;
  showSwitches();
  show("problems", state.problems, problems);
  show("journal", state.journal, journal);
});
