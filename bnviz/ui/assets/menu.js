// A small menu button (player and chart offer their downloads with it).
import { element } from "./common.js";

export const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 5h4.5v14H6zM13.5 5H18v14h-4.5z",
  back: "M5 5h2.5v14H5zM19 5v14L8.5 12z",
  forward: "M16.5 5H19v14h-2.5zM5 5v14l10.5-7z",
  stop: "M6 6h12v12H6z",
  turn: "M12 5C6.5 5 2 7.9 2 11.5c0 2.8 2.7 5.2 6.5 6.1V21l5-4.5-5-4.5v3.5c-2.4-.7-4-2.1-4-4 0-2.4 3.4-4.5 7.5-4.5s7.5 2.1 7.5 4.5c0 1.7-1.6 3.1-4 3.9v2.1c3.8-1 6.5-3.3 6.5-6C22 7.900 17.500 5 12 5z",
  download: "M11 3h2v9.2l3.3-3.3 1.4 1.4L12 16l-5.7-5.7 1.4-1.4 3.3 3.3zM5 18h14v2H5z",
  share: "M18 16a3 3 0 0 0-2.3 1.1l-6.8-4a3 3 0 0 0 0-2.2l6.8-4A3 3 0 1 0 15 5v.4L8 9.4a3 3 0 1 0 0 5.2l7 4A3 3 0 1 0 18 16z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Menu `{node, relabel(label, items)}`; `items` are `[label, action]` pairs, replaced only when their words change. */
export function downloadMenu() {
  const word = element("span", { className: "word" });
  const button = element("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" }, icon("download"), word);
  const list = element("div", { role: "menu", hidden: true });
  const node = element("div", { className: "menu" }, button, list);
  const open = (wanted) => {
    list.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    if (wanted) list.firstElementChild?.focus();
  };
  button.addEventListener("click", () => open(list.hidden));
  node.addEventListener("focusout", (event) => { if (!node.contains(event.relatedTarget)) open(false); });
  node.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const items = [...list.children];
    const at = items.indexOf(node.getRootNode().activeElement);
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") {
      open(false);
      button.focus();
    } else if (target !== undefined) items.at(target % items.length).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const relabel = (label, items) => {
    word.textContent = label;
    button.setAttribute("aria-label", label);
    button.title = label;
    list.setAttribute("aria-label", label);
    list.replaceChildren(...items.map(([text, action]) => {
      const item = element("button", { type: "button", role: "menuitem", tabIndex: -1, textContent: text });
      item.addEventListener("click", () => {
        open(false);
        button.focus();
        action();
      });
      return item;
    }));
  };
  return { node, relabel };
}
