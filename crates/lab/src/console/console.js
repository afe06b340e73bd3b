"use strict";

const STAGES = ["Source", "Staging", "ApproveStaging", "Production", "ApproveProduction"];
const KINDS = { Succeeded: "good", Failed: "bad", InProgress: "busy", Stopping: "busy" };
const WORDS = { Succeeded: "succeeded", Failed: "failed", InProgress: "in progress" };
const STANDINGS = { good: "good", bad: "bad", suspect: "busy" };

const at = (id) => document.getElementById(id);

/** Makes an element; texts are never read as markup. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "onclick") element.addEventListener("click", value);
    else if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Puts new children into an element and leaves the focus where it was. */
const shown = new Map();
function show(id, data, draw) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const focused = document.activeElement && document.activeElement.id;
  at(id).replaceChildren(...draw(data));
  if (focused && at(focused)) at(focused).focus();
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
function linked(text) {
  const match = /https?:\/\/\S+/.exec(text);
  if (!match) return [text];
  const link = make("a", { href: match[0], target: "_blank", rel: "noopener" }, "Open the report");
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
      const [text, link] = linked(action.summary);
      card.append(make("p", { class: "summary", title: text }, text), make("p", {}, link));
    } else if (!approval && action.status !== "Succeeded") {
      card.append(make("p", {}, `${action.name}: ${WORDS[action.status] || action.status}`));
    }
  }
  if (found.waits) {
    const button = (text, approve) => make("button", {
      type: "button",
      id: `${execution.id}-${name}-${approve}`,
      onclick: () => post("answer", { execution: execution.id, environment: found.waits, approve }),
    }, text);
    card.append(make("div", { class: "answer" }, button("Approve", true), button("Reject", false)));
  }
  return card;
}

function executions(all) {
  if (all.length === 0) {
    return [make("p", { class: "soft" }, "Nothing was released yet. Begin with build 1.")];
  }
  return all.map((one) => make("article", { class: "execution" },
    make("h3", {}, one.revision.replace("-", " ")),
    make("div", { class: "stages" }, ...STAGES.map((name) => stage(one, name)))));
}

const SVG = "http://www.w3.org/2000/svg";

/** A line of one number over the last two minutes. */
function chart(title, points, value, unit, least, kind) {
  const values = points.map(value);
  const top = Math.max(least, ...values) * 1.1;
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
    make("td", {}, new Date(entry.at).toLocaleTimeString()),
    make("td", {}, entry.version),
    make("td", {}, make("span", { class: `word ${STANDINGS[entry.standing] || ""}` }, entry.standing)),
    make("td", {}, entry.healed ? "heal" : "release"));
  const head = ["Since", "Revision", "Known as", "By"].map((text) => make("th", { scope: "col" }, text));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...entries.map(row)));
}

function environments(all) {
  return all.map((one) => make("article", {},
    make("h3", {}, `${one.name}: `, one.build ? `build ${one.build}` : "nothing runs", " ",
      make("a", { id: `open-${one.name}`, href: one.url, target: "_blank", rel: "noopener" }, "open")),
    chart("Response time, median", one.points, (point) => point.medianMs, "ms", 150, ""),
    chart("Failing requests", one.points, (point) => point.failing * 100, "%", 15, "failing"),
    ledger(one.ledger)));
}

function problems(all) {
  if (all.length === 0) return [make("p", { class: "soft" }, "None so far.")];
  const time = (text) => new Date(text).toLocaleTimeString();
  return all.map((one) => make("article", { class: one.closed ? "problem over" : "problem" },
    make("h3", {}, `${one.id} ${one.title}`),
    make("p", { class: "soft" }, `open since ${time(one.opened)}`,
      one.closed ? `, over since ${time(one.closed)}` : ""),
    make("ol", {}, ...one.comments.map((comment) => make("li", {}, ...linked(comment))))));
}

function journal(entries) {
  return entries.slice().reverse().map((entry) => make("li", {},
    make("time", { datetime: entry.at }, new Date(entry.at).toLocaleTimeString()),
    make("span", { class: "who" }, entry.who), make("span", {}, ...linked(entry.what))));
}

for (const button of document.querySelectorAll("[data-build]")) {
  button.addEventListener("click", () => post("release", { build: Number(button.dataset.build) }));
}

const source = new EventSource("events");
source.addEventListener("open", () => { at("connection").textContent = "Live"; });
source.addEventListener("error", () => { at("connection").textContent = "The lab does not answer; trying again…"; });
source.addEventListener("state", (event) => {
  const state = JSON.parse(event.data);
  const reports = at("reports");
  reports.href = state.reports;
  reports.hidden = false;
  show("executions", state.executions, executions);
  show("environments", state.environments, environments);
  show("problems", state.problems, problems);
  show("journal", state.journal, journal);
});
