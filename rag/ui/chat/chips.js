// Runs once: tells the server which limit a chip stands for when it is pressed.
element.addEventListener("click", (event) => {
  const chip = event.target.closest("button[data-name]");
  if (chip) trigger("select", { name: chip.dataset.name, value: chip.dataset.value });
});
