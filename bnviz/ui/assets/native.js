// Streamlit speaks English only. What it writes itself is said here in the language of the page, and in English again after that.
import { fill } from "./common.js";

const DIALOG = "[role=dialog]";
const SPOKEN = ["aria-label", "title", "placeholder"];
const NAMED = SPOKEN.map((name) => `[${name}]`).join();
const WRITTEN = ["stTooltipContent", "stSkipToContent", "stFileUploader", "stDataFrameColumnMenu", "stDataFrameColumnVisibilityMenu"]
  .map((id) => `[data-testid="${id}"]`).concat("[role=listbox]", DIALOG).join();

/** A pattern for a sentence with names in braces. */
function patternOf(sentence) {
  const literal = sentence.replace(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`);
}

export class NativeWords {
  #exact = new Map();
  #patterns = [];
  spoke = false; // whether there was ever another language than English
  #said = new WeakMap(); // of an attribute's or a text's node: what Streamlit wrote, and what we made of it

  /** `words`: English → the language of the page; none where that is English. `lost`: what a dialog says in every language. */
  update(words = {}, lost = {}) {
    const key = JSON.stringify([words, lost]);
    if (key === this.key) return;
    this.key = key;
    const entries = Object.entries(words);
    this.#exact = new Map([...entries.filter(([english]) => !english.includes("{")), ...Object.entries(lost)]);
    this.#patterns = entries.filter(([english]) => english.includes("{")).map(([english, other]) => [patternOf(english), other]);
    this.spoke ||= entries.length > 0;
    this.look();
  }

  /** Say what has come to the page since. */
  look() {
    for (const node of this.spoke ? document.querySelectorAll(NAMED) : []) {
      for (const name of SPOKEN) if (node.hasAttribute(name)) this.#say(node.getAttributeNode(name));
    }
    for (const part of document.querySelectorAll(this.spoke ? WRITTEN : DIALOG)) {
      const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) this.#say(texts.currentNode);
    }
  }

  #say(node) {
    const last = this.#said.get(node);
    const now = node.nodeValue;
    const english = last?.ours === now ? last.english : now;
    const ours = this.#translated(english.trim()) ?? english;
    if (ours === now) return;
    node.nodeValue = ours;
    this.#said.set(node, { english, ours });
  }

  #translated(english) {
    const exact = this.#exact.get(english);
    if (exact !== undefined) return exact;
    for (const [pattern, other] of this.#patterns) {
      const match = pattern.exec(english);
      if (match) return fill(other, match.groups);
    }
    return undefined;
  }
}
