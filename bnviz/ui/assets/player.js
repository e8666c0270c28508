// The player component: a run's frames on one canvas, driven by the page's playhead. See decode.js for the data.
import { ahead } from "./ahead.js";
import { cleanupOnceGone, download, element, hostOf, readTheme, reducedMotion, shared, sightOf } from "./common.js";
import { controlBar } from "./controls.js";
import { firstView, turn } from "./cube.js";
import { decodeHeader, resolve } from "./decode.js";
import { heroFold, heroHeight, isBelow, typeScale, watchRoom, widthFor } from "./fit.js";
import { footOf } from "./foot.js";
import { driveByKey, playheadOf } from "./playhead.js";
import { NARROW, buildScene, cubeAt, drawFrame, drawStatic, elementAt, frameAt, heatAt, heightFor, placeText } from "./scene.js";
import { PLAYER } from "./styles.js";
import { CanvasSurface, SvgSurface } from "./surface.js";

const MOST_PIXELS_PER_PIXEL = 2; // beyond that nobody sees a difference, but a phone pays for it
const EXPORT_SCALE = 2;
const FIRST_WIDTH = 1000; // for a host that is not laid out yet
const SWING = { reach: 0.42, seconds: 14 }; // of the turn by itself, to and fro
const TURN_PER_PIXEL = 0.01;
const TURN_PER_KEY = 0.12;
const BAR_MARGIN = 14;
const STILL_PIXELS = 5; // a pointer that moved less was a click

class Player {
  setStateValue; // as the newest rerun gave it
  // Of the scene as built last.
  ratio;
  asked; // the sizes that it was built for

  constructor(parentElement) {
    this.host = hostOf(parentElement);
    this.playhead = null;
    this.listening = new AbortController();
    this.backdrop = document.createElement("canvas");
    this.canvas = element("canvas", { role: "img" });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.caption = element("p", { "aria-live": "polite" });
    this.longest = element("p", { "aria-hidden": "true" });
    this.captionBox = element("div", { className: "caption" }, this.longest, this.caption);
    this.stage = element("div", { className: "stage" }, this.canvas);
    this.view = firstView();
    this.bar = controlBar(() => this.playhead, (kind) => this.#export(kind), () => this.#swing(!this.swinging));
    this.root = element("div", { className: "root", tabIndex: -1 }, this.captionBox, this.stage, this.bar.node);
    parentElement.append(element("style", { textContent: PLAYER }), this.root);
    this.#listen();
  }

  update(bytes) {
    this.bytes = bytes;
    const { header, blockAt } = decodeHeader(bytes);
    const theme = readTheme(this.host, header.palette);
    const known = this.header?.digest === header.digest;
    if (known && theme.key === this.theme.key) return;
    if (!known) {
      this.header = { ...header, rows: resolve(header.rows, bytes.buffer, blockAt) };
      this.host.dataset.digest = header.digest;
    }
    this.theme = theme;
    this.root.style.colorScheme = theme.dark ? "dark" : "light";
    this.bar.dress(this.header);
    this.longest.textContent = (header.captions ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
    this.captionBox.hidden = !this.longest.textContent;
    this.root.classList.toggle("below", isBelow(this.host));
    this.#join(header);
    this.#layOut(true);
    if (header.words.turn && this.swinging === undefined) this.#swing(!reducedMotion());
  }

  destroy() {
    this.listening.abort();
    this.following?.abort();
    this.resizing.disconnect();
    cancelAnimationFrame(this.scheduled);
    cancelAnimationFrame(this.swinging);
    this.playhead?.detach(this);
  }

  /** Let the cubes turn to and fro by themselves, or stop; what a visitor does to them stops it too. */
  #swing(wanted) {
    cancelAnimationFrame(this.swinging);
    this.swinging = 0;
    this.bar.turn.setAttribute("aria-pressed", String(wanted));
    if (!wanted) return;
    let last;
    let phase = 0;
    const tick = (now) => {
      const before = Math.sin(phase);
      phase += (Math.min(now - (last ?? now), 100) / 1000 / SWING.seconds) * 2 * Math.PI;
      last = now;
      turn(this.view, SWING.reach * (Math.sin(phase) - before), 0);
      if (this.sight.inView && !this.playhead.playing) this.#paint();
      this.swinging = requestAnimationFrame(tick);
    };
    this.swinging = requestAnimationFrame(tick);
  }

  #turn(yaw, pitch) {
    this.#swing(false);
    turn(this.view, yaw, pitch);
    this.#schedule();
  }

  /** Follow the header's playhead, leaving the one before. */
  #join(header) {
    const playhead = playheadOf(header.group);
    const mounting = this.playhead !== playhead;
    if (mounting) {
      this.playhead?.detach(this);
      this.following?.abort();
      this.following = new AbortController();
      const { signal } = this.following;
      playhead.attach(this);
      this.playhead = playhead;
      this.told = header.start ?? 0;
      playhead.addEventListener("step", () => (playhead.playing ? this.#paint() : this.#schedule()), { signal });
      playhead.addEventListener("state", () => this.#schedule(), { signal });
      playhead.addEventListener("settle", () => this.#tell(), { signal });
    }
    playhead.configure(header, mounting);
  }

  #tell() {
    if (this.playhead.owner !== this || this.playhead.step === this.told) return;
    this.told = this.playhead.step;
    this.setStateValue("step", this.told);
  }

  #listen() {
    const { signal } = this.listening;
    this.root.addEventListener("keydown", (event) => this.#key(event), { signal });
    // Keys work as well while nothing in particular has the focus: the page itself, or a container around this component.
    document.addEventListener("keydown", (event) => {
      const focused = document.activeElement;
      const idle = focused === null || (focused !== this.host && focused.contains(this.host));
      if (idle && !event.defaultPrevented && driveByKey(this.playhead, event)) event.preventDefault();
    }, { signal });
    this.canvas.addEventListener("pointerdown", (event) => this.#grab(event), { signal });
    this.canvas.addEventListener("pointermove", (event) => this.#drag(event), { signal });
    for (const type of ["pointerup", "pointercancel"]) this.canvas.addEventListener(type, (event) => this.#release(event), { signal });
    document.fonts.addEventListener("loadingdone", () => this.scene && this.#layOut(true), { signal });
    this.resizing = new ResizeObserver(() => this.header && this.#layOut(false));
    this.resizing.observe(this.host);
    watchRoom(this.host, () => this.header && this.#layOut(false), signal);
    window.addEventListener("bnviz:paper", () => {
      if (!this.bytes) return;
      this.update(this.bytes);
      this.#layOut(false);
    }, { signal });
    this.sight = sightOf(this.host, signal);
  }

  #key(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || target.closest("select, .menu")) return;
    if (event.key === " " && target.closest("button")) return;
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (up && this.header.words.turn && target.type !== "range") {
      this.#turn(event.shiftKey ? 0 : TURN_PER_KEY * up, event.shiftKey ? TURN_PER_KEY * up : 0);
      event.preventDefault();
    } else if (driveByKey(this.playhead, event)) event.preventDefault();
  }

  #grab(event) {
    this.root.focus({ preventScroll: true });
    this.heat = event.button === 0 ? heatAt(this.scene, event.offsetX, event.offsetY) : undefined;
    this.cube = event.button === 0 ? cubeAt(this.scene, event.offsetX, event.offsetY) : undefined;
    if (this.cube) {
      this.canvas.setPointerCapture(event.pointerId);
      this.grabbed = { x: event.offsetX, y: event.offsetY, still: true };
    }
    if (!this.heat) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.playhead.seek(frameAt(this.heat, event.offsetX));
  }

  #drag(event) {
    const { offsetX: x, offsetY: y } = event;
    if (this.cube) {
      if (this.grabbed.still && Math.hypot(x - this.grabbed.x, y - this.grabbed.y) < STILL_PIXELS) return;
      this.#turn((this.grabbed.x - x) * TURN_PER_PIXEL, (y - this.grabbed.y) * TURN_PER_PIXEL);
      this.grabbed = { x, y, still: false };
    } else if (this.heat) this.playhead.seek(frameAt(this.heat, event.offsetX));
    else if (this.scene) this.canvas.style.cursor = heatAt(this.scene, x, y) ? "ew-resize" : cubeAt(this.scene, x, y) ? "grab" : "";
  }

  #release(event) {
    if (this.cube && this.grabbed.still && event.type === "pointerup") this.#pick();
    this.cube = undefined;
    if (this.heat) this.playhead.settle();
    this.heat = undefined;
  }

  /** Take the element under the pointer: its playhead's frame. */
  #pick() {
    const index = elementAt(this.cube, this.view, this.grabbed.x, this.grabbed.y);
    if (index === undefined) return;
    this.playhead.seek(index);
    this.playhead.settle();
  }

  /** Give the canvas its size and redraw what stays; the stage's height is set at once, so that the page does not jump. */
  #layOut(force) {
    const width = widthFor(this.host);
    const ratio = Math.min(window.devicePixelRatio || 1, MOST_PIXELS_PER_PIXEL);
    const room = this.#room(width);
    const asked = [width, ratio, room.fitted, room.fold, typeScale()].join();
    const same = asked === this.asked;
    if (!force && (width === 0 || same)) return;
    const height = heightFor(this.header, width || FIRST_WIDTH, room);
    this.stage.style.height = `${height}px`;
    if (width === 0) return;
    Object.assign(this, { ratio, asked });
    this.scene = buildScene(this.header, this.theme, width, room);
    for (const canvas of [this.canvas, this.backdrop]) {
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    }
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = this.backdrop.getContext("2d", { alpha: false });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawStatic(new CanvasSurface(context, this.theme.font), this.scene);
    this.#paint();
  }

  /** `fitted`: the height that the screen leaves for the stage, if it may not have what it asks for; `fold`: what of it is in sight on a phone. */
  #room(width) {
    const floating = Boolean(this.host.dataset.floating);
    if (!width) return {};
    const bar = this.bar.node.offsetHeight + BAR_MARGIN;
    if (width < NARROW * typeScale() && !floating) return { fold: heroFold(this.host, this.stage, bar) };
    const wanted = Math.round(this.header.height * typeScale());
    const fitted = heroHeight(this.host, this.stage, wanted, floating ? this.captionBox.offsetHeight + BAR_MARGIN : bar);
    return fitted === wanted ? {} : { fitted };
  }

  #schedule() {
    this.scheduled ??= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = undefined;
    if (!this.scene) return;
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(this.backdrop, 0, 0);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    drawFrame(new CanvasSurface(this.context, this.theme.font), this.scene, this.#position(), this.view);
    shared().stats.painted += 1;
    this.host.dataset.paintedDigest = this.header.digest;
    this.#describe();
  }

  #position() {
    return Math.min(reducedMotion() ? this.playhead.step : this.playhead.position, this.header.frames - 1);
  }

  #captionNow() {
    const captions = this.header.captions ?? [];
    return captions.length > 1 ? captions[Math.min(this.playhead.step, captions.length - 1)] : (captions[0] ?? "");
  }

  #describe() {
    const { playing } = this.playhead;
    const text = this.#captionNow();
    this.caption.setAttribute("aria-live", playing ? "off" : "polite");
    if (this.caption.textContent !== text) this.caption.textContent = text;
    const place = placeText(this.scene, this.playhead.step);
    const label = [this.header.alt, text, place].filter(Boolean).join(" ");
    // While it plays, a screen reader is left in peace; but a picture is never without words.
    if ((!playing || !this.canvas.ariaLabel) && this.canvas.ariaLabel !== label) this.canvas.ariaLabel = label;
    this.bar.show(this.playhead, place);
  }

  #export(kind) {
    const { width, height } = this.scene;
    const { font } = this.theme;
    const foot = footOf(width, this.theme);
    const draw = (surface) => {
      drawStatic(surface, this.scene);
      drawFrame(surface, this.scene, this.#position(), this.view);
      foot.draw(surface, height);
    };
    const name = `${this.header.filename}.${kind}`;
    if (kind === "svg") {
      const surface = new SvgSurface(width, height + foot.height, font, [this.header.alt, this.#captionNow()].filter(Boolean).join(" "));
      draw(surface);
      download(new Blob([surface.toString()], { type: "image/svg+xml" }), name);
      return;
    }
    const canvas = element("canvas", { width: width * EXPORT_SCALE, height: (height + foot.height) * EXPORT_SCALE });
    const context = canvas.getContext("2d");
    context.scale(EXPORT_SCALE, EXPORT_SCALE);
    draw(new CanvasSurface(context, font));
    canvas.toBlob((blob) => download(blob, name));
  }
}

const players = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function player({ data, parentElement, setStateValue }) {
  if (!players.has(parentElement)) players.set(parentElement, new Player(parentElement));
  const mounted = players.get(parentElement);
  mounted.setStateValue = setStateValue;
  ahead().arrive(mounted, data instanceof Uint8Array ? data : new Uint8Array(data));
  return cleanupOnceGone(parentElement, () => {
    ahead().leave(mounted);
    mounted.destroy();
    players.delete(parentElement);
  });
}
