// Pictures that come ahead of a rerun: of a slider's newest value, while Streamlit still runs the script for it or waits for the hand.
import { shared } from "./common.js";

const KEYED = '[class*="st-key-"]';

/** The CSS name of the key of the Streamlit element around `node`. */
export const keyOf = (node) => node?.closest(KEYED)?.className.match(/st-key-(\S+)/)?.[1];

class Ahead {
  #late = new Map(); // by picture that leads: what a rerun brought meanwhile
  #pictures = new Set();

  /** A rerun brings `data` for `picture`, `{host, sight, update}`: shown at once, unless something newer is seen there. */
  arrive(picture, data) {
    this.#pictures.add(picture);
    if (this.#late.has(picture)) this.#late.set(picture, data);
    else picture.update(data);
  }

  leave(picture) {
    this.#pictures.delete(picture);
    this.#late.delete(picture);
  }

  /** Show `data` in the picture with the key `name`, if the page has it, and keep it whatever reruns bring, until they have caught up.
   * What is out of view waits for that. */
  show(name, data) {
    for (const picture of this.#pictures) {
      if (keyOf(picture.host) !== name) continue;
      const { inView } = picture.sight;
      this.#late.set(picture, inView ? null : data);
      if (inView) picture.update(data);
    }
  }

  /** The page shows what the newest rerun brought. */
  settle() {
    const late = [...this.#late];
    this.#late.clear();
    for (const [picture, data] of late) if (data !== null) picture.update(data);
  }
}

/** The one of this page. */
export function ahead() {
  const page = shared();
  page.ahead ??= new Ahead();
  return page.ahead;
}
