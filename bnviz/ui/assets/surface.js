// Two surfaces with one set of strokes: what is drawn on the screen's canvas can be written as SVG unchanged.
import { scratchContext } from "./common.js";

const fontOf = (family, size, weight) => `${weight} ${size}px ${family}`;

/** Width of a line of text in pixels. */
export function measure(text, family, size, weight = 400) {
  const context = scratchContext();
  context.font = fontOf(family, size, weight);
  return context.measureText(text).width;
}

export class CanvasSurface {
  constructor(context, family) {
    this.context = context;
    this.family = family;
  }

  rect(x, y, width, height, { fill, alpha = 1 }) {
    this.context.globalAlpha = alpha;
    this.context.fillStyle = fill;
    this.context.fillRect(x, y, width, height);
    this.context.globalAlpha = 1;
  }

  /** `points` is flat: x0, y0, x1, y1, … */
  #path(points) {
    this.context.beginPath();
    this.context.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) this.context.lineTo(points[i], points[i + 1]);
  }

  line(points, { stroke, width = 1, dash = [], alpha = 1 }) {
    this.#path(points);
    this.context.globalAlpha = alpha;
    this.context.lineJoin = "round";
    this.context.strokeStyle = stroke;
    this.context.lineWidth = width;
    this.context.setLineDash(dash);
    this.context.stroke();
    this.context.globalAlpha = 1;
  }

  area(points, { fill, alpha = 1 }) {
    this.#path(points);
    this.context.closePath();
    this.context.globalAlpha = alpha;
    this.context.fillStyle = fill;
    this.context.fill();
    this.context.globalAlpha = 1;
  }

  text(text, x, y, { fill, size, weight = 400, align = "left", halo = null }) {
    this.context.font = fontOf(this.family, size, weight);
    this.context.textAlign = align;
    this.context.textBaseline = "alphabetic";
    if (halo) {
      this.context.setLineDash([]);
      this.context.lineJoin = "round";
      this.context.lineWidth = 4;
      this.context.strokeStyle = halo;
      this.context.strokeText(text, x, y);
    }
    this.context.fillStyle = fill;
    this.context.fillText(text, x, y);
  }

  image(canvas, x, y, width, height) {
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(canvas, x, y, width, height);
  }

  clip(x, y, width, height, draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escapeXml = (text) => String(text).replace(/[&<>"]/g, (c) => ENTITIES[c]);
const ANCHORS = { left: "start", center: "middle", right: "end" };
const short = (number) => Number(number.toFixed(2));

export class SvgSurface {
  parts = [];
  clips = 0;

  constructor(width, height, family, title) {
    this.width = width;
    this.height = height;
    this.family = family;
    this.title = title;
  }

  rect(x, y, width, height, { fill, alpha = 1 }) {
    this.parts.push(
      `<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${fill}" fill-opacity="${alpha}"/>`,
    );
  }

  static #points(points) { return Array.from(points, short).join(" "); }

  line(points, { stroke, width = 1, dash = [], alpha = 1 }) {
    this.parts.push(
      `<polyline points="${SvgSurface.#points(points)}" fill="none" stroke="${stroke}" stroke-width="${width}" ` +
        `stroke-linejoin="round" stroke-dasharray="${dash.join(" ") || "none"}" stroke-opacity="${alpha}"/>`,
    );
  }

  area(points, { fill, alpha = 1 }) {
    this.parts.push(`<polygon points="${SvgSurface.#points(points)}" fill="${fill}" fill-opacity="${alpha}"/>`);
  }

  text(text, x, y, { fill, size, weight = 400, align = "left", halo = null }) {
    const outline = halo ? ` paint-order="stroke" stroke="${halo}" stroke-width="4" stroke-linejoin="round"` : "";
    this.parts.push(
      `<text x="${short(x)}" y="${short(y)}" font-size="${size}" font-weight="${weight}" fill="${fill}" ` +
        `text-anchor="${ANCHORS[align]}"${outline}>${escapeXml(text)}</text>`,
    );
  }

  image(canvas, x, y, width, height) {
    this.parts.push(
      `<image x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" preserveAspectRatio="none" ` +
        `style="image-rendering:pixelated" href="${canvas.toDataURL("image/png")}"/>`,
    );
  }

  clip(x, y, width, height, draw) {
    this.clips += 1;
    const id = `clip${this.clips}`;
    this.parts.push(
      `<clipPath id="${id}"><rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"/></clipPath>`,
      `<g clip-path="url(#${id})">`,
    );
    draw();
    this.parts.push("</g>");
  }

  /** Another drawing in this one, at its origin. */
  nest(svg) { this.parts.push(svg); }

  toString() {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" ` +
      `viewBox="0 0 ${this.width} ${this.height}" font-family="${escapeXml(this.family)}" role="img">` +
      `<title>${escapeXml(this.title)}</title>${this.parts.join("")}</svg>`
    );
  }
}
