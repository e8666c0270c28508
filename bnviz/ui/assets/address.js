// The address bar: true to what the page shows, with a history entry for every change that Back can undo; and the server follows it.
import { attendance } from "./attendance.js";

const AFTER_THE_PICTURE = 120; // ms
const ONE_CHANGE = 700; // ms: what follows sooner, of the same setting, is the same change
const LOST = 2000; // ms without an answer
const FOREIGN = new Set(["embed", "embed_options", "class", "present"]); // not of the page, and kept

/** The server's own spelling, so that a comma stays a comma. */
export const spelled = (query) => String(query).replaceAll("%2C", ",");

/** The address's search for the server's `query`. */
function searchOf(query) {
  const wanted = new URLSearchParams(query);
  for (const [key, value] of new URLSearchParams(location.search)) if (FOREIGN.has(key)) wanted.append(key, value);
  return wanted.size > 0 ? `?${spelled(wanted)}` : "";
}

/** Which settings two searches say differently. */
function namesOfDifferences(one, other) {
  const [left, right] = [new URLSearchParams(one), new URLSearchParams(other)];
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => left.get(name) !== right.get(name)).toSorted().join();
}

const withoutSlash = (path) => path.replace(/\/+$/, "");

/** Whether the browser is on the page at `path`. */
const isAt = (path) => withoutSlash(location.pathname) === withoutSlash(path);

const makeEntry = history.pushState.bind(history);

/**
 * One for the whole visit, since Back may be pressed while one page's Share has left and the next has not come. Streamlit itself asks for a
 * run of the page that the address names at every press, but no page can know that from another run. So each press has a number, with which
 * Streamlit is made to ask once more, in place of the first; and what the server tells says which press it has followed.
 */
class AddressBar {
  #listens = false;
  #share = null; // of the page that is shown. `data-address` of its host: late or shown
  #wanted = null; // what the server has not followed yet: { search, path, whole }
  #number = 0; // of the latest press of Back or Forward, or of a link that sets something
  #page = null; // whose address was told last
  #search = ""; // in the address since then, or since the latest press
  #sameEntry = true; // what is told next is what the present entry of the history means
  #changed = { at: 0, names: "" };
  #held = false; // a pointer is down: what is dragged is one change, however long a hand rests
  #released = null; // what waits for it
  #later = null;
  #again = null;
  #asking = null; // the event by which Streamlit is asked

  /** To the browser's history, from the first page on: that may have no Share. */
  listen() {
    if (this.#listens) return;
    this.#listens = true;
    window.addEventListener("popstate", (event) => {
      const onlyHash = this.#wanted === null && this.#page === location.pathname && this.#search === location.search;
      if (event === this.#asking || onlyHash) return;
      this.#search = location.search;
      this.#changed.at = 0;
      this.#sameEntry = true;
      this.#want({ search: location.search, whole: true });
    });
    window.addEventListener("pointerdown", () => { this.#held = true; }, { capture: true });
    for (const type of ["pointerup", "pointercancel"]) {
      window.addEventListener(type, () => {
        this.#held = false;
        this.#released?.();
        this.#released = null;
      }, { capture: true });
    }
    // Streamlit makes an entry for a page that comes, even where the browser has gone on from it in the meantime; and for the page that is
    // left, without its query, where the server leads to another. Entries of the same page are made here only.
    history.pushState = (state, unused, url) => {
      if (!this.#wanted?.whole && !isAt(new URL(url, location.href).pathname)) makeEntry(state, unused, url);
    };
    document.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("a[href]")) this.#wanted = null; // the visitor has moved on
    }, { capture: true });
  }

  /** Have the server set what a link says that names some settings only. */
  follow(search) { this.#want({ search, whole: false }); }

  /** `share`, of the page at `share.path`: its state has this `query`, after the server has followed the presses up to `followed`. */
  tell(share, query, followed) {
    this.#share = share;
    this.#number = Math.max(this.#number, followed); // a visit may be older than what this window remembers
    if (!isAt(share.path)) return; // the browser has left the page
    if (followed >= this.#number || this.#wanted?.path !== location.pathname) this.#wanted = null;
    this.#hold();
    if (this.#wanted !== null) {
      this.#askAgain(); // what was made before the latest press is not told: it would be an entry, and Forward would be gone
      return;
    }
    // Later, since the picture comes first: changing the address takes the browser longer than painting does.
    const show = () => {
      if (!isAt(share.path)) return;
      this.#show(searchOf(query));
      attendance().lead();
      share.host.dataset.address = "shown";
    };
    this.#later = setTimeout(() => {
      if (this.#held) this.#released = show;
      else show();
    }, AFTER_THE_PICTURE);
  }

  /** `share` has left the page. */
  leave(share) {
    if (this.#share !== share) return;
    this.#hold();
    this.#share = null;
  }

  #want(wanted) {
    this.#wanted = { ...wanted, path: location.pathname };
    this.#number += 1;
    this.#hold();
    this.#ask();
  }

  /** Streamlit reads the address at once; nobody else sees it as it is then. */
  #ask() {
    const { href } = location;
    const query = new URLSearchParams(this.#wanted.search);
    query.set(this.#wanted.whole ? "pressed" : "followed", String(this.#number));
    this.#asking = new PopStateEvent("popstate", { state: history.state });
    history.replaceState(history.state, "", `${location.pathname}?${query}`);
    window.dispatchEvent(this.#asking);
    history.replaceState(history.state, "", href);
    this.#askAgain();
  }

  /** A run that the server began for something else at the same moment may have taken the place of this one. */
  #askAgain() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (this.#wanted?.path === location.pathname && this.#share && isAt(this.#share.path)) this.#ask();
    }, LOST);
  }

  #hold() {
    clearTimeout(this.#later);
    this.#released = null;
    if (this.#share) this.#share.host.dataset.address = "late";
  }

  #show(search) {
    const sameEntry = this.#sameEntry || this.#page !== location.pathname;
    this.#sameEntry = false;
    this.#page = location.pathname;
    if (search !== location.search) {
      const now = { at: Date.now(), names: namesOfDifferences(search, location.search) };
      const goesOn = now.names === this.#changed.names && now.at - this.#changed.at < ONE_CHANGE;
      if (!sameEntry) this.#changed = now;
      const address = location.pathname + search + location.hash;
      if (sameEntry || goesOn) history.replaceState(history.state, "", address);
      else makeEntry(history.state, "", address);
    }
    attendance().showInAddress();
    this.#search = location.search;
  }
}

export const bar = new AddressBar();
