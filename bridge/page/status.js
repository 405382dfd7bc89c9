// Loads the figures of /status again while its box is ticked; without this script the page is what it was when it was loaded.
const EVERY_MS = 10_000;
const TIMEOUT_MS = 8_000;
const again = document.getElementById("again");
const lost = document.getElementById("lost");

async function fresh() {
  const answer = await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const figures = page.getElementById("figures");
  if (!figures) throw new Error(`the server answered ${answer.status}`);
  document.getElementById("figures").replaceWith(figures);
  document.title = page.title;
}

async function load() {
  if (again.checked && !document.hidden) {
    try {
      await fresh();
      lost.hidden = true;
    } catch {
      document.title = "No answer · Daredevil";
      lost.hidden = false;
    }
  }
  setTimeout(load, EVERY_MS);
}

again.closest("label").hidden = false;
setTimeout(load, EVERY_MS);
