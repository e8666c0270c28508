// The share component: the page's link to read, copy or photograph, and the document's language and title.
import { cleanupOnceGone, element, hostOf } from "./common.js";
import { icon } from "./menu.js";
import { SHARE } from "./styles.js";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const AFTER_THE_PICTURE = 120; // ms
const ONE_CHANGE = 700; // ms: what follows sooner is the same change
const FOREIGN = new Set(["embed", "embed_options"]);

/** Keep the address bar true, with a history entry for every change that Back can undo. `data-address` of `host`: late or shown. */
class AddressBar {
  #changed = 0;
  #later = null;

  constructor(host) { this.host = host; }

  /** Later, since the picture comes first: changing the address takes the browser longer than painting does. */
  tell(query) {
    const page = location.pathname;
    this.wait();
    this.#later = setTimeout(() => {
      if (location.pathname === page) this.#show(query);
      this.host.dataset.address = "shown";
    }, AFTER_THE_PICTURE);
  }

  /** Say nothing until the server has followed the browser. */
  wait() {
    clearTimeout(this.#later);
    this.host.dataset.address = "late";
  }

  #show(query) {
    const wanted = new URLSearchParams(query);
    for (const [key, value] of new URLSearchParams(location.search)) if (FOREIGN.has(key)) wanted.append(key, value);
    // The server's own spelling, so that a comma stays a comma.
    const search = wanted.size > 0 ? `?${String(wanted).replaceAll("%2C", ",")}` : "";
    if (search === location.search) return;
    const goesOn = Date.now() - this.#changed < ONE_CHANGE || !location.search;
    this.#changed = Date.now();
    history[goesOn ? "replaceState" : "pushState"](history.state, "", location.pathname + search + location.hash);
  }
}

/** Copy what is in `field`. A page on a school's network comes over plain http, where the clipboard API does not exist. */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.focus();
    field.select();
    document.execCommand("copy");
  }
}

class Share {
  constructor(parentElement) {
    this.word = element("span");
    this.button = element("button", { type: "button", "aria-haspopup": "dialog" }, icon("share"), this.word);
    this.field = element("input", { type: "text", readOnly: true });
    this.copy = element("button", { type: "button" });
    this.image = element("img");
    this.status = element("p", { className: "status", role: "status", "aria-live": "polite" });
    this.note = element("p", { className: "note" });
    this.ask = element("input", { type: "checkbox", checked: true });
    this.askWord = element("span");
    this.sheet = element("p", { className: "sheet" });
    this.close = element("button", { type: "button", className: "close" }, "×");
    this.panel = element(
      "dialog", { className: "panel" }, this.close, this.image,
      element("div", { className: "row" }, this.field, this.copy), this.status,
      element("label", {}, this.ask, this.askWord), this.note,
    );
    parentElement.append(element("style", { textContent: SHARE }), element("div", { className: "root" }, this.button, this.sheet, this.panel));
    this.bar = new AddressBar(hostOf(parentElement));
    this.number = 0;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.button.addEventListener("click", () => this.#open());
    this.close.addEventListener("click", () => this.panel.close());
    this.panel.addEventListener("click", (event) => event.target === this.panel && this.panel.close());
    this.ask.addEventListener("change", () => this.#showLink());
    this.copy.addEventListener("click", async () => {
      await copy(this.field);
      this.status.textContent = this.words.copied;
    });
    window.addEventListener("beforeprint", () => { this.sheet.textContent = this.#link(); }, { signal });
    document.addEventListener("click", (event) => this.#follow(event), { signal });
    const page = location.pathname;
    window.addEventListener("popstate", () => {
      if (location.pathname !== page) return;
      this.bar.wait();
      this.number += 1;
      this.setStateValue("wanted", { search: location.search, number: this.number });
    }, { signal });
  }

  /** A link in a text that names settings only ("?batch_size=2") sets them here, without a new page. */
  #follow(event) {
    const link = event.target.closest?.('a[href^="?"]');
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.bar.wait();
    this.number += 1;
    this.setStateValue("wanted", { search: link.getAttribute("href"), number: this.number });
    document.querySelector(".st-key-picture")?.scrollIntoView({ block: "nearest" });
  }

  destroy() { this.leaving.abort(); }

  update({ words, query, shared, qr, reachable, lang, title }, setStateValue) {
    Object.assign(this, { words, shared, qr, reachable, setStateValue });
    this.word.textContent = words.share;
    this.field.setAttribute("aria-label", words.link);
    this.panel.setAttribute("aria-label", words.share);
    this.close.setAttribute("aria-label", words.close);
    this.copy.textContent = words.copy;
    this.askWord.textContent = words.ask;
    this.image.alt = words.qr;
    if (this.panel.open) this.#showLink();
    if (lang) document.documentElement.lang = lang.replace("_", "-");
    if (title) document.title = title;
    if (typeof query === "string") this.bar.tell(query);
  }

  /** The server knows only the query, the browser under which name it reached the page: others may need another name. */
  #link() {
    const origin = new URL(location.origin);
    if (LOOPBACK.has(location.hostname) && this.reachable) origin.hostname = this.reachable;
    const query = [this.shared, this.ask.checked ? "" : "predict=0"].filter(Boolean).join("&");
    return origin.origin + location.pathname + (query && `?${query}`);
  }

  #showLink() {
    const here = LOOPBACK.has(location.hostname);
    const link = this.#link();
    if (link !== this.field.value) this.status.textContent = "";
    this.field.value = link;
    this.note.textContent = here ? (this.reachable ? this.words.instead : this.words.alone).replace("{here}", location.hostname) : "";
    this.image.src = `${this.qr}?link=${encodeURIComponent(link)}`;
  }

  #open() {
    this.#showLink();
    this.panel.showModal();
    this.field.select();
  }
}

const shares = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function share({ data, parentElement, setStateValue }) {
  if (!shares.has(parentElement)) shares.set(parentElement, new Share(parentElement));
  const one = shares.get(parentElement);
  one.update(data, setStateValue);
  return cleanupOnceGone(parentElement, () => {
    one.destroy();
    shares.delete(parentElement);
  });
}
