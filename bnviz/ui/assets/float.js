// On a phone the picture stays in sight while the controls below it are used: its first row, at the top of the screen.
// (Where the controls stand beside the picture, its place in the layout is sticky: see style.py.)
const STACKED = "(max-width: 640px)";
const SHARE = 0.42; // of the screen's height
const [LEAST, MOST] = [200, 0.55]; // px that it has on a low screen, a page at 200 %, and the share of that at most
const LOOKS = ["position", "top", "left", "width", "height", "overflow", "zIndex", "background", "boxShadow"];

/** Pixels of height that the picture has at the top of the screen. */
const heightThere = () => Math.round(Math.max(SHARE * innerHeight, Math.min(LEAST, MOST * innerHeight)));

/** The first picture of the page, and the element of Streamlit around it that keeps its place. */
function hero() {
  const host = document.querySelector(".st-key-picture [data-digest]");
  return host && { host, place: host.closest('[data-testid="stElementContainer"]') ?? host.parentElement };
}

/** Tell the style sheet which element the hero stands in, and the column around it (`:has` would be looked up at every change). */
class Mark {
  #marked = [];

  put(now) {
    const column = now?.place.closest('[data-testid="stColumn"]');
    const wanted = [];
    for (let node = column ? now.place : null; node && node !== column; node = node.parentElement) wanted.push(node);
    for (const node of this.#marked) if (!wanted.includes(node)) node.removeAttribute("data-bnviz-hero");
    wanted.forEach((node, i) => { if (!this.#marked.includes(node)) node.dataset.bnvizHero = i ? "around" : "place"; });
    this.#marked = wanted;
  }
}

const tell = (host) => host.dispatchEvent(new CustomEvent("bnviz:float"));

/** Look after the page's hero until `signal` is aborted. */
export function keepInSight(signal) {
  const stacked = matchMedia(STACKED);
  const mark = new Mark();
  let floating = null;
  let waiting = false;

  const settle = () => {
    if (!floating) return;
    const { host, place } = floating;
    floating = null;
    for (const name of LOOKS) host.style[name] = "";
    delete host.dataset.floating;
    place.style.minHeight = "";
    document.documentElement.style.removeProperty("--bnviz-floating");
    tell(host);
  };

  const float = ({ host, place }) => {
    const { width, height, left } = place.getBoundingClientRect();
    const shown = heightThere();
    floating = { host, place };
    place.style.minHeight = `${height}px`;
    Object.assign(host.style, {
      position: "fixed", top: "0", left: `${left}px`, width: `${width}px`, height: `${shown}px`, overflow: "hidden", zIndex: "1000",
      background: "var(--st-background-color, white)", boxShadow: "0 6px 18px rgb(0 0 0 / .25)",
    });
    host.dataset.floating = shown;
    document.documentElement.style.setProperty("--bnviz-floating", `${shown}px`);
    tell(host);
  };

  const look = () => {
    waiting = false;
    const now = hero();
    mark.put(now);
    if (floating && now?.host !== floating.host) settle();
    const controls = document.querySelector(".st-key-controls")?.getBoundingClientRect();
    if (!now || !controls || !stacked.matches) {
      settle();
      return;
    }
    const place = now.place.getBoundingClientRect();
    const out = place.bottom < heightThere();
    const used = controls.top < innerHeight * 0.85 && controls.bottom > heightThere();
    if (out && used && !floating) float(now);
    else if (floating && !(out && used)) settle();
  };

  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(look);
  };
  document.addEventListener("scroll", soon, { signal, capture: true, passive: true });
  addEventListener("resize", () => { settle(); soon(); }, { signal });
  addEventListener("beforeprint", settle, { signal });
  signal.addEventListener("abort", settle, { once: true });
  return soon;
}
