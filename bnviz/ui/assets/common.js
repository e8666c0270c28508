// Helpers shared by every component: page-wide state, theme, colours, numbers, downloads.

/** State shared by all modules of the page, also when a module is loaded twice under two addresses. */
export function shared() {
  window.__bnviz ??= {};
  window.__bnviz.playheads ??= new Map();
  window.__bnviz.stats ??= { painted: 0 };
  return window.__bnviz;
}

/** The element that carries the component's attributes: the shadow host, or the element itself without a shadow root. */
export const hostOf = (parentElement) => parentElement.host ?? parentElement;

/** A sentence whose code stands between backticks, for where no Markdown is read. */
export const unquoted = (text = "") => text.replaceAll("`", "");

let scratch;
export const scratchContext = () => (scratch ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }));

const parsed = new Map();

/** [r, g, b] of any CSS colour. */
export function rgb(css) {
  if (!parsed.has(css)) {
    const context = scratchContext();
    context.fillStyle = "#000";
    context.fillStyle = css;
    const text = context.fillStyle;
    const channels = text.startsWith("#")
      ? [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16))
      : text.match(/[\d.]+/g).slice(0, 3).map(Number);
    parsed.set(css, channels);
  }
  return parsed.get(css);
}

const hex = (channels) => `#${channels.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;

/** Colour `share` of the way from `from` to `to`. */
export function mix(from, to, share) {
  const [a, b] = [rgb(from), rgb(to)];
  return hex(a.map((c, i) => c + (b[i] - c) * share));
}

/** Relative luminance after WCAG 2. */
export function luminance(css) {
  const [r, g, b] = rgb(css).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG contrast ratio of two colours, 1 to 21. */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** `color`, moved towards the text colour until it can be read as text on the background. */
export function legible(color, background, text) {
  let result = color;
  for (let share = 0.1; share <= 1 && contrast(result, background) < 4.5; share += 0.1) result = mix(color, text, share);
  return result;
}

let inherited = null;

/** What Streamlit set above `host`. All pictures of a page have it in common, and reading it makes the browser lay out what changed: once per task, and on paper. */
function readStyle(host) {
  const { paper } = document.documentElement.dataset;
  if (inherited === null || inherited.paper !== paper) {
    const css = getComputedStyle(host);
    const read = (name, fallback) => css.getPropertyValue(`--st-${name}`).trim() || fallback;
    inherited = {
      paper, background: read("background-color", "white"), text: read("text-color", "black"), font: read("font", "system-ui, sans-serif"),
    };
    setTimeout(() => { inherited = null; });
  }
  return inherited;
}

/** Colours and fonts of the page around `host`, with the palette's colour roles for that theme. */
export function readTheme(host, palette) {
  const { background, text, font } = readStyle(host);
  const dark = luminance(background) < 0.2;
  const roles = palette?.[dark ? "dark" : "light"] ?? {};
  return {
    dark, background, text, font,
    muted: legible(mix(background, text, 0.66), background, text),
    axis: mix(background, text, 0.45),
    grid: mix(background, text, 0.1),
    shade: mix(background, text, 0.08),
    color: (role) => roles[role] ?? text,
    ink: (role) => legible(roles[role] ?? text, background, text),
    key: [background, text, font, JSON.stringify(roles)].join("|"),
  };
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const minus = (text) => text.replace("-", "−");

/** Number for people, as `short` in plot/numbers.py writes it: at most three significant digits, 13700, 2.34×10⁻⁵, 10⁶. `padded` keeps zeros. */
export function formatNumber(value, padded = false) {
  if (Number.isNaN(value) || value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(2).split("e");
  const power = Number(exponent);
  if (power < -4 || power > 5) {
    const digits = padded ? mantissa : String(Number(mantissa));
    const factor = { 1: "", "-1": "−" }[digits] ?? `${minus(digits)}×`;
    return `${factor}10${[...String(power)].map((c) => SUPERSCRIPT[c]).join("")}`;
  }
  const rounded = Number(value.toPrecision(3));
  return minus(padded ? rounded.toFixed(Math.max(0, 2 - power)) : String(rounded));
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Offer `content` (Blob or data URI) as a file. */
export function download(content, filename) {
  const url = typeof content === "string" ? content : URL.createObjectURL(content);
  const link = Object.assign(document.createElement("a"), { href: url, download: filename });
  link.click();
  if (url !== content) setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** `template` with `values` for the names that it has in braces. */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** Copy the text of `node`, a field or any other. Over plain http the clipboard API does not exist; then it is at least selected. */
export async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.value ?? node.textContent);
  } catch {
    if (node.select) {
      node.focus();
      node.select();
    } else getSelection().selectAllChildren(node);
    document.execCommand("copy");
  }
}

/** Element with properties, attributes (names with a dash, or `role`) and children. */
export function element(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Whether `host` is in view, as `inView` of what is returned, until `signal` is aborted. */
export function sightOf(host, signal) {
  const sight = { inView: true };
  const watcher = new IntersectionObserver((entries) => { sight.inView = entries.at(-1).isIntersecting; });
  watcher.observe(host);
  signal.addEventListener("abort", () => watcher.disconnect(), { once: true });
  return sight;
}

/** A cleanup for Streamlit, which may also call that of an overtaken rerun: act only once the host has left the page. */
export function cleanupOnceGone(parentElement, destroy) {
  return () => setTimeout(() => { if (!hostOf(parentElement).isConnected) destroy(); });
}
