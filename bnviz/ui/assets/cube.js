// A cube panel: a tensor (N, C, H, W) as a glass box of elements, H and W along one edge as in Wu & He 2018. What shares the
// picked element's statistic is lit. Seen in parallel projection, so that a turn is three vectors and nothing is sorted.
import { mix } from "./common.js";
import { drawHead, drawReadouts } from "./panel.js";
import { measure } from "./surface.js";

const GAP = 0.1; // of an element, on every side
const LEAST_STEP = 3.5; // grid lines closer than this are left out
const PITCH = [0.1, 1.4];

/** How all cubes of a page are seen: `yaw` around the vertical, `pitch` from above, in radians. */
export const firstView = () => ({ yaw: -0.6, pitch: 0.45 });

export function turn(view, yaw, pitch) {
  view.yaw += yaw;
  view.pitch = Math.min(Math.max(view.pitch + pitch, PITCH[0]), PITCH[1]);
}

export function prepareCube(panel, cell, head, headHeight, foot, style) {
  const [N, C, H, W] = panel.shape;
  const counts = [C, H * W, N]; // to the right, downwards, to the back
  const strides = [H * W, 1, C * H * W];
  const { array } = panel.membership;
  const borders = counts.map((count, axis) =>
    Array.from({ length: count - 1 }, (_, i) => i + 1).filter((i) => array[i * strides[axis]] !== array[(i - 1) * strides[axis]]));
  const side = measure("w=8", style.font, style.axis, 600) + 10;
  const plot = {
    x: cell.x + side, y: cell.y + headHeight, width: cell.width - side - 4, height: cell.height - headHeight - foot,
  };
  return { panel, cell, head, plot, counts, strides, borders, array, lengths: counts.map((count) => count ** 0.7) };
}

/** Where the corners of elements are: `at(i, j, k)`, and for each axis whether its far end (1) or its start (0) is nearer. */
function project({ plot, counts, lengths }, { yaw, pitch }) {
  const [cos, sin, low, up] = [Math.cos(yaw), Math.sin(yaw), Math.sin(pitch), Math.cos(pitch)];
  const flat = Math.hypot(lengths[0], lengths[2]);
  const scale = Math.min(plot.width / flat, plot.height / (lengths[1] * up + flat * low));
  const size = counts.map((count, axis) => (scale * lengths[axis]) / count);
  const vectors = [[size[0] * cos, size[0] * sin * low], [0, size[1] * up], [size[2] * sin, -size[2] * cos * low]];
  const start = [0, 1].map((d) => [plot.x + plot.width / 2, plot.y + plot.height / 2][d]
    - counts.reduce((sum, count, axis) => sum + (vectors[axis][d] * count) / 2, 0));
  const at = (place) => [0, 1].map((d) => start[d] + place[0] * vectors[0][d] + place[1] * vectors[1][d] + place[2] * vectors[2][d]);
  return { at, vectors, start, near: [Number(sin > 0), 0, Number(cos < 0)] };
}

const others = (axis) => [0, 1, 2].filter((other) => other !== axis);

/** The quadrangle at `level` of `axis` between the corners `low` and `high`. */
function quad(at, axis, level, low, high) {
  const [a, b] = others(axis);
  return [[low, low], [high, low], [high, high], [low, high]].flatMap(([p, q]) => {
    const place = [0, 0, 0];
    place[axis] = level;
    place[a] = p[a];
    place[b] = q[b];
    return at(place);
  });
}

/** Lines across a side of the whole box, at the coordinates `cuts` of each axis. */
function ruled(surface, { counts }, { at, vectors }, axis, level, cuts, stroke) {
  for (const along of others(axis)) {
    const across = others(axis).find((other) => other !== along);
    if (cuts === null && Math.hypot(...vectors[across]) < LEAST_STEP) continue;
    for (const cut of cuts?.[across] ?? Array.from({ length: counts[across] + 1 }, (_, i) => i)) {
      const ends = [0, counts[along]].flatMap((end) => {
        const place = [0, 0, 0];
        [place[axis], place[across], place[along]] = [level, cut, end];
        return at(place);
      });
      surface.line(ends, stroke);
    }
  }
}

function element(surface, { at, near }, place, shades, gap) {
  const [low, high] = [place.map((i) => i + gap), place.map((i) => i + 1 - gap)];
  for (let axis = 0; axis < 3; axis += 1) {
    surface.area(quad(at, axis, near[axis] ? high[axis] : low[axis], low, high), { fill: shades[axis] });
  }
}

/** Places of the lit elements that can be seen, those behind first. */
function* lit({ array, counts, strides }, { near }, statistic) {
  const towards = near.map((end) => (end ? 1 : -1));
  const at = (place) => place.reduce((sum, i, axis) => sum + i * strides[axis], 0);
  const belongs = (place) => place.every((i, axis) => i >= 0 && i < counts[axis]) && array[at(place)] === statistic;
  const order = counts.map((count, axis) => Array.from({ length: count }, (_, i) => (near[axis] ? i : count - 1 - i)));
  for (const k of order[2]) for (const i of order[0]) for (const j of order[1]) {
    const place = [i, j, k];
    if (!belongs(place)) continue;
    const covered = towards.every((step, axis) => belongs(place.with(axis, place[axis] + step)));
    if (!covered) yield place;
  }
}

/** Place [c, hw, n] of element `index`. */
const placeOf = ({ counts, strides }, index) => counts.map((count, axis) => Math.floor(index / strides[axis]) % count);

/** "n = 0, c = 2, h = 1, w = 3" */
export function cubeText(prepared, index) {
  const [c, hw, n] = placeOf(prepared, index);
  const W = prepared.panel.shape[3];
  return `n = ${n}, c = ${c}, h = ${Math.floor(hw / W)}, w = ${hw % W}`;
}

export function drawCubeStatic(surface, prepared, style) {
  const { panel, cell } = prepared;
  drawHead(surface, prepared, style);
  const width = measure(panel.title, style.font, style.title, 600);
  if (panel.chosen) surface.rect(cell.x, cell.y + style.title * 1.16, width, 2, { fill: style.theme.color(panel.role) });
}

export function drawCubeFrame(surface, prepared, style, position, view) {
  const { theme } = style;
  const { panel, counts, borders, array } = prepared;
  const seen = project(prepared, view);
  const index = Math.min(Math.floor(position), array.length - 1);
  const color = theme.color(panel.role);
  const shades = [mix(color, theme.background, 0.12), mix(color, theme.background, 0.42), mix(color, theme.background, 0.24)];
  const faint = { stroke: theme.axis, width: 0.7, alpha: 0.3 };
  for (let axis = 0; axis < 3; axis += 1) {
    const level = seen.near[axis] ? 0 : counts[axis];
    surface.area(quad(seen.at, axis, level, [0, 0, 0], counts), { fill: theme.shade });
    ruled(surface, prepared, seen, axis, level, null, faint);
  }
  for (const place of lit(prepared, seen, array[index])) element(surface, seen, place, shades, GAP);
  for (let axis = 0; axis < 3; axis += 1) {
    const level = seen.near[axis] ? counts[axis] : 0;
    ruled(surface, prepared, seen, axis, level, null, faint);
    ruled(surface, prepared, seen, axis, level, borders, { stroke: theme.text, width: 1, alpha: 0.55 });
    ruled(surface, prepared, seen, axis, level, counts.map((count) => [0, count]), { stroke: theme.text, width: 1.2, alpha: 0.8 });
  }
  element(surface, seen, placeOf(prepared, index), [theme.text, theme.text, theme.text], 0);
  drawLabels(surface, prepared, seen, style, index);
  drawReadouts(surface, prepared, style, position);
}

/** Indices of the picked element at the edges along which they count. */
function drawLabels(surface, prepared, { at, near }, { theme, axis }, index) {
  const { counts, panel } = prepared;
  const [c, hw, n] = placeOf(prepared, index);
  const ends = counts.map((count, i) => (near[i] ? count : 0));
  const text = (words, [x, y], align) => surface.text(words, x, y, { fill: theme.text, size: axis, weight: 600, align, halo: theme.background });
  /** @type {(place: number[], dx: number) => [number, number]} */
  const below = ([x, y], dx) => [x + dx, y + axis * 1.25];
  const outwards = (place) => Math.sign(at(place)[0] - at(counts.map((count) => count / 2))[0]) * axis * 0.9;
  const alongC = [counts[0] / 2, counts[1], ends[2]];
  const alongN = [ends[0], counts[1], counts[2] / 2];
  text(`c=${c}`, below(at(alongC), outwards(alongC)), "center");
  text(`n=${n}`, below(at(alongN), outwards(alongN)), "center");
  const [leftmost] = [0, counts[0]].flatMap((i) => [0, counts[2]].map((k) => at([i, counts[1] / 2, k]))).toSorted((a, b) => a[0] - b[0]);
  const W = panel.shape[3];
  [`h=${Math.floor(hw / W)}`, `w=${hw % W}`].forEach((words, i) => text(words, [leftmost[0] - 6, leftmost[1] + (i - 0.2) * axis * 1.2], "right"));
}

/** Index of the element on the surface of the box under a point, or undefined. */
export function elementAt(prepared, view, x, y) {
  const { counts, strides } = prepared;
  const { vectors, start, near } = project(prepared, view);
  for (let axis = 0; axis < 3; axis += 1) {
    const [a, b] = others(axis);
    const level = near[axis] ? counts[axis] : 0;
    const [p, q] = [x, y].map((value, d) => value - start[d] - level * vectors[axis][d]);
    const area = vectors[a][0] * vectors[b][1] - vectors[a][1] * vectors[b][0];
    const place = [0, 0, 0];
    place[axis] = Math.max(0, level - 1);
    place[a] = Math.floor((p * vectors[b][1] - q * vectors[b][0]) / area);
    place[b] = Math.floor((q * vectors[a][0] - p * vectors[a][1]) / area);
    if (place.every((i, n) => i >= 0 && i < counts[n])) return place.reduce((sum, i, n) => sum + i * strides[n], 0);
  }
  return undefined;
}
