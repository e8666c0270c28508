// Presenter mode (`?present=1`, key P) and the keys of every page: no navigation, type for the last row, the picture as large as the screen.
import { attendance } from "./attendance.js";
import { element } from "./common.js";

const KEY = "present";
const PRESETS = '.st-key-presets [class*="-preset-"] button';
const TYPING = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";

function press(nodes, place) { nodes.at(place)?.click(); }

export class Presenter {
  /** Until `signal` is aborted. */
  constructor(signal) {
    this.preset = -1;
    this.laser = element("div", { className: "bnviz-laser", hidden: true });
    this.buttons = Object.fromEntries(["previous", "next", "settings", "laser", "leave"].map((does) => {
      const button = element("button", { type: "button", textContent: { previous: "‹", next: "›", settings: "☰", laser: "●", leave: "×" }[does] });
      button.addEventListener("click", () => this[`_${does}`]());
      return [does, button];
    }));
    this.bar = element("div", { className: "bnviz-present", role: "toolbar" }, ...Object.values(this.buttons));
    this.list = element("dl");
    this.close = element("button", { type: "button", textContent: "×" });
    this.heading = element("h2");
    this.help = element("dialog", { className: "bnviz-keys" }, this.close, this.heading, this.list);
    this.close.addEventListener("click", () => this.help.close());
    const app = document.querySelector("[data-testid=stApp]") ?? document.body; // its colours are theirs
    app.append(this.bar, this.laser, this.help);
    signal.addEventListener("abort", () => [this.bar, this.laser, this.help].forEach((node) => node.remove()), { once: true });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("pointermove", (event) => this.#point(event), { signal, passive: true });
    window.addEventListener("bnviz:present", () => this._toggle(), { signal });
    this.#set(new URLSearchParams(location.search).get(KEY) === "1");
  }

  update({ words, keys }) {
    for (const [does, button] of Object.entries(this.buttons)) Object.assign(button, { ariaLabel: words[does], title: words[does] });
    this.heading.textContent = words.keys;
    this.close.ariaLabel = words.leave;
    this.help.setAttribute("aria-label", words.keys);
    this.list.replaceChildren(...keys.flatMap(([key, text]) => [element("dt", {}, ...key.split(" ").map((one) => element("kbd", { textContent: one }))), element("dd", { textContent: text })]));
  }

  get on() { return KEY in document.documentElement.dataset; }

  _toggle() { this.#set(!this.on); }

  _leave() { this.#set(false); }

  _settings() {
    const open = document.documentElement.toggleAttribute("data-drawer");
    const focused = document.activeElement;
    // A slider that is put away with the drawer would go on taking the clicker's keys.
    if (!open && focused instanceof HTMLElement && !focused.checkVisibility()) focused.blur();
  }

  _laser() {
    const lit = document.documentElement.toggleAttribute("data-laser");
    this.laser.hidden = !lit;
    this.buttons.laser.ariaPressed = String(lit);
  }

  _next() { this.#walk(1); }

  _previous() { this.#walk(-1); }

  #set(wanted) {
    const root = document.documentElement;
    if (wanted) root.dataset[KEY] = "";
    else {
      delete root.dataset[KEY];
      root.removeAttribute("data-drawer");
      if (root.hasAttribute("data-laser")) this._laser();
    }
    const url = new URL(location.href);
    if (wanted) url.searchParams.set(KEY, "1");
    else url.searchParams.delete(KEY);
    const address = url.pathname + url.search.replaceAll("%2C", ",") + url.hash;
    if (address !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", address);
    window.dispatchEvent(new Event("resize"));
  }

  /** One step on or back: of the lesson where a class is taught by a plan, else through the presets of the page. */
  #walk(by) {
    const there = attendance();
    const step = there.teaching ? there.room.shared?.step : null;
    if (step && there.plan?.name === step.plan) {
      const wanted = step.step + by;
      if (wanted in there.plan.steps) there.goToStep(wanted).catch(() => { /* said in the strip */ });
      return;
    }
    const presets = [...document.querySelectorAll(PRESETS)];
    this.preset = Math.min(Math.max(this.preset + by, 0), presets.length - 1);
    press(presets, this.preset);
  }

  #key(event) {
    const { key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.composedPath()[0].matches?.(TYPING)) return;
    const actions = { p: () => this._toggle(), l: () => this._laser(), "?": () => (this.help.open ? this.help.close() : this.help.showModal()) };
    if (this.on) Object.assign(actions, { s: () => this._settings(), PageDown: () => this._next(), PageUp: () => this._previous() });
    if (/^[1-9]$/.test(key)) {
      this.preset = Number(key) - 1;
      press([...document.querySelectorAll(PRESETS)], this.preset);
    } else if (key === "Escape" && this.on && !this.help.open) this._leave();
    else if (Object.hasOwn(actions, key.toLowerCase())) actions[key.toLowerCase()]();
    else if (Object.hasOwn(actions, key)) actions[key]();
    else return;
    event.preventDefault();
  }

  #point({ clientX, clientY }) {
    if (!this.laser.hidden) this.laser.style.transform = `translate(${clientX}px, ${clientY}px)`;
  }
}
