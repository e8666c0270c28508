// The way of a growing picture from the live component to the charts of the same page.
import { shared } from "./common.js";

/** Events are named after the chart that has something newer. */
class Bus extends EventTarget {
  #newest = new Map();

  /** `growing`: what changes of a chart's data from picture to picture. */
  publish(growing) {
    this.#newest.set(growing.live.key, growing);
    this.dispatchEvent(new Event(growing.live.key));
  }

  /** `data` with what was published later for the same chart of the same run and language: a rerun may bring an older moment. */
  newest(data) {
    const last = data.live && this.#newest.get(data.live.key);
    return last && last.live.run === data.live.run && last.live.update > data.live.update ? { ...data, ...last } : data;
  }

  clear() { this.#newest.clear(); }
}

export function liveBus() {
  const page = shared();
  page.live ??= new Bus();
  return page.live;
}
