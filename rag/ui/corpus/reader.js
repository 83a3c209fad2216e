// Runs once: a brief that is opened gets the focus, and Escape gives it back to its row.
const titleOf = () => element.querySelector(".gb-id")?.textContent;
let shown = titleOf();
new MutationObserver(() => {
  if (titleOf() === shown) return;
  shown = titleOf();
  const brief = element.querySelector(".gb-corpus-brief");
  if (!brief) return;
  brief.focus({ preventScroll: true });
  const { top } = brief.getBoundingClientRect();
  if (top < 0 || top > window.innerHeight - 120) brief.scrollIntoView({ block: "start" });
}).observe(element, { childList: true, subtree: true });
element.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("#gb-corpus-table tr[aria-current] button")?.focus();
});
