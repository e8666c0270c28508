// A page's panels arranged for a width, and drawn on any surface: first what stays, then the frame.
import { cubeText, drawCubeFrame, drawCubeStatic, elementAt, prepareCube } from "./cube.js";
import { typeScale } from "./fit.js";
import { drawHeatFrame, drawHeatStatic, frameAt, prepareHeat } from "./heat.js";
import { drawHistogramFrame, drawHistogramStatic, prepareHistogram } from "./histogram.js";
import { drawMapFrame, drawMapStatic, mapFoot, prepareMap } from "./map.js";
import { fitsBesideTitle, footHeight, headOf } from "./panel.js";

export const NARROW = 520;
const KINDS = {
  histogram: { prepare: prepareHistogram, still: drawHistogramStatic, frame: drawHistogramFrame, foot: footHeight },
  heat: { prepare: prepareHeat, still: drawHeatStatic, frame: drawHeatFrame, foot: footHeight },
  cube: { prepare: prepareCube, still: drawCubeStatic, frame: drawCubeFrame, foot: (_, { axis }) => axis * 1.6, small: true },
  map: { prepare: prepareMap, still: drawMapStatic, frame: drawMapFrame, foot: mapFoot, small: true },
};
const ROW_GAP = 18;
const LEAST_PANEL = 165;
const LEAST_SMALL = 150;
const LEAST_LINE = 100; // of a row: head, axis and a little picture
const LEAST_LINE_OF_SEVERAL = 190; // of what a row is broken into
const [LEAST_GROWTH, MOST_GROWTH] = [0.75, 1.4]; // of lines on a phone
const gapFor = (width) => (width < 1000 ? 22 : 32);

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const chunks = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** The rows that can be read in `height` pixels: where it is low, the last ones give way to the first. */
function rowsWithin(rows, height) {
  const weights = rows.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const free = height - ROW_GAP * (rows.length - 1);
  const readable = rows.every(({ weight = 1 }) => (free * weight) / weights >= LEAST_LINE);
  return readable || rows.length === 1 ? rows : rowsWithin(rows.slice(0, -1), height);
}

/**
 * Lines of panels with their heights: the rows as given where they fit, several lines otherwise, one panel per line on a phone, or two
 * small ones. `fitted`: the height that there is, where it is not free; `fold`: where it is free, the height that is in sight.
 * @param {{fitted?: number, fold?: number}} room
 */
function linesFor(header, width, scale, room) {
  const { fitted, fold } = room;
  if (fitted === undefined) return fold === undefined ? brokenRows(header, width, scale) : foldedAt(brokenRows(header, width, scale), fold);
  if (width < NARROW * scale) return stripFor(header.rows[0].panels, fitted);
  return endingAt(brokenRows(header, width, scale, fitted), fitted, LEAST_PANEL * scale);
}

/** The lines, the first `count` of them so high that they end at `end`. */
function stretched(lines, count, end) {
  const growth = growthOf(lines, count, end);
  for (const one of lines.slice(0, count)) one.lineHeight *= growth;
  return lines;
}

/** By what the first `count` lines are to be multiplied so that they end at `end`. */
function growthOf(lines, count, end) {
  const free = ROW_GAP * (count - 1);
  return (end - free) / (totalHeight(lines.slice(0, count)) - free);
}

/** The lines, all of them or else the first so high that they end where `fitted` does: none is seen in part. `least`: px of a line. */
function endingAt(lines, fitted, least) {
  const all = growthOf(lines, lines.length, fitted);
  if (all >= 1 || lines.every(({ lineHeight }) => lineHeight * all >= least)) return all < 1 ? stretched(lines, lines.length, fitted) : lines;
  const count = lines.findLastIndex((_, i) => totalHeight(lines.slice(0, i + 1)) <= fitted + 1) + 1;
  return stretched(lines, Math.max(count, 1), fitted);
}

/** The lines, so many of them as high as what is in sight that no other is seen in part; as they are where they would be too flat or too high. */
function foldedAt(lines, fold) {
  const growths = lines.map((_, i) => growthOf(lines, i + 1, fold));
  const best = growths.reduce((one, growth, i) => (Math.abs(Math.log(growth)) < Math.abs(Math.log(growths[one])) ? i : one), 0);
  return growths[best] >= LEAST_GROWTH && growths[best] <= MOST_GROWTH ? stretched(lines, best + 1, fold) : lines;
}

function brokenRows(header, width, scale, fitted) {
  const height = fitted ?? header.height * scale;
  const rows = fitted === undefined ? header.rows : rowsWithin(header.rows, height);
  const weights = rows.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const free = height - ROW_GAP * (rows.length - 1);
  const narrow = width < NARROW * scale;
  return rows.flatMap(({ weight = 1, panels }, index) => {
    const rowHeight = (free * weight) / weights;
    const small = panels.every(({ kind }) => KINDS[kind].small);
    const least = (small ? LEAST_SMALL : LEAST_PANEL) * scale;
    const most = narrow ? 1 : clamp(Math.floor((width + gapFor(width)) / (least + gapFor(width))), 1, panels.length);
    const columns = Math.ceil(panels.length / Math.ceil(panels.length / most)); // four panels: two and two, not three and one
    if (narrow && small) return chunks(panels, 2).map((line) => ({ line, columns: 2, lineHeight: clamp(rowHeight, 150, 230) }));
    if (!narrow) {
      const lineHeight = columns === panels.length ? rowHeight : Math.max(rowHeight * 0.8, LEAST_LINE_OF_SEVERAL);
      return chunks(panels, columns).map((line) => ({ line, columns, lineHeight }));
    }
    return panels.map((panel, i) => {
      const hero = index === 0 && i === 0;
      const wanted = panels.length > 1 ? rowHeight * 0.6 : rowHeight * 0.75;
      return { line: [panel], columns, lineHeight: clamp(wanted, 180, 260) * (hero ? 1.15 : 1) };
    });
  });
}

/** The first row alone, two panels to a line, for a picture that floats at the top of a phone. */
function stripFor(panels, height) {
  const columns = Math.min(panels.length, 2);
  const lines = chunks(panels, columns);
  const lineHeight = (height - ROW_GAP * (lines.length - 1)) / lines.length;
  return lines.map((line) => ({ line, columns, lineHeight }));
}

const totalHeight = (lines) => Math.ceil(lines.reduce((sum, { lineHeight }) => sum + lineHeight + ROW_GAP, -ROW_GAP));

/**
 * Height in pixels for a width and the `room` that `linesFor` takes; depends on nothing that loads later.
 * @param {{fitted?: number, fold?: number}} room
 */
export const heightFor = (header, width, room = {}) => totalHeight(linesFor(header, width, typeScale(), room));

/**
 * Everything needed to draw `header` (references resolved) at a width, in the `room` that `linesFor` takes.
 * @param {{fitted?: number, fold?: number}} room
 */
export function buildScene(header, theme, width, room = {}) {
  const scale = typeScale();
  const narrow = width < NARROW * scale;
  const style = { theme, font: theme.font, axis: scale * (narrow ? 12.5 : width < 1000 ? 13 : 14), title: scale * (narrow ? 15 : 16) };
  const lines = linesFor(header, width, scale, room);
  const gap = gapFor(width);
  const prepared = [];
  let y = 0;
  for (const { line, columns, lineHeight } of lines) {
    const panelWidth = (width - gap * (columns - 1)) / columns;
    const inline = line.every((panel) => fitsBesideTitle(panel, panelWidth, style));
    const heads = line.map((panel) => headOf(panel, panelWidth, style, inline));
    const headHeight = Math.max(...heads.map((head) => head.height));
    const foot = Math.max(...line.map((panel) => KINDS[panel.kind].foot(panel, style)));
    line.forEach((panel, i) => {
      const cell = { x: i * (panelWidth + gap), y, width: panelWidth, height: lineHeight };
      prepared.push(KINDS[panel.kind].prepare(panel, cell, heads[i], headHeight, foot, style, header.frames));
    });
    y += lineHeight + ROW_GAP;
  }
  return { width, height: totalHeight(lines), panels: prepared, style };
}

export function drawStatic(surface, { width, height, panels, style }) {
  surface.rect(0, 0, width, height, { fill: style.theme.background });
  for (const panel of panels) KINDS[panel.panel.kind].still(surface, panel, style);
}

/** `view`: how cubes are turned. */
export function drawFrame(surface, { panels, style }, position, view) {
  for (const panel of panels) KINDS[panel.panel.kind].frame(surface, panel, style, position, view);
}

const within = ({ x, y, width, height }, px, py) => px >= x && px <= x + width && py >= y && py <= y + height;

/** The cube panel under a point, or undefined. */
export const cubeAt = ({ panels }, x, y) => panels.find(({ panel, cell }) => panel.kind === "cube" && within(cell, x, y));

/** The picked element in words, empty without cubes. */
export function placeText({ panels }, step) {
  const cube = panels.find(({ panel }) => panel.kind === "cube");
  return cube ? cubeText(cube, step) : "";
}

/** The heat panel under a point, or undefined. */
export const heatAt = ({ panels }, x, y) =>
  panels.find(({ panel, plot }) => panel.kind === "heat" && x >= plot.x && x <= plot.x + plot.width && y >= plot.y - 8 && y <= plot.y + plot.height);

export { elementAt, frameAt };
