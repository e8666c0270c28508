// Plotly itself: loaded once per page, its styles brought into a shadow root, figures recoloured for the theme.
import { legible, shared } from "./common.js";

/** Promise of Plotly, from the page or from `url`; a failed load may be tried again, under another address: browsers remember that a module failed. */
export function loadPlotly(url) {
  const page = shared();
  page.plotly ??= window.Plotly
    ? Promise.resolve(window.Plotly)
    : import(page.failed ? `${url}?again=${page.failed}` : url).then(() => window.Plotly, () => {
      page.plotly = undefined;
      page.failed = (page.failed ?? 0) + 1;
      throw new Error(`could not load ${url}`);
    });
  return page.plotly;
}

/** Plotly writes its rules into the document's head, which a shadow root does not see: copy them. */
export function copyStyles(root) {
  /** @type {NodeListOf<HTMLStyleElement>} */
  const styles = document.querySelectorAll("style[id^='plotly.js-style']");
  const rules = [...styles]
    .flatMap(({ sheet }) => [...(sheet?.cssRules ?? [])].map(({ cssText }) => cssText));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.join("\n"));
  if (root.adoptedStyleSheets && root !== document) root.adoptedStyleSheets = [sheet];
}

/** Deep copy in which every `#rrggbb` (also with alpha) of `from` has become its namesake of `to`. */
export function recolor(node, from, to) {
  const names = new Map(Object.entries(from).map(([role, color]) => [color.toLowerCase(), to[role] ?? color]));
  const exchange = (text) =>
    text.replace(/#[0-9a-f]{6}(?:[0-9a-f]{2})?(?![0-9a-f])/gi, (color) =>
      (names.get(color.slice(0, 7).toLowerCase()) ?? color.slice(0, 7)) + color.slice(7));
  const visit = (value, key) => {
    if (typeof value === "string") return key === "bdata" ? value : exchange(value);
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) return value.map((item) => visit(item));
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, name)]));
  };
  return visit(node);
}

const isNumber = (value) => typeof value === "number";
const LENGTHS = new Set(["size", "standoff", "xshift", "yshift", "ticklen", "pad"]);
const SIDES = new Set(["l", "r", "t", "b"]);
const ARROWS = new Set(["ax", "ay"]);

/** Deep copy in which type, margins, markers and lines are `scale` times as large. */
export function enlarge(figure, scale) {
  if (scale === 1) return figure;
  const visit = (value, key, parent) => {
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) {
      const grows = LENGTHS.has(key) || (parent === "margin" && SIDES.has(key)) || (parent === "line" && key === "width") || ARROWS.has(key);
      return grows && isNumber(value) ? value * scale : value;
    }
    if (Array.isArray(value)) return value.map((item) => visit(item, key === "size" ? key : undefined, parent));
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, name, key ?? parent)]));
  };
  const { width, height, ...layout } = figure.layout;
  return { data: visit(figure.data), layout: { ...visit(layout), width, height } };
}

const FONT = /font$/;
const LEAST_TYPE = 11; // px

/** Deep copy in which no type is smaller than can be read, whatever a picture has been scaled to. */
export function spelledOut(node, key) {
  if (node === null || typeof node !== "object" || ArrayBuffer.isView(node)) return node;
  if (Array.isArray(node)) return node.map((item) => spelledOut(item));
  const copy = Object.fromEntries(Object.entries(node).map(([name, item]) => [name, spelledOut(item, name)]));
  if (key && FONT.test(key) && isNumber(copy.size)) copy.size = Math.max(copy.size, LEAST_TYPE);
  return copy;
}

/** Deep copy in which every colour of text can be read on the page: WCAG's 4.5 : 1. What is in the colour of the page stands on something filled. */
export function legibly(node, { background, text, color: roles }) {
  const readable = (color) => (
    typeof color === "string" && color.startsWith("#") && color !== roles("paper") ? legible(color, background, text) : color
  );
  const visit = (value, key) => {
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) return value.map((item) => visit(item));
    const copy = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, name)]));
    if (key && FONT.test(key) && "color" in copy) {
      copy.color = Array.isArray(copy.color) ? copy.color.map(readable) : readable(copy.color);
    }
    return copy;
  };
  return visit(node);
}

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** `over` merged into `base`, objects deeply; both stay as they are. */
export function merge(base, over) {
  if (!isPlain(base) || !isPlain(over)) return over;
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) merged[name] = merge(base[name], value);
  return merged;
}

const withoutTags = (text) => text.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");

/** What a figure was given, without what Plotly keeps in it. */
function given(name, value) {
  if (name.startsWith("_")) return undefined;
  return ArrayBuffer.isView(value) ? Array.from(/** @type {Float64Array} */ (value)) : value;
}

/** A page of its own with Plotly inside, as text. */
export function standalone(source, { data, layout }, { title, lang, background }) {
  const figure = withoutTags(JSON.stringify({ data, layout }, given));
  const heading = title.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return (
    `<!DOCTYPE html>\n<html lang="${lang.replace("_", "-")}"><head><meta charset="utf-8"><title>${heading}</title>` +
    `<meta name="viewport" content="width=device-width"><script>${withoutTags(source)}</script></head>` +
    `<body style="margin:0;background:${background}"><div id="figure" style="height:100vh" role="img" aria-label="${heading}"></div>` +
    `<script>const figure = ${figure};\nPlotly.newPlot("figure", figure.data, figure.layout, {responsive: true, displaylogo: false});</script>` +
    `</body></html>\n`
  );
}
