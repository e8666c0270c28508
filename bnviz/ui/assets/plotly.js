// Plotly itself: loaded once per page, its styles brought into a shadow root, figures recoloured for the theme.
import { legible, shared } from "./common.js";
import { spread } from "./labels.js";
import { measure } from "./surface.js";
import { wrap } from "./text.js";

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

const TITLE = 1.2; // of the font's size: what Plotly makes a title of an axis
const LEADING = 1.3; // of the font's size: Plotly's
const HEAD_GAP = 8; // px
const LINE = 1.15; // of the font's size
const TOUCHING = 0.25; // of the font's size, by which two labels may be nearer than their lines are high: there is nothing to be seen there

/** The layout with so few labels on its y axes, where those are given, that none covers another; a bold one stays. */
export function thinned({ data, layout }, height) {
  const { margin = {} } = layout;
  const axes = Object.entries(layout).filter(([name, axis]) => /^yaxis\d*$/.test(name) && axis?.tickvals?.length > 1 && axis.range);
  const thin = ({ tickvals, ticktext = tickvals.map(String), range, domain = [0, 1], ...rest }) => {
    const pixels = ((height - (margin.t ?? 0) - (margin.b ?? 0)) * (domain[1] - domain[0])) / Math.abs(range[1] - range[0]);
    const places = rest.type === "log" ? tickvals.map(Math.log10) : tickvals;
    const gaps = places.slice(1).map((value, i) => Math.abs(value - places[i]) * pixels);
    const size = rest.tickfont?.size ?? layout.font?.size ?? 12;
    const stride = Math.max(1, Math.ceil((size * LINE) / Math.min(...gaps)));
    const bold = Math.max(0, ticktext.findIndex((text) => String(text).startsWith("<b>")));
    const kept = (_, i) => (i - bold) % stride === 0;
    return { ...rest, range, domain, tickvals: tickvals.filter(kept), ticktext: ticktext.filter(kept) };
  };
  return { data, layout: { ...layout, ...Object.fromEntries(axes.map(([name, axis]) => [name, thin(axis)])) } };
}

const lines = (text) => String(text).split("<br>");
const bare = (text) => text.replaceAll(/<[^>]*>/g, "");

/** `text` with each of its lines, which may stand in tags, broken where it is wider than `room` pixels. */
function broken(text, room, font, size, weight) {
  return lines(text).map((line) => {
    const words = bare(line);
    const whole = line.indexOf(words); // -1: tags in the middle of it
    if (whole < 0 || measure(words, font, size, weight) <= room) return line;
    return line.slice(0, whole) + wrap(words, room, font, size, weight).join("<br>") + line.slice(whole + words.length);
  }).join("<br>");
}

/** The layout with titles of axes in so many lines that none is longer than there is room: `width` × `height` pixels in all. */
export function titled({ data, layout }, width, height) {
  const { margin: { l = 0, r = 0, t = 0, b = 0 } = {}, font } = layout;
  const free = { x: width - l - r, y: height - t - b };
  const beyond = { x: Math.min(l, r), y: Math.min(t, b) };
  const told = Object.entries(layout).flatMap(([name, axis]) => {
    const across = /^[xy]axis\d*$/.test(name) && axis?.title?.text ? name[0] : null;
    if (!across) return [];
    const [from, to] = axis.domain ?? [0, 1];
    const room = free[across] * (to - from) + (to - from === 1 ? 2 * beyond[across] : 0);
    const size = axis.title.font?.size ?? Math.round(TITLE * (font?.size ?? 12));
    return [[name, { ...axis, title: { ...axis.title, text: broken(axis.title.text, room, font?.family, size, 400) } }]];
  });
  return { data, layout: { ...layout, ...Object.fromEntries(told) } };
}

const sizeOf = (note, layout) => note.font?.size ?? layout.font?.size ?? 12;
const isBold = (note) => (String(note.text).startsWith("<b>") ? 600 : 400);

/** The width of what stands at the left of the plot: Plotly makes room for it, whatever the margin. */
function besideAxis({ yaxis, font }) {
  const size = yaxis?.tickfont?.size ?? font?.size ?? 12;
  const labels = yaxis?.showticklabels === false ? [] : (yaxis?.ticktext ?? []);
  return Math.max(0, ...labels.map((text) => measure(bare(String(text)), font?.family, size))) + size;
}

/** The layout with what stands over panels side by side in so many lines that none reaches into the next; the plot makes room for them. */
export function headed({ data, layout }, width) {
  const { margin = {}, annotations = [], font } = layout;
  const plot = width - Math.max(margin.l ?? 0, besideAxis(layout)) - (margin.r ?? 0);
  const heads = annotations.filter(({ xref, yref, xanchor, yanchor }) => xref === "paper" && yref === "paper" && xanchor === "left" && yanchor === "bottom");
  let growth = 0;
  const told = new Map(heads.map((head) => {
    const next = Math.min(...heads.filter(({ x, y }) => y === head.y && x > head.x).map(({ x }) => x));
    const room = Number.isFinite(next) ? (next - head.x) * plot - HEAD_GAP : (1 - head.x) * plot + (margin.r ?? 0);
    const text = broken(head.text, room - (head.xshift ?? 0), font?.family, sizeOf(head, layout), isBold(head));
    const more = lines(text).length - lines(head.text).length;
    if (head.y >= 1) growth = Math.max(growth, more * sizeOf(head, layout) * LEADING);
    return [head, more > 0 ? { ...head, text, align: "left" } : head];
  }));
  if (growth === 0) return { data, layout };
  return { data, layout: { ...layout, margin: { ...margin, t: (margin.t ?? 0) + growth }, annotations: annotations.map((note) => told.get(note) ?? note) } };
}

/** Plotly's name of the axis that a note calls "y2". */
const axisName = (reference = "y") => `yaxis${reference.slice(1)}`;
const endsLine = ({ xref, x }) => xref === "paper" && x === 1;

/** The layout with labels one over the other moved apart where the plot is so short that they would cover one another. */
export function apart({ data, layout }, height) {
  const { margin: { t = 0, b = 0 } = {}, annotations = [] } = layout;
  /** @type {Map<string, any[]>} */
  const columns = new Map();
  for (const note of annotations.filter((one) => one.yref === "paper" || (endsLine(one) && layout[axisName(one.yref)]?.range))) {
    const place = JSON.stringify([note.xref ?? "x", note.x, note.xanchor, note.yref ?? "y"]);
    columns.set(place, [...(columns.get(place) ?? []), note]);
  }
  const moved = new Map();
  for (const column of columns.values()) {
    const { yref = "y" } = column[0];
    const { range: [low, high] = [0, 1], domain: [foot, head] = [0, 1] } = yref === "paper" ? {} : layout[axisName(yref)];
    const pixels = (height - t - b) * (head - foot);
    const labels = column.map((note) => {
      const tall = sizeOf(note, layout) * (LINE + LEADING * (lines(note.text).length - 1));
      const y = ((high - note.y) / (high - low)) * pixels - (note.yshift ?? 0) + ({ top: 0.5, bottom: -0.5 }[note.yanchor] ?? 0) * tall;
      return { note, at: y, y, height: tall };
    }).toSorted((one, other) => one.y - other.y);
    if (!labels.slice(1).some((label, i) => label.y - labels[i].y < (label.height + labels[i].height) / 2 - TOUCHING * sizeOf(label.note, layout))) continue;
    const bottom = pixels + labels[0].height / 2; // below that stand the numbers of the axis
    const needed = labels.reduce((sum, label) => sum + label.height, 0);
    spread(labels, Math.max(-t, Math.min(0, bottom - needed)), bottom);
    for (const { note, at, y } of labels) moved.set(note, { ...note, yshift: (note.yshift ?? 0) + at - y });
  }
  return moved.size === 0 ? { data, layout } : { data, layout: { ...layout, annotations: annotations.map((note) => moved.get(note) ?? note) } };
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
