// Runs once, when the evidence panel is on the page: `element` is the panel, `trigger` and `watch` are gradio's.
const LINK = /^#turn-(\d+)-([a-z0-9-]+)$/;
let awaited = false; // whether what the server sends next was asked for by a link
let origin = null; // where to return from the panel

function parse(target) {
  const anchor = target.closest?.('a[href^="#turn-"]');
  const found = anchor?.getAttribute("href").match(LINK);
  return found && { anchor, turn: Number(found[1]), what: found[2] };
}

function reveal() {
  const place = element.querySelector("mark.is-chosen") ?? element.querySelector(".gb-brief, .gb-panel");
  const holder = element.querySelector(".gb-brief") ?? element.querySelector(".gb-panel");
  if (!place) return;
  document.getElementById("gb-evidence").dataset.open = "";
  holder.setAttribute("tabindex", "-1");
  (place.matches("mark") ? place : holder).focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const block = place.matches("mark") ? "center" : "start";
  place.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });
}

// A sentence's words are marked more strongly while its citation has the focus.
function choose({ turn, what }) {
  const sentence = what.match(/^sentence-(\d+)-/)?.[1];
  if (sentence === undefined || !element.querySelector(`[id^="turn-${turn}-evidence-"]`)) return;
  element.querySelectorAll(".is-chosen").forEach((chosen) => chosen.classList.remove("is-chosen"));
  element.querySelectorAll(`mark[data-sentences~="${sentence}"]`).forEach((mark) => {
    mark.classList.add("is-chosen");
    mark.closest(".gb-card").classList.add("is-chosen");
  });
}

function goBack(turn) {
  delete document.getElementById("gb-evidence").dataset.open;
  const place = origin?.isConnected ? origin : document.getElementById(`turn-${turn}-answer`);
  place?.scrollIntoView({ block: "center" });
  origin?.focus({ preventScroll: true });
}

function textOf(turn) {
  const answer = document.getElementById(`turn-${turn}-answer`);
  const references = new Map();
  const sentences = [...answer.querySelectorAll(".gb-remark, .gb-sentence, .gb-reason")].map((line) => {
    const said = (line.querySelector(".gb-text") ?? line).textContent;
    const cites = [...line.querySelectorAll(".gb-cite")];
    cites.forEach((cite) => references.set(cite.firstChild.textContent, cite.querySelector(".gb-tip").textContent));
    return [said, ...cites.map((cite) => cite.firstChild.textContent)].join(" ");
  });
  return [...sentences, "", ...[...references].map(([n, about]) => `${n} ${about}`)].join("\n").trim();
}

async function copy(anchor, turn) {
  const text = textOf(turn);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // the clipboard's own interface is closed to pages without TLS
    area.remove();
  }
  const before = anchor.textContent;
  anchor.textContent = "Copied";
  setTimeout(() => { anchor.textContent = before; }, 1500);
}

document.addEventListener("click", (event) => {
  const link = element.isConnected && parse(event.target);
  if (!link) return;
  event.preventDefault();
  if (link.what === "answer") return goBack(link.turn);
  if (link.what === "copy") return copy(link.anchor, link.turn);
  if (/^(again|follow-\d+)$/.test(link.what)) return; // another listener's
  if (!element.contains(link.anchor)) origin = link.anchor;
  const shows = !["edit", "up", "down"].includes(link.what);
  const shown = link.what === "evidence" && element.querySelector(`[id^="turn-${link.turn}-evidence-"]`);
  awaited = shows && !shown;
  if (shown) return reveal();
  trigger("select", { turn: link.turn, what: link.what });
  if (link.what === "edit") document.querySelector("#gb-ask textarea")?.focus();
});

document.addEventListener("keydown", (event) => {
  const link = event.key === " " && element.isConnected && parse(event.target);
  if (!link || event.target.getAttribute("role") !== "button") return;
  event.preventDefault();
  event.target.click();
});

document.addEventListener("focusin", (event) => {
  const link = element.isConnected && parse(event.target);
  if (link) choose(link);
});

element.addEventListener("click", (event) => {
  if (event.target.closest(".gb-close")) goBack();
});

element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") goBack();
});

watch("value", () => {
  if (awaited) reveal();
  awaited = false;
});

// Gradio names each message by its source text, which here is markup; a screen reader then reads tags, not the text.
new MutationObserver(() => {
  document.querySelectorAll("#gb-chat [aria-label*='<']").forEach((message) => message.removeAttribute("aria-label"));
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
