// While a slider moves, its pictures come from a route of their own, ahead of Streamlit's rerun, so that they follow the hand.
// One question is under way at a time: the next, of the newest value, leaves when the one before is answered, and has had the pause
// that the server asks for where many visitors drag at once. A hand that rests, or pictures that only the script can draw, make
// Streamlit run it for the value under the hand, which it would do on release alone.
import { ahead, keyOf } from "./ahead.js";
import { cleanupOnceGone } from "./common.js";
import { decodeHeader } from "./decode.js";
import { steadySocket } from "./socket.js";

const SLIDER = '[data-testid="stSlider"]';
const AFTER_RELEASE = 300; // ms: Streamlit's own message of the released slider goes first
const RESTS = 250; // ms
const CAUGHT_UP = 2000; // ms without a movement: what reruns say holds, whatever came ahead of them

class Drag {
  constructor() {
    this.number = 0; // of the last value that Streamlit was told
    this.answered = 0;
    this.slider = null; // the one that is held or has the focus
    this.held = false;
    this.holding = false; // as Streamlit was told last
    this.waiting = null; // for the pause to end
    this.asking = false;
    this.now = null; // what the page was last said to show, `{url, settings, view, pinned}`; null where only the script can draw
    this.shown = null; // the settings of the pictures that came ahead
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    document.addEventListener("pointerdown", (event) => this.#hold(event.target, true), { signal, capture: true });
    document.addEventListener("focusin", (event) => this.#hold(event.target, false), { signal, capture: true });
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => this.#release(), { signal, capture: true });
  }

  /** `answered`: the number of the value that the page shows now; `pause`: milliseconds before the next may leave; `ahead`: see `now`. */
  update({ answered, pause, ahead: now }, setStateValue) {
    if (!this.setStateValue) this.number = this.answered = answered; // this page drawn afresh: it has counted before
    this.setStateValue = setStateValue;
    if (now?.url !== this.now?.url) this.#disconnect();
    this.now = now;
    if (now === null) this.#settle();
    else this.#catchUp();
    if (answered <= this.answered) return;
    this.answered = answered;
    if (now === null) this.#pause(pause);
    else if (performance.now() - this.movedAt >= RESTS) this.#tellHeld();
  }

  close() {
    this.leaving.abort();
    this.watcher?.disconnect();
    this.#disconnect();
    for (const timer of [this.released, this.waiting, this.rested, this.catching]) clearTimeout(timer);
  }

  #hold(target, held) {
    /** @type {HTMLInputElement | null} */
    const input = target instanceof Element ? target.closest(SLIDER)?.querySelector("input[type=range]") : null;
    const name = keyOf(input);
    if (!name) return;
    if (held) clearTimeout(this.released); // the focus that follows a release does not take it back
    this.held ||= held;
    this.#connect();
    if (!held && this.slider?.input === input) return;
    this.watcher?.disconnect();
    const value = Number(input.value);
    this.slider = { name, input, start: value, told: value, asked: value };
    this.watcher = new MutationObserver(() => this.#moved());
    this.watcher.observe(input, { attributes: true, attributeFilter: ["value", "aria-valuetext"] });
  }

  #moved() {
    const { slider, held } = this;
    if (!held && document.activeElement !== slider.input) { // a preset, Back or Reset: the script knows, and other settings moved with it
      slider.asked = slider.told = Number(slider.input.value);
      return;
    }
    clearTimeout(this.rested);
    this.movedAt = performance.now();
    if (this.#ask()) this.rested = setTimeout(() => this.#tellHeld(), RESTS);
    else this.#tellHeld();
  }

  /** Ask for the pictures of the newest value, now or after the answer that is awaited; false where nobody can be asked. */
  #ask() {
    this.#connect();
    if (!this.socket?.open()) return false;
    const { name, input, asked } = this.slider;
    const index = Number(input.value);
    const otherLeads = this.shown !== null && this.leader !== name; // the link of the page does not know its value yet
    if (this.asking || this.waiting !== null || index === asked || otherLeads) return true;
    this.slider.asked = index;
    this.leader = name;
    this.asking = true;
    const { settings, view, pinned } = this.now;
    this.socket.send(JSON.stringify({ settings, view, pinned, slider: name, index }));
    return true;
  }

  #heard(message) {
    this.asking = false;
    const bytes = new Uint8Array(message);
    const { header, blockAt } = decodeHeader(bytes);
    if (header.settings !== null && this.now) {
      this.shown = header.settings;
      for (const [name, content] of Object.entries(header.charts)) ahead().show(name, content);
      for (const [name, [at, length]] of Object.entries(header.scenes)) ahead().show(name, bytes.slice(blockAt + at, blockAt + at + length));
    }
    this.#catchUp();
    this.#pause(header.pause);
  }

  /** Reruns have caught up where they say what was shown ahead of them, or where nothing has moved for a while. */
  #catchUp() {
    clearTimeout(this.catching);
    if (this.shown === null) return;
    const rests = performance.now() - this.movedAt >= CAUGHT_UP && !this.asking && this.answered >= this.number;
    if (this.shown === this.now?.settings || rests) this.#settle();
    else this.catching = setTimeout(() => this.#catchUp(), CAUGHT_UP);
  }

  #settle() {
    this.shown = null;
    ahead().settle();
    if (this.slider) this.#ask();
  }

  #pause(milliseconds) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      if (this.slider && !this.#ask()) this.#tellHeld();
    }, milliseconds);
  }

  /** Let Streamlit run the script for the value under the hand. */
  #tellHeld() {
    const { slider } = this;
    if (!this.held || this.waiting !== null || this.answered < this.number) return;
    const index = Number(slider.input.value);
    if (index === slider.told) return;
    slider.told = index;
    this.#tell({ slider: slider.name, index, start: slider.start });
  }

  /** The slider's own message says the rest; then nothing is held any more. */
  #release() {
    if (!this.held) return;
    this.held = false;
    clearTimeout(this.rested);
    if (this.holding) this.released = setTimeout(() => this.#tell(null), AFTER_RELEASE);
  }

  #tell(position) {
    this.number += 1;
    this.holding = position !== null;
    this.setStateValue("held", { ...position, number: this.number });
  }

  #connect() {
    if (!this.now || this.socket) return;
    const lost = () => {
      this.asking = false;
      this.#settle();
    };
    this.socket = steadySocket(this.now.url, { heard: (message) => this.#heard(message), lost, gone: lost });
  }

  #disconnect() {
    this.socket?.close();
    this.socket = undefined;
    this.asking = false;
  }
}

const mounted = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function drag({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Drag());
  const one = mounted.get(parentElement);
  one.update(data, setStateValue);
  return cleanupOnceGone(parentElement, () => {
    one.close();
    mounted.delete(parentElement);
  });
}
