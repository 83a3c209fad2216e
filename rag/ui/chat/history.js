// Runs once: tells the server what is to be done with which conversation, and keeps the focus where it was.
let pressed = null;
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  pressed = button.dataset.id;
  trigger("select", { act: button.dataset.act, id: button.dataset.id });
});
// The list is drawn anew after each press, and the button that was pressed is gone with the old one.
new MutationObserver(() => {
  if (!pressed || document.activeElement !== document.body) return;
  const at = (act) => element.querySelector(`button[data-id="${CSS.escape(pressed)}"][data-act="${act}"]`);
  (at("confirm") ?? at("open"))?.focus();
}).observe(element, { childList: true, subtree: true });
