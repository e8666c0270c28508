// A histogram panel: filled steps on fixed axes, vertical markers, shaded zones, curves on a scale of their own.
import { rowAt, seriesAt } from "./decode.js";
import { placeAboveBins, placeAlongCurve } from "./labels.js";
import { dashOf, drawAxisX, drawAxisY, drawHead, drawReadouts, widestTick } from "./panel.js";
import { measure } from "./surface.js";
import { powerTicks, ticks, ticksAcross } from "./text.js";

const FILL_ALPHA = 0.32;
const FAINT = 0.4; // of what a pinned run shows
const RISE = 1.3;
const STILL = 0.1;
const LABEL_GAP = 8;
const STILL_INSIDE = 8; // px that a panel has at the left of its plot

/** Lay out everything that stays where it is while frames go by. */
export function prepareHistogram(panel, cell, head, headHeight, foot, style) {
  const rowHeight = style.axis * RISE + 2;
  const curves = panel.curves ?? [];
  const zones = panel.zones ?? [];
  const markers = panel.markers ?? [];
  const height = cell.height - headHeight - foot;
  const yTicks = panel.y.label ? ticks(...panel.y.range, Math.max(2, Math.floor(height / (3.7 * style.axis)))) : [];
  const rightTicks = curves.length ? ticks(...curves[0].range, 4) : [];
  const left = panel.y.label ? widestTick(yTicks, style) + 9 : 8;
  const right = curves.length ? widestTick(rightTicks, style) + 10 : 10;
  const plot = { x: cell.x + left, y: cell.y + headHeight, width: cell.width - left - right, height };
  const [low, high] = panel.x.range;
  const xAt = (value) => plot.x + ((value - low) / (high - low)) * plot.width;
  const edges = Float32Array.from(panel.edges.array, xAt);
  const bins = edges.length - 1;
  const prepared = { panel, cell, head, plot, xAt, edges, bins, yTicks, rightTicks, rowHeight, row: new Float64Array(bins) };
  prepared.behind = panel.layers.filter(({ faint }) => faint).map((layer) => {
    const own = Float32Array.from((layer.edges ?? panel.edges).array, xAt);
    return { layer, edges: own, bins: own.length - 1, row: new Float64Array(own.length - 1) };
  });
  prepared.xTicks = (panel.x.power ? powerTicks : ticksAcross)(low, high, plot.width, style.font, style.axis);
  prepared.markerRow = zones.length ? 1 : 0;
  prepared.leftward = leftward(markers);
  const rows = prepared.markerRow + markers.length;
  raise(prepared, rows);
  prepared.labels = [];
  const homeless = labelLines(prepared, style);
  if (homeless.length) {
    raise(prepared, rows + 1);
    prepared.labels = [];
    labelLines(prepared, style);
    placeKey(prepared, homeless, plot.y + prepared.markerRow * rowHeight + style.axis, style);
    prepared.markerRow += 1; // no marker's line runs through the samples
  }
  return prepared;
}

const average = ({ values: { array } }) =>
  array.reduce((sum, value) => sum + (Number.isFinite(value) ? value : 0), 0) / array.length;

/** Markers whose labels stand on the left: the lower half by their average over the run, so that labels keep their side. */
function leftward(markers) {
  return new Set(markers.toSorted((a, b) => average(a) - average(b)).slice(0, Math.floor(markers.length / 2)));
}

/** Columns that a nearly still marker keeps to itself. */
function markerColumns({ panel, plot, xAt }) {
  return (panel.markers ?? []).flatMap(({ values: { array } }) => {
    const range = [Math.min(...array), Math.max(...array)].map(xAt);
    const still = range[1] - range[0] < plot.width * STILL;
    return still ? [{ left: range[0] - 5, right: range[1] + 5, top: -Infinity, bottom: Infinity }] : [];
  });
}

/** Keep `rows` lines of text free above the bars. */
function raise(prepared, rows) {
  const { plot, panel, rowHeight } = prepared;
  const bottom = plot.y + plot.height;
  const room = plot.height - Math.min(rows * rowHeight, plot.height * 0.6);
  const onScale = ([low, high]) => (value) => bottom - ((value - low) / (high - low)) * room;
  prepared.yAt = onScale(panel.y.range);
  prepared.ceiling = bottom - room;
  prepared.curves = (panel.curves ?? []).map((curve) => {
    const at = onScale(curve.range);
    const points = Array.from(curve.x.array).flatMap((x, i) => [prepared.xAt(x), at(curve.y.array[i])]);
    return { curve, at, points };
  });
}

/** Labels at their lines; returns the layers and curves for which there was no room. */
function labelLines(prepared, style) {
  const { panel, plot, yAt, edges, bins } = prepared;
  const bounds = { left: plot.x + 2, right: plot.x + plot.width - 2, top: prepared.ceiling - 2, bottom: plot.y + plot.height };
  const boxOf = (label) => ({ width: measure(label, style.font, style.axis, 600), height: style.axis * 1.15 });
  const peaks = new Float32Array(bins);
  const layers = panel.layers.filter(({ faint }) => !faint);
  const means = layers.map(({ values: { array } }) => {
    const mean = new Float64Array(bins);
    for (let i = 0; i < array.length; i += 1) {
      mean[i % bins] += array[i] / (array.length / bins);
      peaks[i % bins] = Math.max(peaks[i % bins], array[i]);
    }
    return mean;
  });
  const ceiling = peaks.map(yAt);
  const taken = markerColumns(prepared);
  const keep = (line, box) => {
    if (!box) return false;
    taken.push({ ...box, left: box.left - LABEL_GAP, right: box.right + LABEL_GAP });
    prepared.labels.push({ text: line.label, role: line.role, x: box.left, y: box.bottom - style.axis * 0.2 });
    return true;
  };
  const homeless = [];
  layers.forEach((layer, i) => {
    if (!layer.label) return;
    const outline = means[i].map(yAt);
    if (!keep(layer, placeAboveBins({ edges, outline, ceiling, bounds, size: boxOf(layer.label), taken }))) homeless.push(layer);
  });
  const drawn = prepared.curves.map(({ points }) => points);
  for (const { curve, points } of prepared.curves) {
    if (!curve.label) continue;
    if (!keep(curve, placeAlongCurve({ points, curves: drawn, bounds, size: boxOf(curve.label), taken }))) homeless.push(curve);
  }
  return homeless;
}

/** A line of samples above the bars for what found no place of its own. */
function placeKey(prepared, lines, y, style) {
  let { x } = prepared.plot;
  for (const line of lines) {
    prepared.labels = prepared.labels.filter(({ text }) => text !== line.label);
    prepared.labels.push({ text: line.label, role: line.role, x: x + 24, y, sample: line });
    x += 24 + measure(line.label, style.font, style.axis, 600) + 14;
  }
}

export function drawHistogramStatic(surface, prepared, style) {
  const { panel, plot, xAt, rightTicks, curves } = prepared;
  const { theme, axis } = style;
  drawHead(surface, prepared, style);
  let free = plot.x;
  for (const { from, to, label } of panel.zones ?? []) {
    const [left, right] = [Math.max(xAt(from), plot.x), Math.min(xAt(to), plot.x + plot.width)];
    if (right <= left) continue;
    surface.rect(left, plot.y, right - left, plot.height, { fill: theme.shade });
    const width = measure(label ?? "", style.font, axis);
    const x = Math.min(Math.max((left + right - width) / 2, plot.x + 3), plot.x + plot.width - width - 3);
    if (!label || x < free) continue;
    surface.text(label, x, plot.y + axis + 1, { fill: theme.muted, size: axis });
    free = x + width + 8;
  }
  drawAxisY(surface, prepared, style, true);
  drawAxisX(surface, prepared, style);
  for (const { value, text } of rightTicks) {
    const y = curves[0].at(value);
    const right = plot.x + plot.width;
    surface.line([right, y, right + 4, y], { stroke: theme.axis });
    surface.text(text, right + 7, y + axis * 0.35, { fill: theme.ink(curves[0].curve.role), size: axis });
  }
}

function stepsOf({ edges, bins, yAt }, heights, floor) {
  const points = new Float32Array(bins * 4 + 4);
  points.set([edges[0], floor]);
  for (let k = 0; k < bins; k += 1) {
    const y = yAt(heights[k]);
    points.set([edges[k], y, edges[k + 1], y], k * 4 + 2);
  }
  points.set([edges[bins], floor], bins * 4 + 2);
  return points;
}

export function drawHistogramFrame(surface, prepared, style, position) {
  const { panel, plot, row, labels, curves } = prepared;
  const { theme, axis } = style;
  const floor = plot.y + plot.height;
  surface.clip(plot.x - 1, plot.y - 1, plot.width + 2, plot.height + 1, () => {
    for (const { layer, edges, bins, row: own } of prepared.behind) {
      const points = stepsOf({ edges, bins, yAt: prepared.yAt }, rowAt(layer.values, position, own), floor);
      const color = theme.color(layer.role);
      if (layer.style === "fill") surface.area(points, { fill: color, alpha: FILL_ALPHA * FAINT });
      surface.line(points, { stroke: color, width: 1.5, dash: dashOf(layer), alpha: FAINT });
    }
    for (const layer of panel.layers.filter(({ faint }) => !faint)) {
      const points = stepsOf(prepared, rowAt(layer.values, position, row), floor);
      const color = theme.color(layer.role);
      if (layer.style === "fill") surface.area(points, { fill: color, alpha: FILL_ALPHA });
      surface.line(points, { stroke: color, width: layer.style === "fill" ? 1.5 : 2, dash: dashOf(layer) });
    }
    for (const { curve, points } of curves) surface.line(points, { stroke: theme.color(curve.role), width: 2.5, dash: dashOf(curve) });
  });
  (panel.markers ?? []).forEach((marker, i) => drawMarker(surface, prepared, style, marker, i, position));
  for (const { text, role, x, y, sample } of labels) {
    if (sample) surface.line([x - 22, y - axis * 0.35, x - 5, y - axis * 0.35], { stroke: theme.color(role), width: 2.5, dash: dashOf(sample) });
    surface.text(text, x, y, { fill: theme.ink(role), size: axis, weight: 600, halo: theme.background });
  }
  drawReadouts(surface, prepared, style, position);
}

/** A vertical line with its label in a row of its own; an arrow at the edge when the value lies outside. */
function drawMarker(surface, { plot, xAt, rowHeight, markerRow, leftward: onLeft }, { theme, axis, font }, marker, index, position) {
  const value = seriesAt(marker.values, position);
  if (!Number.isFinite(value)) return;
  const x = xAt(value);
  const [left, right] = [plot.x, plot.x + plot.width];
  const top = plot.y + (markerRow + index) * rowHeight;
  const text = { fill: theme.ink(marker.role), size: axis, weight: 600, halo: theme.background };
  const baseline = top + axis;
  if (x < left) surface.text(`← ${marker.label ?? ""}`, left + 2, baseline, text);
  else if (x > right) surface.text(`${marker.label ?? ""} →`, right - 2, baseline, { ...text, align: "right" });
  else {
    surface.line([x, top + 2, x, plot.y + plot.height], { stroke: theme.color(marker.role), width: 2, dash: dashOf(marker) });
    const width = measure(marker.label ?? "", font, axis, 600) + 6;
    const onRight = onLeft.has(marker) ? x - width < left : x + width <= right;
    const start = onRight ? x + 6 : x - width;
    // Where neither side has room, the words stand across their line rather than outside of the picture.
    surface.text(marker.label ?? "", Math.max(left - STILL_INSIDE, Math.min(start, right - width + 6)), baseline, text);
  }
}
