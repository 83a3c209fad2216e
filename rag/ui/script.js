// Runs once, when the evidence panel is on the page: `element` is the panel, `trigger` and `watch` are gradio's.
const LINK = /^#turn-(\d+)-(?:sentence-(\d+)-)?(evidence|answer)(?:-(\d+))?$/;
let wanted = null; // the link to follow once the evidence of its turn has arrived
let origin = null; // where to return from the evidence

function unchoose() {
  element.querySelectorAll(".is-chosen").forEach((chosen) => chosen.classList.remove("is-chosen"));
}

function choose({ turn, sentence, n }) {
  const card = element.querySelector(`#turn-${turn}-evidence-${n}`);
  if (!card) return null;
  unchoose();
  const marks = card.querySelectorAll(`mark[data-sentences~="${sentence}"]`);
  [card, ...marks].forEach((chosen) => chosen.classList.add("is-chosen"));
  return marks[0] ?? card;
}

function follow(link) {
  const first = element.querySelector(".gb-card")?.id.match(/^turn-(\d+)-/);
  if (!first || first[1] !== link.turn) return false;
  const place = link.n ? choose(link) : element.querySelector(".gb-panel");
  if (!place) return false;
  const card = place.closest(".gb-card");
  card?.closest("details")?.setAttribute("open", "");
  card?.focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  place.scrollIntoView({ block: link.n ? "center" : "start", behavior: still ? "auto" : "smooth" });
  return true;
}

function goBack(turn) {
  const place = origin?.isConnected ? origin : document.getElementById(`turn-${turn}-answer`);
  place?.scrollIntoView({ block: "center" });
  origin?.focus({ preventScroll: true });
}

function parse(target) {
  const anchor = target.closest?.('a[href^="#turn-"]');
  const found = anchor?.getAttribute("href").match(LINK);
  return found && { anchor, turn: found[1], sentence: found[2], kind: found[3], n: found[4] };
}

document.addEventListener("click", (event) => {
  const link = element.isConnected && parse(event.target);
  if (!link) return;
  event.preventDefault();
  if (link.kind === "answer") return goBack(link.turn);
  origin = link.anchor;
  wanted = follow(link) ? null : link;
  if (wanted) trigger("select", { turn: Number(link.turn) });
});

document.addEventListener("focusin", (event) => {
  const link = element.isConnected && parse(event.target);
  if (link?.n) choose(link);
});

element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") goBack();
});

watch("value", () => {
  if (wanted && follow(wanted)) wanted = null;
});

// Gradio names each message by its source text, which here is markup; a screen reader then reads tags, not the text.
new MutationObserver(() => {
  document.querySelectorAll("#gb-chat [aria-label*='<']").forEach((message) => message.removeAttribute("aria-label"));
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
