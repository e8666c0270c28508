// The chart component: a Plotly figure that is updated in place, so that zoom and hidden traces survive every rerun.
import { ahead } from "./ahead.js";
import { apart, headed, inside, leastHeight, parted, rowsIn, thinned, titled } from "./arrange.js";
import { liveBus } from "./bus.js";
import { cleanupOnceGone, download, element, hostOf, readTheme, shared, sightOf } from "./common.js";
import { footOf } from "./foot.js";
import { heroHeight, low, printed, typeScale, watchRoom, widthFor } from "./fit.js";
import { downloadMenu } from "./menu.js";
import { playheadOf } from "./playhead.js";
import { copyStyles, enlarge, legibly, loadPlotly, merge, recolor, spelledOut, standalone } from "./plotly.js";
import { NARROW } from "./scene.js";
import { CHART } from "./styles.js";
import { SvgSurface } from "./surface.js";

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: false, doubleClick: "reset" };
const CLICK_PIXELS = 4;
const [TIGHT, TALL] = [640, 360]; // px: beside the sidebar of a small projector a chart is laid out as on a phone, where that is not too flat
const LATEST_MS = 500;
const SMALL = 0.8; // of the type, where a screen is low
const LEAST_PART = 0.55; // of the chart's height that is then left to the plot
const LARGER = 1.25; // of a phone's type, where its layout has more room than on a phone
const FOOT = 52; // px: the download button and the gap to what follows
const BAR = 52; // px: the buttons of the player under the hero
const LEAST_PLOT = 110; // px: what stands over a plot and beside it leaves it that much
const LEAST_STACKED = 150; // px: of a panel that stands over another on a phone only
const isTouch = () => matchMedia("(pointer: coarse)").matches;

/** What is in view is drawn first; the rest as soon as the browser has nothing else to do. */
const idle = () => new Promise((resolve) => {
  if (window.requestIdleCallback) window.requestIdleCallback(resolve, { timeout: LATEST_MS });
  else setTimeout(resolve);
});

/** The PNG of a drawing, twice as large. */
async function rasterized(drawing, width, height) {
  const url = URL.createObjectURL(drawing);
  try {
    const image = element("img", { src: url });
    await image.decode();
    const canvas = element("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => { canvas.toBlob(resolve); });
  } finally {
    URL.revokeObjectURL(url);
  }
}

class Chart {
  setTriggerValue; // as the newest rerun gave it

  constructor(parentElement) {
    this.parent = parentElement;
    this.host = hostOf(parentElement);
    this.listening = new AbortController();
    this.graph = element("div", { "aria-hidden": "true" });
    this.figure = element("figure", { role: "img" }, this.graph);
    this.line = element("div", { className: "playhead", hidden: true });
    this.plot = element("div", { className: "plot" }, this.figure, this.line);
    this.menu = downloadMenu();
    this.root = element("div", { className: "root" }, this.plot, element("div", { className: "foot" }, this.menu.node));
    parentElement.append(element("style", { textContent: CHART }), this.root);
    this.plot.addEventListener("pointerdown", (event) => this.#press(event), { signal: this.listening.signal, capture: true });
    this.width = widthFor(this.host);
    this.least = 0; // px: the height that the words of the newest drawing need
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(this.host);
    watchRoom(this.host, () => this.#resize(), this.listening.signal);
    window.addEventListener("bnviz:paper", () => {
      if (!this.data) return;
      this.update(this.data);
      this.#resize();
    }, { signal: this.listening.signal });
    this.sight = sightOf(this.host, this.listening.signal);
  }

  update(given) {
    const data = this.#tune(given);
    const theme = readTheme(this.host, data.palette);
    const known = this.data?.digest === data.digest;
    if (known && theme.key === this.theme.key) return;
    this.data = data;
    this.theme = theme;
    this.root.style.colorScheme = theme.dark ? "dark" : "light";
    this.host.dataset.digest = data.digest;
    this.figure.setAttribute("aria-label", data.alt);
    const { words } = data;
    this.menu.relabel(words.download, ["png", "svg", "html"].map((kind) => [words[kind], () => this.#export(kind)]));
    this.#follow(data.playhead && data.group ? playheadOf(data.group) : null);
    this.#fit();
    this.#draw();
  }

  destroy() {
    this.listening.abort();
    this.following?.abort();
    this.tuned?.abort();
    this.resizing.disconnect();
    if (this.drawn) window.Plotly.purge(this.graph);
  }

  /** Listen to the run that `given` is a moment of; returns the newest moment known. */
  #tune(given) {
    const { run, key } = given.live ?? {};
    if (this.tuned?.run !== run) {
      this.tuned?.abort();
      this.tuned = run === undefined ? null : Object.assign(new AbortController(), { run });
      if (this.tuned) liveBus().addEventListener(key, () => this.update(this.data), { signal: this.tuned.signal });
    }
    return liveBus().newest(given);
  }

  #follow(playhead) {
    if (this.playhead === playhead) return;
    this.following?.abort();
    this.following = new AbortController();
    this.playhead = playhead;
    for (const type of ["step", "state"]) playhead?.addEventListener(type, () => this.#place(), { signal: this.following.signal });
  }

  /** Reserve the room at once; Plotly may still be on its way. */
  #fit() {
    const scale = typeScale();
    const narrow = this.width < NARROW * scale;
    const wanted = scale * (this.width > 0 && narrow ? (this.data.phone_height ?? this.data.height) : this.data.height);
    const bar = this.data.playhead ? BAR * scale : 0;
    const fits = !narrow || this.host.dataset.floating;
    const under = this.host.dataset.floating || low() ? 0 : FOOT * scale + bar; // on a low screen the picture may have all of it
    const least = this.host.dataset.floating ? 0 : Math.min(this.least, wanted);
    this.height = fits ? Math.max(heroHeight(this.host, this.plot, wanted, under), least) : wanted;
    this.plot.style.height = `${this.height}px`;
  }

  #resize() {
    const before = [this.width, this.height, this.scale].join();
    this.width = widthFor(this.host);
    this.scale = typeScale();
    if (!this.data) return;
    this.#fit();
    if ([this.width, this.height, this.scale].join() !== before) this.#draw();
  }

  /** Whether a layout for phones is drawn where there is more room than on a phone. */
  #tight() {
    const scale = typeScale();
    const { t = 0, b = 0 } = this.data.phone_layout?.margin ?? {};
    const plot = this.height - (t + b) * LARGER * scale;
    const panels = rowsIn(merge(this.data.figure.layout, this.data.phone_layout ?? {}));
    const stacked = panels > rowsIn(this.data.figure.layout);
    const flat = this.height < TALL * scale || plot < LEAST_PART * this.height || (stacked && plot / panels < LEAST_STACKED * scale);
    return this.width >= NARROW * scale && this.width < TIGHT * scale && !flat;
  }

  #layout() {
    const { background, text, font } = this.theme;
    const { data } = this;
    const narrow = this.width < NARROW * typeScale() || this.#tight();
    const own = narrow && data.phone_layout ? merge(data.figure.layout, data.phone_layout) : data.figure.layout;
    const basis = { paper_bgcolor: background, plot_bgcolor: background, font: { family: font, color: text } };
    const fixed = { width: this.width, height: this.height, autosize: false, uirevision: "bnviz" };
    return { ...merge(basis, own), ...fixed, ...(isTouch() ? { dragmode: false } : {}) };
  }

  /** Draw the newest data; while one drawing is under way the next waits, and only the last of several is done. */
  async #draw() {
    this.wanted = true;
    if (this.drawing) return;
    this.drawing = true;
    try {
      const plotly = await loadPlotly(this.data.plotly);
      while (this.wanted) {
        /* oxlint-disable no-await-in-loop -- one drawing after the other is the point */
        if (!this.sight.inView && !printed()) await idle();
        this.wanted = false;
        if (this.width === 0 || this.listening.signal.aborted) break;
        await this.#drawOnce(plotly);
      }
    } catch {
      this.graph.replaceChildren(element("p", { className: "message", textContent: this.data.alt }));
    } finally {
      this.drawing = false;
    }
  }

  /** The newest figure with its words where there is room for them. */
  #arranged() {
    const { light, dark } = this.data.palette;
    const figure = { data: this.data.figure.data, layout: this.#layout() };
    const larger = this.#tight() && this.data.phone_layout?.font ? LARGER : 1;
    const scaled = spelledOut(enlarge(recolor(figure, light, this.theme.dark ? dark : light), typeScale() * (low() ? SMALL : larger)));
    const panels = parted(headed(scaled, this.width), this.height);
    const worded = inside(titled(panels, this.width, this.height), this.width);
    return thinned(worded, this.height);
  }

  async #drawOnce(plotly) {
    const { digest } = this.data;
    let arranged = this.#arranged();
    this.least = leastHeight(arranged, LEAST_PLOT * typeScale());
    if (this.least > this.height) {
      this.#fit();
      arranged = this.#arranged();
    }
    const { data, layout } = legibly(apart(arranged, this.height), this.theme);
    await plotly[this.drawn ? "react" : "newPlot"](this.graph, data, layout, CONFIG);
    if (!this.drawn) {
      this.drawn = true;
      copyStyles(this.graph.getRootNode());
      this.graph.on("plotly_afterplot", () => this.#place());
      this.graph.on("plotly_relayouting", () => this.#place());
    }
    for (const svg of this.graph.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
    this.#place();
    shared().stats.painted += 1;
    this.host.dataset.paintedDigest = digest;
  }

  #axis() {
    const { axis } = this.data.playhead;
    return this.graph._fullLayout[`xaxis${axis.slice(1)}`];
  }

  /** Move the playhead line over the plot, without Plotly. */
  #place() {
    if (!this.drawn || !this.playhead || !this.data.playhead) {
      this.line.hidden = true;
      return;
    }
    const axis = this.#axis();
    const pixel = axis.d2p(this.data.playhead.first + this.playhead.position);
    this.line.hidden = this.playhead.frames < 2 || !(pixel >= -0.5 && pixel <= axis._length + 0.5);
    const { t, h } = this.graph._fullLayout._size;
    this.line.style.height = `${h}px`;
    this.line.style.transform = `translate(${axis._offset + pixel}px, ${t}px)`;
  }

  /** A click (not a drag) on the plot puts the playhead there. Plotly covers the page while a button is down, so the end is heard on the window. */
  #press(event) {
    if (!this.drawn || !this.playhead || !this.data.playhead || event.button !== 0) return;
    if (event.composedPath().some((node) => node.classList?.contains("legend"))) return;
    const axis = this.#axis();
    const { t, h } = this.graph._fullLayout._size;
    const box = this.plot.getBoundingClientRect();
    const x = event.clientX - box.left - axis._offset;
    const y = event.clientY - box.top - t;
    if (x < 0 || x > axis._length || y < 0 || y > h) return;
    const release = (end) => {
      if (Math.hypot(end.clientX - event.clientX, end.clientY - event.clientY) > CLICK_PIXELS) return;
      if (this.data.pickable) this.setTriggerValue("picked", { x: Math.round(axis.p2d(x)), y: Math.round(this.graph._fullLayout.yaxis.p2d(y)) });
      this.playhead.seek(axis.p2d(x) - this.data.playhead.first);
      this.playhead.settle();
    };
    window.addEventListener("pointerup", release, { once: true, capture: true, signal: this.listening.signal });
  }

  async #export(kind) {
    if (!this.drawn) return;
    const { alt, filename, lang, plotly } = this.data;
    const { data } = this.graph;
    const { background } = this.theme;
    const layout = { ...this.graph.layout, paper_bgcolor: background, plot_bgcolor: background };
    const name = `${filename}.${kind}`;
    if (kind === "html") {
      const source = await (await fetch(plotly)).text();
      Object.assign(layout, { autosize: true, width: undefined, height: undefined });
      const page = standalone(source, { data, layout }, { title: alt, lang: lang ?? "en", background });
      download(new Blob([page], { type: "text/html" }), name);
      return;
    }
    const foot = footOf(this.width, this.theme);
    const height = this.height + foot.height;
    const picture = await window.Plotly.toImage({ data, layout }, { format: "svg", width: this.width, height: this.height });
    const text = new SvgSurface(this.width, height, this.theme.font, alt);
    text.rect(0, 0, this.width, height, { fill: background });
    text.nest(decodeURIComponent(picture.slice(picture.indexOf(",") + 1)));
    foot.draw(text, this.height);
    const drawing = new Blob([text.toString()], { type: "image/svg+xml" });
    download(kind === "svg" ? drawing : await rasterized(drawing, this.width, height), name);
  }
}

const charts = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function chart({ data, parentElement, setTriggerValue }) {
  if (!charts.has(parentElement)) charts.set(parentElement, new Chart(parentElement));
  const mounted = charts.get(parentElement);
  mounted.setTriggerValue = setTriggerValue;
  ahead().arrive(mounted, data);
  return cleanupOnceGone(parentElement, () => {
    ahead().leave(mounted);
    mounted.destroy();
    charts.delete(parentElement);
  });
}
