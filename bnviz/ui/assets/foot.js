// What stands under a downloaded picture: what it is about, its settings, its link.
import { shared } from "./common.js";
import { wrap } from "./text.js";

const SIZE = 13;
const LEADING = 1.35;
const GAP = 10;

/** The foot of a picture `width` pixels wide: `{height, draw(surface, y)}`, with y where the foot begins. */
export function footOf(width, { font, muted, text, background }) {
  const [headline, ...rest] = shared().foot?.() ?? [];
  const lines = headline ? [...wrap(headline, width - 16, font, SIZE, 600).map((line) => [line, 600]), ...rest.flatMap((part) => broken(part, width - 16, font)).map((line) => [line, 400])] : [];
  const height = lines.length > 0 ? Math.ceil(lines.length * SIZE * LEADING + 2 * GAP) : 0;
  const draw = (surface, y) => {
    if (height === 0) return;
    surface.rect(0, y, width, height, { fill: background });
    lines.forEach(([line, weight], index) => {
      surface.text(line, 8, y + GAP + SIZE * (1 + index * LEADING), { fill: weight === 600 ? text : muted, size: SIZE, weight });
    });
  };
  return { height, draw, lines: lines.map(([line]) => line) };
}

/** Lines of `part`; a link, which has no spaces, is broken after its `&`. */
function broken(part, width, font) {
  return wrap(part.replaceAll("&", "& "), width, font, SIZE).map((line) => line.replaceAll("& ", "&"));
}
