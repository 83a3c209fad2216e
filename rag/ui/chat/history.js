// Runs once: tells the server what is to be done with which conversation.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) trigger("select", { act: button.dataset.act, id: button.dataset.id });
});
