// A heat panel: a run's distributions side by side as columns, value upwards, time to the right.
import { mix, rgb } from "./common.js";
import { spread } from "./labels.js";
import { dashOf, drawAxisX, drawAxisY, drawHead, drawReadouts, widestTick } from "./panel.js";
import { measure } from "./surface.js";
import { ticks, ticksAcross, wrap } from "./text.js";

const SHADES = 64;

/** One pixel column per frame, one pixel row per screen row: colour strength is the share of the column's highest bin. */
function render({ values: { array }, role }, edges, [low, high], rows, theme) {
  const bins = edges.length - 1;
  const frames = array.length / bins;
  const shades = Array.from({ length: SHADES + 1 }, (_, i) => rgb(mix(theme.background, theme.color(role), i / SHADES)));
  const binOf = Array.from({ length: rows }, (_, i) => {
    const value = high - ((i + 0.5) / rows) * (high - low);
    let k = 0;
    while (k < bins && edges[k + 1] <= value) k += 1;
    return value < edges[0] || k === bins ? -1 : k;
  });
  const canvas = Object.assign(document.createElement("canvas"), { width: frames, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(frames, rows);
  for (let t = 0; t < frames; t += 1) {
    const column = array.subarray(t * bins, (t + 1) * bins);
    const highest = column.reduce((a, b) => Math.max(a, b), 0) || 1;
    for (let i = 0; i < rows; i += 1) {
      const strength = binOf[i] < 0 ? 0 : column[binOf[i]] / highest || 0;
      const shade = shades[Math.round(strength * SHADES)];
      image.data.set([...shade, 255], (i * frames + t) * 4);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

export function prepareHeat(panel, cell, head, headHeight, foot, style, frames) {
  const height = cell.height - headHeight - foot;
  const [low, high] = panel.y.range;
  const yTicks = ticks(low, high, Math.max(2, Math.floor(height / (2.2 * style.axis))));
  const left = widestTick(yTicks, style) + 11;
  const bands = panel.bands ?? [];
  const labels = bands.map(({ label }) => wrap(label, Math.max(80, cell.width * 0.26), style.font, style.axis, 600));
  const widths = labels.flat().map((line) => measure(line, style.font, style.axis, 600));
  const right = Math.max(0, ...widths) + 10;
  const plot = { x: cell.x + left, y: cell.y + headHeight, width: cell.width - left - right, height };
  const xAt = (number) => plot.x + ((number - 0.5) / frames) * plot.width;
  const yAt = (value) => plot.y + ((high - value) / (high - low)) * height;
  const later = ticksAcross(1, frames, plot.width, style.font, style.axis, 1);
  const clear = later.filter(({ value }) => xAt(value) - xAt(1) > style.axis * 2.5);
  const xTicks = [{ value: 1, text: "1" }, ...clear];
  const image = render(panel.layers[0], panel.edges.array, panel.y.range, Math.max(1, Math.round(height * 2)), style.theme);
  const laid = bands.map((band, i) => layBand(band, labels[i], xAt, yAt, plot, style));
  spread(laid, plot.y - style.axis / 2, plot.y + height + style.axis / 2);
  return { panel, cell, head, plot, xAt, yAt, xTicks, yTicks, bands: laid, image, frames };
}

function layBand({ role, values: { array }, style: stroke }, lines, xAt, yAt, plot, style) {
  const points = [];
  for (let t = 0; t < array.length; t += 1) if (Number.isFinite(array[t])) points.push(xAt(t + 1), yAt(array[t]));
  const end = Math.min(Math.max(points.at(-1) ?? plot.y, plot.y), plot.y + plot.height);
  return { role, style: stroke, lines, points, y: end, height: lines.length * style.axis * 1.2 };
}

export function drawHeatStatic(surface, prepared, style) {
  const { plot, image, bands } = prepared;
  const { theme, axis } = style;
  drawHead(surface, prepared, style);
  surface.image(image, plot.x, plot.y, plot.width, plot.height);
  surface.clip(plot.x, plot.y, plot.width, plot.height, () => {
    for (const band of bands) {
      if (band.points.length < 4) continue;
      surface.line(band.points, { stroke: theme.background, width: 4, alpha: 0.6 });
      surface.line(band.points, { stroke: theme.color(band.role), width: 2, dash: dashOf(band) });
    }
  });
  surface.line([plot.x, plot.y, plot.x, plot.y + plot.height], { stroke: theme.axis });
  drawAxisX(surface, prepared, style);
  drawAxisY(surface, prepared, style, false);
  for (const { lines, role, y, height } of bands) {
    lines.forEach((line, i) => {
      const baseline = y - height / 2 + (i + 0.85) * axis * 1.2;
      surface.text(line, plot.x + plot.width + 6, baseline, { fill: theme.ink(role), size: axis, weight: 600 });
    });
  }
}

export function drawHeatFrame(surface, prepared, style, position) {
  const { plot, xAt } = prepared;
  const { theme } = style;
  const x = xAt(position + 1);
  surface.line([x, plot.y, x, plot.y + plot.height], { stroke: theme.background, width: 5, alpha: 0.8 });
  surface.line([x, plot.y, x, plot.y + plot.height], { stroke: theme.text, width: 2 });
  surface.area([x - 5, plot.y - 6, x + 5, plot.y - 6, x, plot.y + 1], { fill: theme.text });
  drawReadouts(surface, prepared, style, position);
}

/** Frame under a horizontal position. */
export const frameAt = ({ plot, frames }, x) => Math.min(Math.max(0, Math.floor(((x - plot.x) / plot.width) * frames)), frames - 1);
