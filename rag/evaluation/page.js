"use strict";
// Everything of a dataset is written with textContent, so that no text becomes markup.

const PAGE_SIZE = 50;
const OPEN_RANKS = 3;
const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// ---- Charts ----

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function painted(trace) {
  const { colour: name, dash, shape, ...rest } = structuredClone(trace);
  const ink = colour(name);
  if (rest.type === "bar") {
    rest.marker = { color: ink, line: { width: 0 } };
    if (rest.error_x) rest.error_x.color = colour("text");
  } else {
    rest.line = { color: ink, dash: dash || "solid", width: shape ? 1.5 : 2, shape: shape || "linear" };
    rest.marker = { color: ink, size: 7 };
  }
  return rest;
}

function themed(layout, height) {
  const axis = { gridcolor: colour("grid"), linecolor: colour("line"), zerolinecolor: colour("line") };
  const result = {
    height,
    margin: { l: 48, r: 16, t: 16, b: 44 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("quiet") },
    showlegend: false,
    dragmode: false,
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("text") } },
    ...layout,
  };
  for (const key of Object.keys(result)) {
    if (/^[xy]axis/.test(key)) result[key] = { ...axis, fixedrange: true, ...result[key] };
  }
  return result;
}

const CONFIG = { displayModeBar: false, responsive: true, displaylogo: false };

async function loadPlotly() {
  const packed = Uint8Array.from(atob(byId("plotly").textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  if (!window.Plotly) throw new Error("plotly did not start");
}

function drawCharts() {
  const { systems, charts } = read("figures-data");
  const frame = byId("figures");
  frame.replaceChildren();
  if (!charts.length) frame.append(el("p", "quiet", "This run has nothing to draw."));
  const swatches = systems.map((system) => {
    const swatch = el("i");
    swatch.style.background = `var(--${system.colour})`;
    return el("li", "", swatch, el("bdi", "", system.name));
  });
  if (charts.length) byId("strokes").replaceChildren(...swatches);
  const plots = charts.map((chart) => {
    const plot = el("div");
    plot.style.minHeight = `${chart.height}px`;
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${chart.title}: ${chart.about}`);
    const caption = el("figcaption", "", el("strong", "", chart.title), chart.about);
    frame.append(el("figure", chart.wide ? "across" : "", caption, plot));
    return { chart, plot, seen: false };
  });
  const draw = ({ chart, plot }) =>
    window.Plotly.react(plot, chart.data.map(painted), themed(chart.layout, chart.height), CONFIG);
  // A chart is drawn when it comes into sight: all of them at once would keep the page from answering.
  let ready = null;
  const fail = () => frame.prepend(el("p", "is-bad", "This browser cannot draw the charts; the tables say the same."));
  const watch = new IntersectionObserver((entries) => {
    const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    if (!seen.length) return;
    if (!ready) {
      ready = loadPlotly();
      ready.catch(fail);
    }
    ready.then(() => {
      for (const item of plots.filter((plot) => seen.includes(plot.plot))) {
        watch.unobserve(item.plot);
        item.seen = true;
        draw(item);
      }
    }).catch((error) => console.error(error));
  }, { rootMargin: "400px" });
  plots.forEach(({ plot }) => watch.observe(plot));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.filter((p) => p.seen).forEach(draw));
}

// ---- Records ----

const squeeze = (text) => text.replace(/\s+/g, " ").trim();

/** Split a text at code points, which offsets count; strings of JavaScript count UTF-16 units. */
const points = (text) => Array.from(text);

/** Whether a passage holds some of a gold span; its text may have been left out. */
function holds(gold, passage) {
  if (gold.doc_id !== passage.doc_id) return false;
  if (passage.start === null || passage.end === null) return placeOf(gold, passage) !== null;
  return gold.start < passage.end && passage.start < gold.end;
}

/** Where a gold span stands in a passage, as [start, end) in code points, or null. */
function placeOf(gold, passage) {
  if (gold.doc_id !== passage.doc_id) return null;
  const all = points(passage.text);
  if (passage.start !== null && passage.end !== null && passage.end - passage.start === all.length) {
    const start = Math.max(gold.start, passage.start) - passage.start;
    const end = Math.min(gold.end, passage.end) - passage.start;
    return start < end ? [start, end] : null;
  }
  const wanted = squeeze(gold.text);
  if (!wanted) return null;
  const pattern = wanted.split(" ").map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
  const match = new RegExp(pattern, "u").exec(passage.text);
  if (!match) return null;
  const start = points(passage.text.slice(0, match.index)).length;
  return [start, start + points(match[0]).length];
}

/** The text with its spans marked; spans may overlap. */
function marked(text, spans) {
  const all = points(text);
  const nodes = [];
  let at = 0;
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0])) {
    if (end <= at) continue;
    const from = Math.max(start, at);
    nodes.push(all.slice(at, from).join(""), el("mark", "", all.slice(from, end).join("")));
    at = end;
  }
  return [...nodes, all.slice(at).join("")];
}

class Records {
  constructor(data) {
    this.data = data;
    this.siblings = new Map();
    for (const record of data.records) {
      if (!this.siblings.has(record.question)) this.siblings.set(record.question, []);
      this.siblings.get(record.question).push(record);
    }
    this.texts = new Map();
  }

  question(record) { return this.data.questions[record.question]; }

  failed(record) { return record.correct === false || record.error !== undefined; }

  outcome(record) {
    if (record.error !== undefined) return "error";
    if (!record.said) return "ranked";
    return record.said.sentences.length ? "answered" : "refused";
  }

  verdict(record) {
    const outcome = this.outcome(record);
    if (outcome === "error") return ["failed with an error", "is-bad"];
    if (record.correct === true) return [outcome === "refused" ? "rightly refused" : "right", "is-good"];
    if (record.correct === undefined) return [outcome === "ranked" ? "ranked only" : "not scored", ""];
    if (outcome === "refused") return ["refused, though answerable", "is-bad"];
    return [this.question(record).answerable ? "wrong answer" : "answered, though unanswerable", "is-bad"];
  }

  text(record) {
    if (!this.texts.has(record)) {
      const question = this.question(record);
      const said = record.said ? record.said.sentences.map((sentence) => sentence.text) : [];
      const docs = record.hits.map(([, n]) => this.data.passages[n].doc_id);
      const parts = [question.id, question.question, record.standalone_question || "", ...question.answers, ...said,
        ...question.gold_docs, ...docs, record.error || ""];
      this.texts.set(record, parts.join("\n").toLowerCase());
    }
    return this.texts.get(record);
  }

  chosen(filters) {
    const text = filters.text.trim().toLowerCase();
    return this.data.records.filter((record) =>
      (filters.all || this.failed(record))
      && (!filters.system || this.data.systems[record.system] === filters.system)
      && (!filters.type || this.question(record).types.includes(filters.type))
      && (!filters.outcome || this.outcome(record) === filters.outcome)
      && (!text || this.text(record).includes(text)));
  }

  item(record) {
    const question = this.question(record);
    const [verdict, tone] = this.verdict(record);
    const about = el("span", "about", el("span", `tag ${tone}`, verdict), el("bdi", "", this.data.systems[record.system]),
      el("bdi", "", question.types.join(", ")), el("bdi", "", question.id));
    const summary = el("summary", "", el("bdi", "text", question.question), about);
    const details = el("details", "", summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(this.body(record));
    });
    return el("li", "", details);
  }

  body(record) {
    const question = this.question(record);
    const body = el("div", "body");
    const part = (title, ...nodes) => body.append(el("h3", "", title), ...nodes);
    if (record.error !== undefined) part("Error", el("p", "text is-bad", record.error));
    if (question.n_history) part("History", el("p", "", `${question.n_history} earlier turns`));
    if (record.standalone_question) part("Asked of the index", el("p", "text", record.standalone_question));
    part("Accepted answers", question.answers.length
      ? el("ul", "", ...question.answers.map((answer) => el("li", "", answer)))
      : el("p", "quiet", question.answerable ? "none given" : "none: a refusal is due"));
    if (record.said) part("Answer", ...this.answer(record, question));
    if (record.hits.length) part("Retrieved", this.passages(record, question));
    const missing = record.hits.length
      ? question.gold.filter((gold) => !record.hits.some(([, n]) => holds(gold, this.data.passages[n])))
      : [];
    if (missing.length) part("Gold, not retrieved", ...missing.flatMap((gold) => this.quote(gold.doc_id, gold)));
    part("Scores", el("p", "", this.scores(record)));
    const others = this.siblings.get(record.question).filter((other) => other !== record);
    if (others.length) {
      const list = others.map((other) =>
        el("li", "", el("bdi", "", this.data.systems[other.system]), `: ${this.verdict(other)[0]}`));
      part("The same question elsewhere", el("ul", "", ...list));
    }
    return body;
  }

  quote(title, { start, end, text }, note) {
    return [el("p", "quiet", el("bdi", "", title), ` ${start}–${end}`, note || ""), el("blockquote", "", text)];
  }

  answer(record, question) {
    const { sentences, reason } = record.said;
    if (!sentences.length) return [el("p", "text", reason ? `Refused: ${reason}` : "Refused")];
    const cited = sentences.flatMap((sentence) => sentence.citations);
    let n = 0;
    const text = sentences.map((sentence) =>
      el("p", "text", sentence.text, " ", ...sentence.citations.map(() => `[${(n += 1)}]`)));
    const list = cited.map((citation, index) => {
      const gold = question.gold.some((span) =>
        span.doc_id === citation.doc_id && span.start < citation.end && citation.start < span.end);
      const title = `[${index + 1}] ${citation.doc_id}`;
      const source = { start: citation.start, end: citation.end, text: citation.quote };
      const note = citation.valid ? "" : el("span", "is-bad", " · the quote does not stand there");
      const nodes = this.quote(title, source, note);
      if (gold) nodes[0].append(el("span", "is-good", " · gold"));
      return nodes;
    });
    return [...text, ...list.flat()];
  }

  passages(record, question) {
    const items = record.hits.map(([rank, n]) => {
      const passage = this.data.passages[n];
      const spans = question.gold.map((gold) => placeOf(gold, passage)).filter(Boolean);
      const document = question.gold_docs.includes(passage.doc_id);
      const tag = spans.length ? "gold passage" : document ? "gold document" : null;
      const summary = el("summary", "", `${rank}. `, el("bdi", "", passage.doc_id), tag && el("span", "tag is-good", ` · ${tag}`));
      const details = el("details", "", summary, el("p", "text", ...marked(passage.text, spans)));
      details.open = rank <= OPEN_RANKS || spans.length > 0;
      return el("li", "", details);
    });
    const left = record.n_hits - record.hits.length;
    if (left > 0) items.push(el("li", "quiet", `and ${left} more, which this page leaves out`));
    return el("ol", "passages", ...items);
  }

  scores(record) {
    const figures = Object.entries(record.scores).filter(([, value]) => value !== null);
    const scores = figures.map(([name, value]) => `${name} ${value.toFixed(3)}`);
    if (typeof record.confidence === "number") scores.unshift(`confidence ${record.confidence.toFixed(3)}`);
    return scores.join(" · ") || "none";
  }
}

function browse() {
  const records = new Records(read("records-data"));
  const form = byId("filters");
  const list = byId("list");
  const more = byId("more");
  const types = [...new Set(records.data.questions.flatMap((question) => question.types))].sort();
  const fill = (name, values) => form.elements[name].append(...values.map((value) => new Option(value, value)));
  fill("system", records.data.systems);
  fill("type", types);
  let chosen = [];
  const extend = () => {
    const shown = list.childElementCount;
    list.append(...chosen.slice(shown, shown + PAGE_SIZE).map((record) => records.item(record)));
    more.hidden = list.childElementCount >= chosen.length;
  };
  const show = () => {
    const field = form.elements;
    const all = field.all.checked;
    chosen = records.chosen({ system: field.system.value, type: field.type.value, outcome: field.outcome.value,
      text: field.text.value, all });
    byId("records-title").textContent = all ? "All records" : "Failures";
    const of = `${records.data.records.length.toLocaleString("en")} records`;
    byId("count").textContent = `${chosen.length.toLocaleString("en")} ${all ? "shown" : "failures"} of ${of}`;
    list.replaceChildren();
    extend();
  };
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const next = list.childElementCount;
    extend();
    list.children[next].querySelector("summary").focus();
  });
  show();
}

// After the first paint: the tables are there already.
requestAnimationFrame(() => setTimeout(() => { drawCharts(); browse(); }));
