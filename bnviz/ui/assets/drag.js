// While a slider is dragged, its value goes to the server at once instead of on release, so that the picture follows.
// One value is under way at a time: the next, the newest, leaves when the server has answered the one before, and has had the
// pause that it asks for where many visitors drag at once.
import { cleanupOnceGone } from "./common.js";

const SLIDER = '[data-testid="stSlider"]';
const AFTER_RELEASE = 300; // ms: Streamlit's own message of the released slider goes first

class Drag {
  constructor() {
    this.number = 0; // of the last value sent
    this.answered = 0;
    this.dragged = null; // the slider that is held
    this.released = null;
    this.waiting = null; // for the pause to end
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    document.addEventListener("pointerdown", (event) => this.#hold(event.target), { signal, capture: true });
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => this.#release(), { signal, capture: true });
  }

  /** `answered`: the number of the value that the page shows now; `pause`: milliseconds before the next may leave. */
  update({ answered, pause }, setStateValue) {
    this.setStateValue = setStateValue;
    if (answered <= this.answered) return;
    this.answered = answered;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.#send();
    }, pause);
  }

  close() {
    this.leaving.abort();
    this.watcher?.disconnect();
    clearTimeout(this.released);
    clearTimeout(this.waiting);
  }

  #hold(target) {
    /** @type {HTMLInputElement | null} */
    const input = target instanceof Element ? target.closest(SLIDER)?.querySelector("input[type=range]") : null;
    const name = input?.closest('[class*="st-key-"]')?.className.match(/st-key-(\S+)/)?.[1];
    if (!name) return;
    clearTimeout(this.released);
    this.watcher?.disconnect();
    this.dragged = { name, input, start: Number(input.value), sent: Number(input.value) };
    this.watcher = new MutationObserver(() => this.#send());
    this.watcher.observe(input, { attributes: true, attributeFilter: ["value", "aria-valuetext"] });
  }

  #send() {
    const { dragged } = this;
    if (!dragged || this.waiting !== null || this.answered < this.number) return;
    const index = Number(dragged.input.value);
    if (index === dragged.sent) return;
    dragged.sent = index;
    this.#tell({ slider: dragged.name, index, start: dragged.start });
  }

  /** The slider's own message says the rest; then nothing is held any more. */
  #release() {
    if (!this.dragged) return;
    const moved = this.dragged.sent !== this.dragged.start;
    this.watcher.disconnect();
    this.dragged = null;
    if (moved) this.released = setTimeout(() => this.#tell(null), AFTER_RELEASE);
  }

  #tell(position) {
    this.number += 1;
    this.setStateValue("held", { ...position, number: this.number });
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
