// Runs once: tells the server that a question is to be asked again, or one that was offered to go on with.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#turn-"]')?.getAttribute("href");
  const found = link?.match(/^#turn-(\d+)-(again|follow-\d+)$/);
  if (!found || !element.isConnected) return;
  event.preventDefault();
  trigger("select", { turn: Number(found[1]), what: found[2] });
});
