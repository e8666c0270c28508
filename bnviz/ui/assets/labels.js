// Where a label can stand next to its line without touching anything.

const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const LEAST_SHARE = 0.08;
const FARTHEST = 44;

/**
 * Box above a histogram outline: over everything that any frame draws there (`ceiling`, pixels per bin), as close as can be to
 * the outline itself (`outline`, pixels per bin). Null when no place is near enough.
 */
export function placeAboveBins({ edges, outline, ceiling, bounds, size, taken }) {
  let best = null;
  const lowest = bounds.bottom - (bounds.bottom - bounds.top) * LEAST_SHARE;
  for (let k = 0; k < outline.length; k += 1) {
    if (outline[k] > lowest) continue;
    for (const left of [edges[k] + 2, edges[k + 1] - 2 - size.width]) {
      const right = left + size.width;
      if (left < bounds.left || right > bounds.right) continue;
      let bottom = bounds.bottom;
      for (let j = 0; j < outline.length; j += 1) {
        if (edges[j + 1] > left - 3 && edges[j] < right + 3) bottom = Math.min(bottom, ceiling[j] - 4);
      }
      const box = { left, right, bottom, top: bottom - size.height };
      const distance = outline[k] - bottom;
      if (box.top < bounds.top || distance > FARTHEST || taken.some((other) => overlaps(box, other))) continue;
      if (!best || distance < best.distance) best = { ...box, distance };
    }
  }
  return best;
}

/** Box beside a curve (flat points), from its right end leftwards, above or below, crossing no curve; null when there is none. */
export function placeAlongCurve({ points, curves, bounds, size, taken }) {
  const crossed = (box) => curves.some((curve) => {
    for (let i = 0; i + 3 < curve.length; i += 2) {
      const segment = {
        left: Math.min(curve[i], curve[i + 2]), right: Math.max(curve[i], curve[i + 2]) + 0.01,
        top: Math.min(curve[i + 1], curve[i + 3]) - 2, bottom: Math.max(curve[i + 1], curve[i + 3]) + 2,
      };
      if (overlaps(box, segment)) return true;
    }
    return false;
  });
  for (let i = points.length - 2; i >= 0; i -= 2) {
    const right = Math.min(points[i], bounds.right);
    for (const top of [points[i + 1] - 5 - size.height, points[i + 1] + 5]) {
      const box = { left: right - size.width, right, top, bottom: top + size.height };
      const inside = box.left >= bounds.left && top >= bounds.top && box.bottom <= bounds.bottom;
      if (inside && !crossed(box) && !taken.some((other) => overlaps(box, other))) return box;
    }
  }
  return null;
}

/** Move labels `{y, height}` at one side apart, within [top, bottom], changing their order nowhere. */
export function spread(labels, top, bottom) {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  let edge = top;
  for (const label of sorted) {
    label.y = Math.max(label.y, edge + label.height / 2);
    edge = label.y + label.height / 2;
  }
  edge = bottom;
  for (const label of sorted.toReversed()) {
    label.y = Math.min(label.y, edge - label.height / 2);
    edge = label.y - label.height / 2;
  }
  return sorted;
}
