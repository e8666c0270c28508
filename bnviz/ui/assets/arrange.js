// Words of a chart where there is room for them: titles, headings, labels and the panels that they stand over.
import { spread } from "./labels.js";
import { measure } from "./surface.js";
import { wrap } from "./text.js";

const TITLE = 1.2; // of the font's size: what Plotly makes a title of an axis
const LEADING = 1.3; // of the font's size: Plotly's
const HEAD_GAP = 8; // px
const LINE = 1.15; // of the font's size
const TICKS = 6; // px: from an axis to its labels
const LEAST_PANEL = 0.5; // of its height, however much stands over the panels
const PARTED = 0.35; // of the font's size: between labels of several lines, where there is room
const CELLS = 4; // words one over the other from which they are a column of cells
const TOUCHING = 0.1; // of the font's size, by which two labels may be nearer than their lines are high: there is nothing to be seen there

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

/** `text` with each of its lines broken where it is wider than `room` pixels; tags stay where they are. */
function broken(text, room, font, size, weight) {
  return lines(text).map((line) => {
    const words = bare(line);
    if (measure(words, font, size, weight) <= room) return line;
    const ends = [];
    for (const part of wrap(words, room, font, size, weight)) ends.push(words.indexOf(part, ends.at(-1) ?? 0) + part.length);
    let at = 0;
    return line.split(/(<[^>]*>)/).map((part, i) => (i % 2 ? part : Array.from(part.matchAll(/./gsu), ([letter]) => {
      at += letter.length;
      return ends.slice(0, -1).includes(at) ? `${letter}<br>` : letter;
    }).join(""))).join("").replaceAll(/<br>((?:<[^>]*>)*)\s+/g, "<br>$1");
  }).join("<br>");
}

const [NEAR, LEAST_ROOM] = [6, 60]; // px: to the picture's edge, and what a label has in any case

/** Pixels from the picture's left edge at which a note of a layout stands; NaN where that hangs on the data. */
function pixelsAcross({ xref = "x", x, xshift = 0 }, layout, width) {
  const { margin = {} } = layout;
  const left = Math.max(margin.l ?? 0, besideAxis(layout));
  const plot = width - left - (margin.r ?? 0);
  const { range: [low, high] = [NaN, NaN], domain: [from, to] = [0, 1] } = xref === "paper" ? { range: [0, 1] } : (layout[`xaxis${xref.slice(1)}`] ?? {});
  return left + (from + ((x - low) / (high - low)) * (to - from)) * plot + xshift;
}

/** The layout with notes that would reach beyond the picture's edges in so many lines that they stay inside, or moved inside. */
export function inside({ data, layout }, width) {
  const { annotations = [], font } = layout;
  const kept = annotations.map((note) => {
    if (note.showarrow !== false || !note.text || note.textangle) return note;
    const size = sizeOf(note, layout);
    const widest = (text) => Math.max(...lines(text).map((line) => measure(bare(line), font?.family, size, isBold(note))));
    const at = pixelsAcross(note, layout, width);
    const side = { left: 0, right: 1 }[note.xanchor] ?? 0.5;
    const [before, after] = [at - NEAR, width - NEAR - at]; // room on both sides
    const room = Math.max([after, before][side] ?? width - 2 * NEAR, LEAST_ROOM);
    if (!Number.isFinite(at) || (widest(note.text) * side <= before && widest(note.text) * (1 - side) <= after)) return note;
    const text = broken(note.text, room, font?.family, size, isBold(note));
    const over = [Math.max(0, widest(text) * side - before), Math.max(0, widest(text) * (1 - side) - after)];
    return { ...note, text, xshift: (note.xshift ?? 0) + over[0] - over[1], align: note.align ?? ["left", "right"][side] ?? "center" };
  });
  return { data, layout: annotations.length ? { ...layout, annotations: kept } : layout };
}

/** The layout with titles of axes in so many lines that none is longer than there is room: `width` × `height` pixels in all. */
export function titled({ data, layout }, width, height) {
  const { margin: { l = 0, r = 0, t = 0, b = 0 } = {}, font } = layout;
  const free = { x: width - l - r, y: height - t - b };
  const beyond = Math.min(l, r);
  const domains = Object.entries(layout).filter(([name]) => /^yaxis\d*$/.test(name)).map(([, { domain = [0, 1] }]) => domain);
  /** Pixels from panels one over the other to the middle of the gap between them, or into the margin. */
  const aside = ([from, to]) => {
    const [below, above] = [domains.map((one) => one[1]).filter((end) => end <= from), domains.map((one) => one[0]).filter((start) => start >= to)];
    return Math.min(below.length ? ((from - Math.max(...below)) * free.y) / 2 : b, above.length ? ((Math.min(...above) - to) * free.y) / 2 : t);
  };
  const told = Object.entries(layout).flatMap(([name, axis]) => {
    const across = /^[xy]axis\d*$/.test(name) && axis?.title?.text ? name[0] : null;
    if (!across) return [];
    const [from, to] = axis.domain ?? [0, 1];
    const room = free[across] * (to - from) + 2 * (across === "y" ? Math.max(0, aside([from, to]) - NEAR) : beyond * Number(to - from === 1));
    const size = axis.title.font?.size ?? Math.round(TITLE * (font?.size ?? 12));
    return [[name, { ...axis, title: { ...axis.title, text: broken(axis.title.text, room, font?.family, size, 400) } }]];
  });
  return { data, layout: { ...layout, ...Object.fromEntries(told) } };
}

const sizeOf = (note, layout) => note.font?.size ?? layout.font?.size ?? 12;
const isBold = (note) => (String(note.text).includes("<b>") ? 600 : 400);

/** The width of what stands at the left of the plot: Plotly makes room for it, whatever the margin. */
function besideAxis({ yaxis, font }) {
  const size = yaxis?.tickfont?.size ?? font?.size ?? 12;
  const labels = yaxis?.showticklabels === false ? [] : (yaxis?.ticktext ?? []);
  const title = lines(yaxis?.title?.text ?? "").length;
  const beyond = title > 1 ? title * (yaxis.title.font?.size ?? TITLE * size) * LEADING : 0; // one line has its place in the margin
  return Math.max(0, ...labels.map((text) => measure(bare(String(text)), font?.family, size))) + size + beyond;
}

/** Pixels by which a note stands higher than its y says. */
const liftOf = (note) => note.yshift ?? 0;

/** The layout with what stands over panels side by side in so many lines that none reaches into the next; the plot makes room for them. */
export function headed({ data, layout }, width) {
  const { margin = {}, annotations = [], font } = layout;
  const plot = width - Math.max(margin.l ?? 0, besideAxis(layout)) - (margin.r ?? 0);
  const heads = annotations.filter(({ xref, yref, xanchor, yanchor }) => xref === "paper" && yref === "paper" && xanchor === "left" && yanchor === "bottom");
  const more = new Map(heads.map((head) => {
    const next = Math.min(...heads.filter((one) => one.y === head.y && liftOf(one) === liftOf(head) && one.x > head.x).map(({ x }) => x));
    const room = Number.isFinite(next) ? (next - head.x) * plot - HEAD_GAP : (1 - head.x) * plot + (margin.r ?? 0) - NEAR; // as `inside` will have it
    const text = broken(head.text, Math.max(room - (head.xshift ?? 0), LEAST_ROOM), font?.family, sizeOf(head, layout), isBold(head));
    return [head, { text, pixels: (lines(text).length - lines(head.text).length) * sizeOf(head, layout) * LEADING }];
  }));
  if ([...more.values()].every(({ pixels }) => pixels === 0)) return { data, layout };
  /** Pixels that what stands over the top panels has grown by, up to `high` px above them. */
  const grown = (high) => Math.max(0, ...heads.filter((head) => head.y >= 1 && liftOf(head) < high).map((head) => more.get(head).pixels));
  const told = new Map();
  let growth = 0;
  for (const [head, { text, pixels }] of more) {
    const lifted = head.y >= 1 ? grown(liftOf(head)) : 0;
    if (head.y >= 1) growth = Math.max(growth, lifted + pixels);
    if (lifted + pixels > 0) told.set(head, { ...head, text, align: "left", yshift: liftOf(head) + lifted });
  }
  return { data, layout: { ...layout, margin: { ...margin, t: (margin.t ?? 0) + growth }, annotations: annotations.map((note) => told.get(note) ?? note) } };
}

const total = (numbers) => numbers.reduce((all, number) => all + number, 0);

/** Panels one over the other, from the top: the share of the height that each fills, and the axes that have it. */
function rowsOf(layout) {
  const rows = new Map();
  for (const [name, { domain = [0, 1] }] of Object.entries(layout).filter(([key, axis]) => /^yaxis\d*$/.test(key) && axis)) {
    rows.set(domain.join(), { domain, names: [...(rows.get(domain.join())?.names ?? []), name] });
  }
  return [...rows.values()].toSorted((one, other) => other.domain[0] - one.domain[0]);
}

/** How many panels stand one over the other. */
export const rowsIn = (layout) => rowsOf(layout).length;

/** The notes that stand on top of a panel. */
const headsOf = ({ domain }, annotations) => annotations.filter(
  ({ y, yref, yanchor }) => yref === "paper" && yanchor === "bottom" && Math.abs(y - domain[1]) < 1e-6,
);

/** Pixels that the words over a panel take. */
const pixelsOver = (row, layout) => Math.max(0, ...headsOf(row, layout.annotations ?? []).map(
  (note) => lines(note.text).length * sizeOf(note, layout) * LEADING + (note.yshift ?? 0),
));

/** Pixels that the numbers under a panel take, and the axis' title. */
const pixelsUnder = ({ names }, layout) => Math.max(0, ...Object.entries(layout)
  .filter(([name, axis]) => /^xaxis\d*$/.test(name) && names.includes(axisName(axis.anchor)))
  .map(([, { showticklabels, tickfont, title }]) => {
    const size = tickfont?.size ?? layout.font?.size ?? 12;
    return (showticklabels === false ? 0 : TICKS + size * LEADING) + (title?.text ? size * TITLE * LEADING : 0);
  }));

/** The layout with panels one over the other so far apart that what stands over one does not cover the numbers under the one above. */
export function parted({ data, layout }, height) {
  const { margin: { t = 0, b = 0 } = {}, annotations = [] } = layout;
  const rows = rowsOf(layout);
  const gaps = rows.slice(1).map(({ domain }, i) => rows[i].domain[0] - domain[1]);
  if (gaps.length === 0 || gaps.some((gap) => gap < 0)) return { data, layout };
  const between = (i) => {
    const words = pixelsUnder(rows[i], layout) + pixelsOver(rows[i + 1], layout);
    return words > 0 ? words + HEAD_GAP : (layout.font?.size ?? 12) * LINE; // the numbers at the ends of their axes
  };
  const missing = gaps.map((gap, i) => Math.max(0, between(i) / (height - t - b) - gap));
  if (total(missing) === 0) return { data, layout };
  const tall = total(rows.map(({ domain: [from, to] }) => to - from));
  const shrunk = Math.max(1 - total(missing) / tall, LEAST_PANEL);
  const granted = (tall * (1 - shrunk)) / total(missing); // 1 but where the panels would be too flat
  const changed = {};
  const heads = new Map();
  let [, top] = rows[0].domain;
  rows.forEach((row, i) => {
    if (i > 0) top -= gaps[i - 1] + missing[i - 1] * granted;
    const domain = [Math.max(0, top - (row.domain[1] - row.domain[0]) * shrunk), top];
    for (const name of row.names) changed[name] = { ...layout[name], domain };
    for (const note of headsOf(row, annotations)) heads.set(note, { ...note, y: top });
    [top] = domain;
  });
  return { data, layout: { ...layout, ...changed, annotations: annotations.map((note) => heads.get(note) ?? note) } };
}

/** Plotly's name of the axis that a note calls "y2". */
const axisName = (reference = "y") => `yaxis${reference.slice(1)}`;
const endsLine = ({ xref, x }) => xref === "paper" && x === 1;

/** Pixels that a note's lines take. */
const tallOf = (note, layout) => sizeOf(note, layout) * (LINE + LEADING * (lines(note.text).length - 1));

/** The notes of a layout that stand one over the other. */
function columnsOf(layout) {
  /** @type {Map<string, any[]>} */
  const columns = new Map();
  for (const note of (layout.annotations ?? []).filter((one) => one.yref === "paper" || (endsLine(one) && layout[axisName(one.yref)]?.range))) {
    const place = JSON.stringify([note.xref ?? "x", note.x, note.xanchor, note.yref ?? "y"]);
    columns.set(place, [...(columns.get(place) ?? []), note]);
  }
  return [...columns.values()];
}

/** Pixels by which the lowest label at a line's end may stand below the axis: half a line, under which the axis' numbers begin. */
const belowAxis = (column, layout) => Math.min(...column.map((note) => sizeOf(note, layout))) * (LINE / 2);

/** Pixels of height that a plot needs so that no words in a column of its cells cover those in the next row. */
function leastCells(layout) {
  /** @type {Map<string, any[]>} */
  const columns = new Map();
  for (const note of layout.annotations ?? []) {
    const { xref = "x", yref = "y", x, y, text } = note;
    if (note.showarrow !== false || !text || xref === "paper" || yref === "paper" || !layout[axisName(yref)]?.range || typeof y !== "number") continue;
    columns.set(`${xref} ${x} ${yref}`, [...(columns.get(`${xref} ${x} ${yref}`) ?? []), note]);
  }
  return Math.max(0, ...[...columns.values()].filter(({ length }) => length >= CELLS).map((column) => {
    const { range: [low, high], domain: [foot, head] = [0, 1] } = layout[axisName(column[0].yref)];
    const places = column.map(({ y }) => y).toSorted((one, other) => one - other);
    const nearest = Math.min(...places.slice(1).map((place, i) => place - places[i]));
    const tall = Math.max(...column.map((note) => tallOf(note, layout)));
    return nearest > 0 ? (tall * Math.abs(high - low)) / nearest / (head - foot) : 0;
  }));
}

/** Pixels of height that a picture needs so that its cells and the labels at its lines' ends can be read; its plot has `plot` at least. */
export function leastHeight({ layout }, plot) {
  const { margin: { t = 0, b = 0 } = {} } = layout;
  const beside = columnsOf(layout).filter(([{ yref }]) => yref !== "paper").map((column) => {
    const [foot, head] = layout[axisName(column[0].yref)].domain ?? [0, 1];
    return (total(column.map((note) => tallOf(note, layout))) - belowAxis(column, layout)) / (head - foot);
  });
  return Math.ceil(t + b + Math.max(plot, leastCells(layout), ...beside));
}

/** The layout with labels one over the other moved apart where the plot is so short that they would cover one another. */
export function apart({ data, layout }, height) {
  const { margin: { t = 0, b = 0 } = {}, annotations = [] } = layout;
  const moved = new Map();
  for (const column of columnsOf(layout)) {
    const { yref = "y" } = column[0];
    const { range: [low, high] = [0, 1], domain: [foot, head] = [0, 1] } = yref === "paper" ? {} : layout[axisName(yref)];
    const pixels = (height - t - b) * (head - foot);
    const labels = column.map((note) => {
      const tall = tallOf(note, layout);
      const y = ((high - note.y) / (high - low)) * pixels - (note.yshift ?? 0) + ({ top: 0.5, bottom: -0.5 }[note.yanchor] ?? 0) * tall;
      return { note, at: y, y, height: tall };
    }).toSorted((one, other) => one.y - other.y);
    const size = sizeOf(column[0], layout);
    const bottom = pixels + belowAxis(column, layout);
    const needed = total(labels.map((label) => label.height));
    // What has several lines is seen to belong together where it stands nearer than the next.
    const several = labels.length > 1 && labels.some(({ note }) => lines(note.text).length > 1);
    const gap = several ? Math.min(Math.max(0, (bottom - needed) / (labels.length - 1)), PARTED * size) : -TOUCHING * size;
    const near = labels.slice(1).some((label, i) => label.y - labels[i].y < (label.height + labels[i].height) / 2 + gap);
    const sunk = several && labels.at(-1).y + labels.at(-1).height / 2 > bottom;
    if (!near && !sunk) continue;
    for (const label of labels) label.height += Math.max(gap, 0);
    spread(labels, Math.max(-t, Math.min(0, bottom - needed)), bottom + Math.max(gap, 0) / 2);
    for (const { note, at, y } of labels) moved.set(note, { ...note, yshift: (note.yshift ?? 0) + at - y });
  }
  return moved.size === 0 ? { data, layout } : { data, layout: { ...layout, annotations: annotations.map((note) => moved.get(note) ?? note) } };
}
