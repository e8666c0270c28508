// On a small screen the picture stays in sight while the controls below it are used: smaller, at the top.
const SMALL = "(max-width: 900px), (max-height: 520px)";
const SHARE = 0.36; // of the screen's height, at most

/** The first picture of the page, and the element of Streamlit around it that keeps its place. */
function hero() {
  const host = document.querySelector(".st-key-picture [data-digest]");
  return host && { host, place: host.closest('[data-testid="stElementContainer"]') ?? host.parentElement };
}

/** Look after the page's hero until `signal` is aborted. */
export function keepInSight(signal) {
  const small = matchMedia(SMALL);
  let floating = null;
  let waiting = false;

  const settle = () => {
    if (!floating) return;
    const { host, place } = floating;
    for (const name of ["position", "top", "left", "width", "zIndex", "transform", "transformOrigin", "background", "boxShadow", "pointerEvents"]) {
      host.style[name] = "";
    }
    place.style.minHeight = "";
    document.documentElement.style.scrollPaddingTop = "";
    floating = null;
  };

  const float = ({ host, place }) => {
    const { width, height, left } = place.getBoundingClientRect();
    const scale = Math.min(1, (SHARE * innerHeight) / height);
    place.style.minHeight = `${height}px`;
    Object.assign(host.style, {
      position: "fixed", top: "0", left: `${left + (width * (1 - scale)) / 2}px`, width: `${width}px`, zIndex: "1000",
      transform: `scale(${scale})`, transformOrigin: "top left", pointerEvents: "none",
      background: "var(--st-background-color, white)", boxShadow: "0 6px 18px rgb(0 0 0 / .25)",
    });
    document.documentElement.style.scrollPaddingTop = `${height * scale + 12}px`;
    floating = { host, place };
  };

  const look = () => {
    waiting = false;
    const now = hero();
    if (floating && now?.host !== floating.host) settle();
    const controls = document.querySelector(".st-key-controls")?.getBoundingClientRect();
    if (!now || !controls || !small.matches) return settle();
    const place = now.place.getBoundingClientRect();
    const out = place.bottom < SHARE * innerHeight * 0.8;
    const used = controls.top < innerHeight * 0.8 && controls.bottom > SHARE * innerHeight;
    if (out && used && !floating) float(now);
    else if (floating && !(out && used)) settle();
    return undefined;
  };

  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(look);
  };
  document.addEventListener("scroll", soon, { signal, capture: true, passive: true });
  addEventListener("resize", () => { settle(); soon(); }, { signal });
  signal.addEventListener("abort", settle, { once: true });
  return soon;
}
