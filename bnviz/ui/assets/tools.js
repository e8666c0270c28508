// Back, Reset and Share stand at the end of the presets' row, or beside the title where they would have a row to themselves.
const WIDE = matchMedia("(min-width: 641px) and (min-height: 521px)");
const [PRESETS, TRIES, TOOLS] = [".st-key-presets", ".st-key-tries > *", ".st-key-presets > :nth-child(2)"];

/** Whether the last of `widths` begins a row, in rows of `room` pixels with `gap` between what stands in them. */
export function alone(widths, room, gap) {
  let left = 0;
  return widths.map((width) => {
    const breaks = left > 0 && left + width > room + 0.5;
    left = (breaks ? 0 : left) + width + gap;
    return breaks;
  }).at(-1) ?? false;
}

/** Put the tools where they belong; style.py says what comes of it. */
function place() {
  const row = document.querySelector(PRESETS);
  const nodes = [...document.querySelectorAll(TRIES), ...document.querySelectorAll(TOOLS)];
  const widths = nodes.map((node) => node.getBoundingClientRect().width).filter((width) => width > 0);
  const raised = row !== null && WIDE.matches && alone(widths, row.clientWidth, parseFloat(getComputedStyle(row).columnGap) || 0);
  document.documentElement.toggleAttribute("data-tools-raised", raised);
}

/** Call what is returned whenever the page has changed, until `signal` is aborted. */
export function placeTools(signal) {
  window.addEventListener("resize", place, { signal });
  return place;
}
