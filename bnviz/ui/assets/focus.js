// Who works by keyboard stays where they are: Streamlit draws a button anew whose looks change, disables one that has nothing more to do,
// and takes away a question that is answered, and each time the focus would start over at the top of the page.
const KEY = /\bst-key-[\w-]+/;
const REACHABLE = ":is(button, input, select, textarea, summary, a[href]):not(:disabled, [tabindex='-1'], a[href^='#'])"; // no heading's own link
const RUNS_MS = 100;

/** The classes of Streamlit's keys around `node`, the innermost first. */
function keysAround(node) {
  const keys = [];
  for (let one = node; one instanceof Element; one = one.parentElement) {
    const key = KEY.exec(one.getAttribute("class") ?? "");
    if (key) keys.push(key[0]);
  }
  return keys;
}

const usable = (node) => node.isConnected && !node.disabled;
const nowhere = () => document.activeElement === null || document.activeElement === document.body || !usable(document.activeElement);
const running = () => document.querySelector("[data-test-script-state=notRunning]") === null;

/** What can have the focus first in what has this key, a component's own buttons among it. */
function within(key) {
  for (const node of document.querySelectorAll(`.${CSS.escape(key)} *`)) {
    const found = node.matches(REACHABLE) ? node : node.shadowRoot?.querySelector(REACHABLE);
    if (found instanceof HTMLElement) return found;
  }
  return null;
}

/** Call what is returned whenever the page has changed, until `signal` is aborted. */
export function keepFocus(signal) {
  let last = null; // what had the focus, and the keys around it
  let waiting;
  const disabled = new MutationObserver(() => look());

  function follow(target) {
    last = { node: target, keys: keysAround(target) };
    disabled.disconnect();
    if (target instanceof Node) disabled.observe(target, { attributes: true, attributeFilter: ["disabled"] });
  }

  if (!nowhere()) follow(document.activeElement); // the page may have been in use before this came
  document.addEventListener("focusin", ({ target }) => follow(target), { signal });
  signal.addEventListener("abort", () => disabled.disconnect());
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (relatedTarget === null) setTimeout(() => { if (last?.node === target && usable(target) && nowhere()) last = null; }); // given up
  }, { signal });

  window.addEventListener("bnviz:usable", () => look(), { signal });

  function look() {
    clearTimeout(waiting);
    if (last === null || usable(last.node) || !nowhere()) return;
    const [own, ...around] = last.keys;
    const again = own === undefined ? null : within(own);
    if (again === null && running()) waiting = setTimeout(look, RUNS_MS); // it may still come
    else (again ?? around.map(within).find(Boolean))?.focus({ preventScroll: true });
  }
  return look;
}
