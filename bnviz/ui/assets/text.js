// Lines of text and ticks of axes that fit where they stand.
import { formatNumber } from "./common.js";
import { measure } from "./surface.js";

const MOST_TICKS = 8; // parts of an axis
const CLOSING = /^[，。；：、！？）》」”’]/u;

/**
 * Pieces between which a line may break: words with the space after them, single Chinese characters, each with what opens before it.
 * A no-break space is part of its word; a unit in brackets is one.
 */
const pieces = (text) => text.match(
  /（[^（）\s]{1,8}）|[（《「“‘]*(?:[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|(?:\u00a0|[^\s（《「“‘\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef])+[^\S\u00a0]*)|[（《「“‘]+|\s+/gu,
) ?? [];

/** `text` of the same length in which a number stays with its sign, its unit and the other end of its interval. */
const glued = (text) => text.replaceAll(/ (?=[%…±])|(?<=[…±]) /g, "\u00a0");

/** Break `text` into lines no wider than `width` pixels (a single long word may exceed it). */
export function wrap(text, width, font, size, weight = 400) {
  const lines = [];
  let line = "";
  let at = 0;
  for (const { length } of pieces(glued(text ?? ""))) {
    const piece = text.slice(at, at + length);
    at += length;
    const longer = line + piece;
    if (line && !CLOSING.test(piece) && measure(longer.trimEnd(), font, size, weight) > width) {
      lines.push(line.trimEnd());
      line = piece;
    } else line = longer;
  }
  if (line.trim()) lines.push(line.trimEnd());
  return lines;
}

/** Round steps (1, 2 or 5 times a power of ten) that divide [low, high] into at most `most` parts. */
export function niceStep(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
}

/** Ticks `{value, text}` at round numbers in [low, high]. */
export function ticks(low, high, most, leastStep = 0) {
  if (!(high > low)) return [{ value: low, text: formatNumber(low) }];
  const step = Math.max(niceStep(low, high, most), leastStep);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const plain = decimals <= 3 && Math.max(Math.abs(low), Math.abs(high)) < 1e5;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    const value = i * step;
    const text = plain ? value.toFixed(decimals).replace(/^-0(\.0*)?$/, "0").replace("-", "−") : formatNumber(value);
    found.push({ value, text });
  }
  return found;
}

/** Ticks for a horizontal axis `pixels` wide: as many as stand apart, but two at least, without which there is no scale. */
export function ticksAcross(low, high, pixels, font, size, leastStep = 0) {
  const apart = (found) => found.length * (Math.max(...found.map(({ text }) => measure(text, font, size))) + size) <= pixels;
  for (let most = MOST_TICKS; most > 1; most -= 1) {
    const found = ticks(low, high, most, leastStep);
    if (found.length > 1 && apart(found)) return found;
  }
  const all = ticks(low, high, MOST_TICKS, leastStep);
  const last = Math.max(1, all.length - 1);
  const strides = all.map((_, i) => i).filter((i) => i > 0 && last % i === 0);
  const thinner = strides.map((stride) => all.filter((_, i) => i % stride === 0));
  return thinner.find(apart) ?? thinner.at(-1) ?? all;
}

/** Ticks for a horizontal axis whose positions are exponents of ten. */
export const powerTicks = (low, high, pixels, font, size) =>
  ticksAcross(low, high, pixels, font, size * 2, 1).map(({ value }) => ({ value, text: formatNumber(10 ** value) }));
