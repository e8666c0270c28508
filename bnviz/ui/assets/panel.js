// What histogram and heat panels have in common: head (title, subtitle, numbers), margins, axes.
import { formatNumber } from "./common.js";
import { seriesAt } from "./decode.js";
import { measure } from "./surface.js";
import { wrap } from "./text.js";

/** A count is shown as it is, a measurement with its trailing zeros. */
const numberText = ({ array }, value) => formatNumber(value, array instanceof Float32Array);

const READOUT_GAP = 16;
const LEADING = 1.3;
const AXIS_TITLE_GAP = 10; // clear of the axis' topmost number

/** Numbers shown over a panel, each with a slot as wide as its longest value, so that nothing moves while playing. */
function readoutsOf(panel, style) {
  return (panel.readouts ?? []).map(({ label, values, unit = "" }) => {
    const longest = Array.from(values.array, (value) => numberText(values, value)).reduce((a, b) => (b.length > a.length ? b : a), "");
    const lead = measure(`${label} `, style.font, style.axis);
    const slot = measure(longest + (unit && ` ${unit}`), style.font, style.axis, 600);
    return { label, values, unit, lead, width: lead + slot };
  });
}

const spanOf = (readouts) => readouts.reduce((sum, { width }) => sum + width + READOUT_GAP, -READOUT_GAP);

/** Rows of readouts that fit into `width`. */
function rowsOf(readouts, width) {
  const rows = [];
  for (const readout of readouts) {
    if (rows.length && spanOf([...rows.at(-1), readout]) <= width) rows.at(-1).push(readout);
    else rows.push([readout]);
  }
  return rows;
}

export function fitsBesideTitle(panel, width, style) {
  const readouts = readoutsOf(panel, style);
  if (!readouts.length) return true;
  return measure(panel.title, style.font, style.title, 600) + 24 + spanOf(readouts) <= width;
}

/** Everything above a panel's plot, with y from the panel's top; `inline` puts the numbers beside the title. */
export function headOf(panel, width, style, inline) {
  const texts = [];
  const numbers = [];
  let y = 0;
  const put = (text, size, weight, tone) => texts.push({ text, y: y + size, size, weight, tone });
  const readouts = readoutsOf(panel, style);
  const placeRow = (row) => {
    let x = width - spanOf(row);
    for (const readout of row) {
      numbers.push({ ...readout, x, y: y + style.axis });
      x += readout.width + READOUT_GAP;
    }
  };
  for (const line of wrap(panel.title, width, style.font, style.title, 600)) {
    put(line, style.title, 600, "text");
    if (inline && readouts.length && y === 0) {
      y += style.title - style.axis;
      placeRow(readouts);
      y -= style.title - style.axis;
    }
    y += style.title * LEADING;
  }
  const rows = inline ? [] : rowsOf(readouts, width);
  const subtitle = panel.subtitle ?? "";
  const beside = rows.length === 1 && measure(subtitle, style.font, style.axis) + 20 + spanOf(rows[0]) <= width;
  if (beside) {
    placeRow(rows.pop());
    put(subtitle, style.axis, 400, "muted");
    y += style.axis * LEADING;
  } else {
    for (const line of wrap(subtitle, width, style.font, style.axis)) {
      put(line, style.axis, 400, "muted");
      y += style.axis * LEADING;
    }
  }
  for (const row of rows) {
    placeRow(row);
    y += style.axis * LEADING;
  }
  const axisTitle = panel.y?.label ?? "";
  return { texts, numbers, axisTitle, height: y + (axisTitle ? style.axis * LEADING + AXIS_TITLE_GAP : 5) };
}

export const footHeight = (panel, style) => style.axis + 9 + (panel.x.label ? style.axis * LEADING : 0);

export const widestTick = (found, style) => Math.max(0, ...found.map(({ text }) => measure(text, style.font, style.axis)));

export function drawHead(surface, { cell, head, plot }, { theme, axis }) {
  for (const { text, y, size, weight, tone } of head.texts) {
    surface.text(text, cell.x, cell.y + y, { fill: theme[tone], size, weight });
  }
  if (head.axisTitle) surface.text(head.axisTitle, cell.x, plot.y - AXIS_TITLE_GAP - axis * 0.1, { fill: theme.muted, size: axis });
}

export function drawReadouts(surface, { cell, head }, { theme, axis }, position) {
  for (const { label, values, unit, lead, x, y } of head.numbers) {
    const number = numberText(values, seriesAt(values, Math.floor(position))) + (unit && ` ${unit}`);
    surface.text(label, cell.x + x, cell.y + y, { fill: theme.muted, size: axis });
    surface.text(number, cell.x + x + lead, cell.y + y, { fill: theme.text, size: axis, weight: 600 });
  }
}

/** Horizontal axis with ticks `{value, text}`, `at` mapping a value to pixels, and its label centred below. */
export function drawAxisX(surface, { plot, panel, xTicks, xAt }, { theme, font, axis }) {
  const bottom = plot.y + plot.height;
  surface.line([plot.x, bottom, plot.x + plot.width, bottom], { stroke: theme.axis });
  for (const { value, text } of xTicks) {
    const x = xAt(value);
    surface.line([x, bottom, x, bottom + 4], { stroke: theme.axis });
    const middle = Math.max(x, measure(text, font, axis) / 2); // left of the canvas there is nothing
    surface.text(text, middle, bottom + 6 + axis, { fill: theme.muted, size: axis, align: "center" });
  }
  if (panel.x.label) {
    const y = bottom + 6 + axis * (1 + LEADING);
    surface.text(panel.x.label, plot.x + plot.width / 2, y, { fill: theme.muted, size: axis, align: "center" });
  }
}

/** Vertical axis on the left; `grid` draws faint lines across the plot. */
export function drawAxisY(surface, { plot, yTicks, yAt }, { theme, axis }, grid) {
  for (const { value, text } of yTicks) {
    const y = yAt(value);
    if (grid) surface.line([plot.x, y, plot.x + plot.width, y], { stroke: theme.grid });
    else surface.line([plot.x - 4, y, plot.x, y], { stroke: theme.axis });
    surface.text(text, plot.x - 7, y + axis * 0.35, { fill: theme.muted, size: axis, align: "right" });
  }
}

export const DASH = [6, 4];
export const dashOf = (line) => ((line.style ?? (line.role === "theory" ? "dash" : "line")) === "dash" ? DASH : []);
