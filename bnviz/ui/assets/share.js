// The share component: the page's link to read, copy or photograph, and the document's language and title.
import { cleanupOnceGone, element } from "./common.js";
import { icon } from "./menu.js";
import { SHARE } from "./styles.js";

/** Full address: the server knows only the query, the browser knows under which name it reached the page. */
function fullLink(url) {
  if (!url) return location.href;
  return url.startsWith("?") ? location.origin + location.pathname + url : url;
}

const AFTER_THE_PICTURE = 120;
const FOREIGN = new Set(["embed", "embed_options"]);

/** Keep the address bar true without a history entry for every move of a slider. */
function showInAddressBar(query) {
  const wanted = new URLSearchParams(query);
  for (const [key, value] of new URLSearchParams(location.search)) if (FOREIGN.has(key)) wanted.append(key, value);
  // The server's own spelling, so that a comma stays a comma.
  const search = wanted.size > 0 ? `?${String(wanted).replaceAll("%2C", ",")}` : "";
  if (search !== location.search) history.replaceState(history.state, "", location.pathname + search + location.hash);
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
    this.button = element("button", { type: "button", "aria-expanded": "false" }, icon("share"), this.word);
    this.field = element("input", { type: "text", readOnly: true });
    this.copy = element("button", { type: "button" });
    this.image = element("img", { hidden: true });
    this.status = element("p", { className: "status", role: "status", "aria-live": "polite" });
    this.panel = element(
      "div", { className: "panel", hidden: true }, element("div", { className: "row" }, this.field, this.copy), this.status, this.image,
    );
    parentElement.append(element("style", { textContent: SHARE }), element("div", { className: "root" }, this.button, this.panel));
    this.button.addEventListener("click", () => this.#open(this.panel.hidden));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#open(false);
      this.button.focus();
    });
    this.copy.addEventListener("click", async () => {
      await copy(this.field);
      this.status.textContent = this.words.copied;
    });
  }

  update({ words, url, query, qr, lang, title }) {
    const link = fullLink(url);
    if (link !== this.field.value) this.status.textContent = "";
    this.words = words;
    this.word.textContent = words.share;
    this.field.value = link;
    this.field.setAttribute("aria-label", words.link);
    this.copy.textContent = words.copy ?? words.share;
    this.image.hidden = !qr;
    this.image.alt = words.qr;
    this.qr = qr;
    if (!this.panel.hidden) this.#showCode();
    if (lang) document.documentElement.lang = lang.replace("_", "-");
    if (title) document.title = title;
    if (typeof query === "string") this.#tellAddressBar(query);
  }

  /** Later, since the picture comes first: changing the address takes the browser longer than painting does. */
  #tellAddressBar(query) {
    const page = location.pathname;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => location.pathname === page && showInAddressBar(query), AFTER_THE_PICTURE);
  }

  #showCode() {
    if (this.qr) this.image.src = `${this.qr}?link=${encodeURIComponent(this.field.value)}`;
  }

  #open(wanted) {
    this.panel.hidden = !wanted;
    if (wanted) this.#showCode();
    this.button.setAttribute("aria-expanded", String(wanted));
    if (!wanted) this.status.textContent = "";
    else this.field.select();
  }
}

const shares = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function share({ data, parentElement }) {
  if (!shares.has(parentElement)) shares.set(parentElement, new Share(parentElement));
  shares.get(parentElement).update(data);
  return cleanupOnceGone(parentElement, () => shares.delete(parentElement));
}
