// Beside the picture the controls are whole: the one that the screen's lower edge would cut comes nearer, or the next screen has it.
import { low } from "./fit.js";

const BESIDE = matchMedia("(min-width: 641px)");
const AROUND = [".st-key-controls", ".st-key-head", ".st-key-presets"];
const CUT = 3; // px of a control below the edge that nobody misses
const NEARER = 9; // px under a slider that may go
const [APART, CLOSER] = ["--bnviz-apart", "--bnviz-closer"];

/** The control of `column` that the edge cuts: its box, and the controls above it; undefined where all are whole. */
function cutIn(column) {
  const controls = [...column.children].map((child) => ({ child, box: child.getBoundingClientRect() })).filter(({ box }) => box.height > 0);
  const at = controls.findIndex(({ box }) => box.top < innerHeight - 1 && box.bottom > innerHeight + CUT);
  return at < 1 ? undefined : { box: controls[at].box, above: controls.slice(0, at).map(({ child }) => child) };
}

/** Put the controls of `column` so near to each other, or so far apart, that the edge cuts none; style.py says what comes of it. */
function fit(column) {
  for (const name of [CLOSER, APART]) column.style.removeProperty(name);
  if (!BESIDE.matches || low()) return;
  const cut = cutIn(column);
  const sliders = cut?.above.filter((child) => child.querySelector("[data-testid=stSlider]")).length;
  const missing = cut && cut.box.bottom - innerHeight;
  if (missing <= NEARER * sliders) column.style.setProperty(CLOSER, `${missing / sliders}px`);
  const left = cut && cutIn(column); // that which has come nearer lets the next one be seen
  if (left) column.style.setProperty(APART, `${(innerHeight - left.box.top) / left.above.length}px`);
}

/** Call what is returned whenever the page has changed, until `signal` is aborted. */
export function keepWhole(signal) {
  let around = [];
  const look = () => {
    const [column] = around;
    const main = column?.closest("[data-testid=stMain]");
    if (main && main.scrollTop === 0) fit(column);
  };
  const sizes = new ResizeObserver(() => requestAnimationFrame(look)); // what is laid out now shall not be laid out again at once
  window.addEventListener("resize", look, { signal });
  signal.addEventListener("abort", () => sizes.disconnect(), { once: true });
  return () => {
    const now = AROUND.map((name) => document.querySelector(name));
    if (now.every((node, i) => node === around[i])) return;
    sizes.disconnect();
    around = now;
    if (now[0]) for (const node of now) if (node) sizes.observe(node);
  };
}
