// The share component: the page's link to read, copy or photograph, and the document's language and title.
import { bar, spelled } from "./address.js";
import { DESK, attendance } from "./attendance.js";
import { cleanupOnceGone, copy, element, hostOf, shared as sharedState, unquoted } from "./common.js";
import { icon } from "./menu.js";
import { LOOPBACK, reachableOrigin } from "./origin.js";
import { SHARE } from "./styles.js";

class Share {
  // As the page tells at every rerun.
  words;
  shared;
  qr;
  reachable;
  path;

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
    this.sheetCode = element("img", { className: "sheet code", alt: "" });
    this.boxes = element("tbody");
    this.chosen = new Map(); // name of a setting → whether a visitor of this page wants it shown, and locked
    this.boxWords = [element("summary"), element("th", { scope: "col" }), element("th", { scope: "col" })];
    const [summary, show, lock] = this.boxWords;
    this.restrict = element("details", {}, summary, element("div", { className: "list" }, element("table", {}, element("thead", {}, element("tr", {}, element("td"), show, lock)), this.boxes)));
    this.frameWords = [element("summary"), element("p", { className: "note" })];
    this.frame = element("textarea", { readOnly: true, rows: 3 });
    this.copyFrame = element("button", { type: "button" });
    this.embed = element("details", {}, this.frameWords[0], this.frame, this.copyFrame, this.frameWords[1]);
    this.also = Object.fromEntries(["present", "print", "class"].map((does) => {
      const button = element("button", { type: "button" });
      button.addEventListener("click", () => this.#also(does));
      return [does, button];
    }));
    this.close = element("button", { type: "button", className: "close" }, "×");
    this.panel = element(
      "dialog", { className: "panel" }, this.close, this.image,
      element(
        "div", { className: "link" }, element("div", { className: "row" }, this.field, this.copy), this.status,
        element("label", {}, this.ask, this.askWord), this.note, this.restrict, this.embed,
        element("div", { className: "row also" }, ...Object.values(this.also)),
      ),
    );
    const root = element("div", { className: "root" }, this.button, this.sheet, this.sheetCode, this.panel);
    parentElement.append(element("style", { textContent: SHARE }), root);
    this.host = hostOf(parentElement);
    bar.listen();
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
    this.boxes.addEventListener("change", () => {
      for (const row of this.boxes.rows) this.chosen.set(row.dataset.name, [...row.querySelectorAll("input")].map(({ checked }) => checked));
      this.#showLink();
    });
    this.copyFrame.addEventListener("click", async () => {
      await copy(this.frame);
      this.status.textContent = this.words.copied;
    });
    window.addEventListener("beforeprint", () => { this.sheet.textContent = this.#link(); }, { signal });
    document.addEventListener("click", (event) => this.#follow(event), { signal });
    window.addEventListener("popstate", () => this.panel.close(), { signal });
  }

  /** A link in a text that names settings only ("?batch_size=2") sets them here, without a new page. */
  #follow(event) {
    const link = event.target.closest?.('a[href^="?"]');
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    bar.follow(link.getAttribute("href"));
    document.querySelector(".st-key-picture")?.scrollIntoView({ block: "nearest" });
  }

  destroy() {
    this.leaving.abort();
    bar.leave(this);
  }

  update({ words, path, query, followed = 0, shared, qr, reachable, lang, title, asked, headline, settings, controls = [] }) {
    if (JSON.stringify(attendance().page) !== JSON.stringify(asked ?? null)) attendance().publish({ page: asked ?? null });
    Object.assign(this, { words, path, shared, qr, reachable });
    this.word.textContent = words.share;
    this.field.setAttribute("aria-label", words.link);
    this.panel.setAttribute("aria-label", words.share);
    this.close.setAttribute("aria-label", words.close);
    this.copy.textContent = words.copy;
    this.askWord.textContent = words.ask;
    this.image.alt = words.qr;
    this.#list(controls);
    for (const [does, button] of Object.entries(this.also)) button.textContent = words[does];
    this.boxWords.forEach((node, index) => { node.textContent = [words.restrict, words.show, words.lock][index]; });
    this.frameWords.forEach((node, index) => { node.textContent = unquoted([words.embed, words.embed_note][index]); });
    this.copyFrame.textContent = words.copy;
    this.frame.ariaLabel = words.embed;
    sharedState().foot = () => [headline, settings, this.#link()].filter(Boolean);
    if (this.panel.open) this.#showLink();
    if (lang) document.documentElement.lang = lang.replace("_", "-");
    if (title) document.title = title;
    bar.tell(this, query, followed);
  }

  /** The server knows only the query, the browser under which name it reached the page: others may need another name. */
  #link() {
    const query = new URLSearchParams(this.shared);
    if (!this.ask.checked) query.set("predict", "0");
    for (const [key, names] of Object.entries(this.#restrictions())) {
      if (names.length > 0) query.set(key, names.join(","));
      else query.delete(key);
    }
    return reachableOrigin(this.reachable) + location.pathname + (query.size > 0 ? `?${spelled(query)}` : "");
  }

  /** What the boxes say: the settings that are shown, none where all are, and those that are locked. */
  #restrictions() {
    const rows = [...this.boxes.rows].map((row) => ({ name: row.dataset.name, boxes: row.querySelectorAll("input") }));
    const shown = rows.filter(({ boxes }) => boxes[0].checked);
    const locked = rows.filter(({ boxes }) => boxes[0].checked && boxes[1].checked);
    return { show: shown.length < rows.length ? shown.map(({ name }) => name) : [], lock: locked.map(({ name }) => name) };
  }

  /** A line of boxes for each setting, as the present link has them, or as they were chosen before something else was changed. */
  #list(controls) {
    const key = JSON.stringify([controls, this.shared]);
    if (key === this.listed) return;
    this.listed = key;
    this.restrict.hidden = this.embed.hidden = controls.length === 0;
    const link = new URLSearchParams(this.shared);
    const [shown, locked] = ["show", "lock"].map((name) => link.get(name)?.split(",") ?? []);
    this.boxes.replaceChildren(...controls.map(([name, label]) => {
      const box = (checked, word) => element("td", {}, element("input", { type: "checkbox", checked, "aria-label": `${label}: ${word}` }));
      const [on, still] = this.chosen.get(name) ?? [shown.length === 0 || shown.includes(name), locked.includes(name)];
      return element("tr", { "data-name": name }, element("th", { scope: "row", textContent: label }), box(on, this.words.show), box(still, this.words.lock));
    }));
  }

  async #also(does) {
    this.panel.close();
    if (does === "present") window.dispatchEvent(new Event("bnviz:present"));
    else if (does === "class") attendance().go({ page: DESK, query: {} });
    else {
      this.sheetCode.src = `${this.qr}?link=${encodeURIComponent(this.#link())}`;
      await this.sheetCode.decode().catch(() => { /* a link too long for a code is printed in letters */ });
      window.print();
    }
  }

  #showLink() {
    const here = LOOPBACK.has(location.hostname);
    const link = this.#link();
    if (link !== this.field.value) this.status.textContent = "";
    this.field.value = link;
    this.note.textContent = here ? unquoted(this.reachable ? this.words.instead : this.words.alone).replace("{here}", location.hostname) : "";
    const framed = new URL(link);
    framed.searchParams.set("embed", "true");
    this.frame.value = `<iframe src="${framed.origin}${framed.pathname}?${spelled(framed.searchParams)}" title="bnviz" width="100%" height="640" loading="lazy"></iframe>`;
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
export default function share({ data, parentElement }) {
  if (!shares.has(parentElement)) shares.set(parentElement, new Share(parentElement));
  const one = shares.get(parentElement);
  one.update(data);
  return cleanupOnceGone(parentElement, () => {
    one.destroy();
    shares.delete(parentElement);
  });
}
