// Creates elements. Text is inserted as text, never as markup: it comes from people and models.

export function el(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

// Copies what `text()` returns, and shows a confirmation for a moment.
export function copyButton(button, text) {
  button.addEventListener("click", async () => {
    const use = button.querySelector("use");
    const label = button.getAttribute("aria-label");
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      return selectText(button.parentElement.querySelector("code")); // not allowed here: let them copy by hand
    }
    use.setAttribute("href", "#i-check");
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      use.setAttribute("href", "#i-copy");
      button.setAttribute("aria-label", label);
    }, 1500);
    return undefined;
  });
}

function selectText(element) {
  if (element) getSelection().selectAllChildren(element);
}
