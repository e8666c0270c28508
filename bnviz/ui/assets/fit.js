// How tall and how large a picture may be: type grows with the screen, and the first picture of a lab ends where the screen does.
const WIDEST_SCALE = 3;
const LEAST = 0.55; // of the height that a picture asks for
const MOST = 1.4; // of it, but where the picture is all that is shown
const SHORT = 520; // px: a phone held sideways, a page at 200 %
const LEAST_PIXELS = 170;
const LEAST_FLOATING = 110; // px
const SHEET = { width: 960, height: 330 }; // px: of what is printed across on A4 and on Letter, beside what else belongs on the sheet

/** Whether the page is being printed. */
export const printed = () => "paper" in document.documentElement.dataset;

/** The width that there is for `host`: its own, or on paper that of the sheet, which it may share with what stands beside it. */
export function widthFor(host) {
  const width = Math.floor(host.getBoundingClientRect().width);
  if (!printed()) return width;
  if (!host.closest(".st-key-picture")) return Math.min(width, SHEET.width);
  const beside = host.closest('.st-key-picture [data-testid="stHorizontalBlock"]')?.childElementCount ?? 1;
  return Math.floor(SHEET.width / beside);
}

/** How much larger than 16 px the page's type is. */
export function typeScale() {
  if (printed()) return 1;
  const pixels = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.min(Math.max(pixels / 16 || 1, 1), WIDEST_SCALE);
}

/** Whether the screen is that of a phone held sideways, or a page is at 200 %. */
export const low = () => !printed() && window.innerHeight < SHORT;

const isHero = (host) => document.querySelector(".st-key-picture [data-digest]") === host;

/** Whether `host` stands under the hero: its buttons then come first, next to the hero that they drive. */
export const isBelow = (host) => host.closest(".st-key-below") !== null;

/** The height of the hero `host`, which asks for `wanted` pixels and has `under` pixels more below `node`, so that it ends at the fold. */
export function heroHeight(host, node, wanted, under) {
  if (printed() && host.closest(".st-key-picture")) return Math.max(SHEET.height, LEAST * wanted);
  if (!isHero(host)) return wanted;
  const floating = Number(host.dataset.floating);
  if (floating) return Math.max(floating - under, LEAST_FLOATING);
  const screen = window.innerHeight;
  const scroller = host.closest("[data-testid=stMain]");
  if (!scroller || scroller.scrollTop > 0) return Number(host.dataset.fitted) || wanted;
  const most = "present" in document.documentElement.dataset ? Infinity : MOST;
  const room = screen - node.getBoundingClientRect().top - under;
  const fitted = Math.round(Math.min(Math.max(room, low() ? LEAST_PIXELS : LEAST * wanted), most * wanted));
  host.dataset.fitted = fitted;
  return fitted;
}

/** The pixels from `node`, the stage of the hero `host`, to the lower edge of the screen, of which `under` are covered; undefined beside a hero and on paper. */
export function heroFold(host, node, under) {
  if (printed() || !isHero(host)) return undefined;
  const scroller = host.closest("[data-testid=stMain]");
  if (scroller && scroller.scrollTop === 0) host.dataset.fold = Math.floor(window.innerHeight - node.getBoundingClientRect().top - under);
  return Number(host.dataset.fold) > 0 ? Number(host.dataset.fold) : undefined;
}

/** Call `look` whenever the hero's place or the screen may have changed, until `signal` is aborted. */
export function watchRoom(host, look, signal) {
  const watcher = new ResizeObserver(look);
  for (const name of [".st-key-head", ".st-key-presets", ".st-key-picture"]) {
    const around = document.querySelector(name);
    if (around && (name !== ".st-key-picture" || around.contains(host))) watcher.observe(around);
  }
  signal.addEventListener("abort", () => watcher.disconnect(), { once: true });
  window.addEventListener("resize", look, { signal });
  host.addEventListener("bnviz:float", look, { signal });
}
