// A map panel: one grey image per frame, every pixel a number; all maps of a picture share one scale.
import { formatNumber } from "./common.js";
import { drawHead, drawReadouts } from "./panel.js";

const BAR = 8;
const WIDEST_BAR = 220;

export function prepareMap(panel, cell, head, headHeight, foot) {
  const [frames, rows, columns] = panel.values.shape;
  const room = cell.height - headHeight - foot;
  const scale = Math.min(cell.width / columns, room / rows);
  const plot = { x: cell.x, y: cell.y + headHeight, width: columns * scale, height: rows * scale };
  return { panel, cell, head, plot, frames, rows, columns, images: new Map() };
}

export const mapFoot = (panel, { axis }) => (panel.bar ? BAR + axis * 1.5 + 8 : 0);

/** The frame's pixels as a canvas, made when it is first shown. */
function imageOf({ panel, images, rows, columns }, frame) {
  if (!images.has(frame)) {
    const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const size = rows * columns;
    for (let i = 0; i < size; i += 1) image.data.fill(panel.values.array[frame * size + i], i * 4, i * 4 + 3);
    for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
    context.putImageData(image, 0, 0);
    images.set(frame, canvas);
  }
  return images.get(frame);
}

export function drawMapStatic(surface, prepared, style) {
  drawHead(surface, prepared, style);
  if (prepared.panel.bar) drawBar(surface, prepared, style);
}

/** What black, grey and white mean. */
function drawBar(surface, { panel, cell, plot }, { theme, axis }) {
  const width = Math.min(WIDEST_BAR, cell.width);
  const y = plot.y + plot.height + 8;
  for (let x = 0; x < width; x += 1) {
    const level = Math.round((x / (width - 1)) * 255);
    surface.rect(cell.x + x, y, 1.5, BAR, { fill: `rgb(${level},${level},${level})` });
  }
  surface.line([cell.x, y, cell.x + width, y, cell.x + width, y + BAR, cell.x, y + BAR, cell.x, y], { stroke: theme.axis });
  const [low, high] = panel.range;
  [["left", low], ["center", (low + high) / 2], ["right", high]].forEach(([align, value], i) =>
    surface.text(formatNumber(value), cell.x + (width * i) / 2, y + BAR + axis * 1.15, { fill: theme.muted, size: axis, align }));
}

export function drawMapFrame(surface, prepared, style, position) {
  const { plot, frames } = prepared;
  surface.image(imageOf(prepared, Math.min(Math.floor(position), frames - 1)), plot.x, plot.y, plot.width, plot.height);
  drawReadouts(surface, prepared, style, position);
}
