// The code component: a listing with a button that copies it. Streamlit's own brings half a megabyte of highlighter with it.
import { cleanupOnceGone, copy, element } from "./common.js";
import { CODE } from "./styles.js";

const SHOWN_MS = 2000;

class Code {
  constructor(parentElement) {
    this.code = element("code");
    this.block = element("pre", { tabIndex: 0 }, this.code);
    this.button = element("button", { type: "button" });
    this.status = element("span", { className: "unseen", role: "status", "aria-live": "polite" });
    this.button.addEventListener("click", () => this.#copy());
    parentElement.append(element("style", { textContent: CODE }), element("div", { className: "root" }, this.block, this.button, this.status));
  }

  update({ text, label, words }) {
    this.words = words;
    this.block.setAttribute("aria-label", label);
    this.#say("");
    const parts = text.split(/(#.*)/); // comments stand at odd places
    this.code.replaceChildren(
      ...parts.map((part, at) => (at % 2 ? element("span", { className: "comment", textContent: part }) : part)),
    );
  }

  async #copy() {
    await copy(this.code);
    this.#say(this.words.copied);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#say(""), SHOWN_MS);
  }

  #say(done) {
    this.status.textContent = done;
    this.button.textContent = done || this.words.copy;
  }
}

const codes = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function code({ data, parentElement }) {
  if (!codes.has(parentElement)) codes.set(parentElement, new Code(parentElement));
  codes.get(parentElement).update(data);
  return cleanupOnceGone(parentElement, () => codes.delete(parentElement));
}
