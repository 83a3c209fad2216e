// Runs once: tells the server which button of the table was pressed, and gives the same button of the new table the focus.
let pressed = null;
const selector = "button[data-sort], button[data-page], button[data-brief]";
const same = (button) => ["sort", "step", "brief"].every((name) => button.dataset[name] === pressed[name]);
element.addEventListener("click", (event) => {
  const button = event.target.closest(selector);
  if (!button) return;
  pressed = { ...button.dataset };
  trigger("select", pressed);
});
new MutationObserver(() => {
  const lost = document.activeElement === document.body || !document.activeElement;
  if (!pressed || !lost) return;
  const button = [...element.querySelectorAll(selector)].find(same);
  if (button) button.focus({ preventScroll: true });
}).observe(element, { childList: true, subtree: true });
