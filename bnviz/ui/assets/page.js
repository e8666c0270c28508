// What belongs to every page and to no picture: a link past the navigation, the sidebar on small screens, what sliders and buttons are called.
import { bar } from "./address.js";
import { cleanupOnceGone, element, luminance } from "./common.js";
import { keepInSight } from "./float.js";
import { keepFocus } from "./focus.js";
import { keepWhole } from "./fold.js";
import { NativeWords } from "./native.js";
import { Presenter } from "./present.js";
import { placeTools } from "./tools.js";

const NARROW = 900;
const ASK_AGAIN_MS = 2500;
const SLIDER = '[data-testid="stSlider"] input[type=range][aria-labelledby]';
const WIDE = ".katex-display, .stMarkdown pre, :is(.st-key-picture, .st-key-below) table";
const OPEN = "[aria-expanded=true], [role=listbox], [role=menu]";
const TARGETS = [".st-key-controls", ".st-key-prediction", '[data-testid="stMain"]'];

/**
 * Streamlit opens the sidebar wherever it is wider than a phone; where it would take a quarter of the screen it opens when asked.
 * The sidebar may come later than this component; what is open once it has been looked at, a visitor has opened.
 */
function closeSidebarOnce() {
  const sidebar = document.querySelector('[data-testid="stSidebar"]');
  if (!sidebar || "bnviz" in document.documentElement.dataset) return;
  /** @type {HTMLElement | null} */
  const collapse = sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button');
  if (innerWidth < NARROW && sidebar.getAttribute("data-collapsed") === "false") collapse?.click();
  document.documentElement.dataset.bnviz = "ready";
}

/** React names the handle after its group and after itself, and both say the same. */
function nameSlidersOnce() {
  for (const input of document.querySelectorAll(SLIDER)) if (input.ariaLabel) input.removeAttribute("aria-labelledby");
}

/** What scrolls sideways is reached by keyboard, in every browser. */
function reachWide() {
  for (const wide of document.querySelectorAll(WIDE)) if (wide instanceof HTMLElement && wide.tabIndex < 0 && wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}

/** Whether Streamlit has lost its server. */
function disconnected() {
  /** @type {HTMLElement | null} */
  const app = document.querySelector('[data-testid="stApp"]');
  const state = app?.dataset.testConnectionState;
  return state && !["CONNECTED", "INITIAL", "STATIC_CONNECTED"].includes(state);
}

/**
 * Where several servers share an address, the proxy redirects the links of one that is down to another. A page that was open sees
 * a lost connection only, so it asks, and follows: what it shows is in its link.
 */
function followRedirect(signal) {
  const timer = setInterval(async () => {
    if (!disconnected()) return;
    const answer = await fetch(location.href, { redirect: "manual", cache: "no-store", signal }).catch(() => null);
    if (answer?.type === "opaqueredirect" && disconnected()) location.reload();
  }, ASK_AGAIN_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** Pictures are printed as wide as the sheet, a dark page in black on white: paper is no screen. */
function onPaper(wanted) {
  const { dataset } = document.documentElement;
  if (wanted === "paper" in dataset) return; // a browser may say it twice
  const app = document.querySelector('[data-testid="stApp"]');
  if (wanted) dataset.paper = app !== null && luminance(getComputedStyle(app).backgroundColor) < 0.2 ? "dark" : "light";
  else delete dataset.paper;
  window.dispatchEvent(new Event("bnviz:paper"));
}

/**
 * A list, a menu or a dialog closes where the browser goes back or forward: it belongs to what was. (A press of another button closes
 * lists and menus by itself.) Escape leaves the focus where it is, and takes nothing else along.
 */
function closeWhatIsOpen() {
  for (const dialog of document.querySelectorAll("dialog[open]")) if (dialog instanceof HTMLDialogElement) dialog.close();
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  if (focused?.closest(OPEN)) focused.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
}

/** Where Streamlit's frontend has lost a message that the server counts on, it never goes on: the address brings the state back. */
function reloadWhereStuck() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) if (dialog.textContent?.includes("ForwardMsg MISS")) location.reload();
}

class PageWide {
  constructor() {
    bar.listen();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    const look = keepInSight(signal);
    const focus = keepFocus(signal);
    const tools = placeTools(signal);
    const whole = keepWhole(signal);
    this.skip = element("button", { type: "button", className: "bnviz-skip" });
    this.skip.addEventListener("click", () => this.#skip());
    document.body.prepend(this.skip);
    this.presenter = new Presenter(signal);
    this.native = new NativeWords();
    let waiting = false;
    const changed = () => {
      waiting = false;
      reloadWhereStuck();
      closeSidebarOnce();
      nameSlidersOnce();
      reachWide();
      this.native.look();
      tools();
      look();
      focus();
      whole();
    };
    this.watcher = new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(changed);
    });
    this.watcher.observe(document.body, { childList: true, subtree: true });
    document.addEventListener("scroll", ({ target }) => {
      if (target instanceof HTMLElement && target.dataset.testid === "stMain") document.documentElement.toggleAttribute("data-scrolled", target.scrollTop > 8);
    }, { signal, capture: true, passive: true });
    window.addEventListener("beforeprint", () => onPaper(true), { signal });
    window.addEventListener("afterprint", () => onPaper(false), { signal });
    window.addEventListener("popstate", closeWhatIsOpen, { signal });
    followRedirect(signal);
    changed();
  }

  update({ skip, present, native, lost }) {
    this.native.update(native, lost);
    this.skip.textContent = skip;
    this.presenter.update(present);
  }

  close() {
    this.leaving.abort();
    this.watcher.disconnect();
    this.skip.remove();
  }

  /** Put the focus on the first control of what the page is about. */
  #skip() {
    const target = TARGETS.map((selector) => document.querySelector(selector)).find(Boolean);
    /** @type {HTMLElement | null | undefined} */
    const control = target?.querySelector("input, button:not([aria-label^=Help]), a[href], [tabindex='0']");
    control?.focus();
    target?.scrollIntoView({ block: "nearest" });
  }
}

const mounted = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function page({ data, parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new PageWide());
  const one = mounted.get(parentElement);
  one.update(data);
  return cleanupOnceGone(parentElement, () => {
    one.close();
    mounted.delete(parentElement);
  });
}
