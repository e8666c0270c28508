// Styles inside the components' shadow roots; every colour comes from Streamlit's custom properties.

export const CONTROLS = `
:host { display: block; }
* { box-sizing: border-box; }
.root {
  container-type: inline-size; position: relative; outline: none; font-family: var(--st-font, sans-serif); font-size: 1rem;
  color: var(--st-text-color, black);
  --line: color-mix(in srgb, var(--st-text-color, black) 26%, var(--st-background-color, white));
}
button, select {
  font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: var(--st-button-radius, 8px);
  height: 2.375rem; min-width: 2.375rem; padding: 0 .55rem; cursor: pointer; display: inline-flex; align-items: center; justify-content: center; gap: 7px;
}
select { background: var(--st-background-color, white); padding: 0 4px; }
button:hover, select:hover { background: var(--st-secondary-background-color, whitesmoke); }
:is(button, select, input):focus-visible { outline: 2px solid var(--st-primary-color, blue); outline-offset: 2px; }
button[hidden] { display: none; }
button[aria-pressed=true] { background: var(--st-secondary-background-color, whitesmoke); border-color: var(--st-primary-color, blue); }
button svg { width: 1.25rem; height: 1.25rem; fill: currentColor; flex: none; }
.menu { position: relative; display: inline-block; white-space: nowrap; }
.menu [role=menu] {
  position: absolute; right: 0; bottom: calc(100% + 5px); z-index: 20; min-width: 9.5rem; padding: 4px; display: grid;
  background: var(--st-background-color, white); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 16px rgb(0 0 0 / .2);
}
.menu [role=menu][hidden] { display: none; }
.menu [role=menuitem] { border: 0; justify-content: flex-start; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (pointer: coarse) { button, select { height: 44px; min-width: 44px; } }
@container (max-width: 519px) {
  button, select { height: 44px; min-width: 44px; }
  .word { display: none; }
}
`;

export const PLAYER = `${CONTROLS}
.caption { display: grid; margin: 0 0 .6rem; font-size: 1.25rem; line-height: 1.35; text-wrap: pretty; }
.caption > * { grid-area: 1 / 1; margin: 0; }
.caption [aria-hidden], .position [aria-hidden] { visibility: hidden; }
.stage { position: relative; overflow: hidden; }
.stage canvas { display: block; position: absolute; top: 0; left: 0; touch-action: pan-y; user-select: none; }
.bar {
  display: flex; align-items: center; gap: 8px; margin-top: .6rem; padding: 4px 2px; position: sticky; bottom: 0; z-index: 5;
  background: var(--st-background-color, white);
}
.bar input[type=range] { flex: 1 1 0; min-width: 60px; height: 38px; margin: 0 6px; accent-color: var(--st-primary-color, blue); cursor: pointer; }
.position { display: grid; white-space: nowrap; font-variant-numeric: tabular-nums; }
.position > * { grid-area: 1 / 1; }
.bar.compact > :is(.back, .forward, .speed, .menu) { display: none; }
.below { display: flex; flex-direction: column; }
.below .bar { order: -1; top: 0; bottom: auto; margin: 0 0 .4rem; }
.below .menu [role=menu] { bottom: auto; top: calc(100% + 5px); }
:host([data-floating]) .bar { display: none; }
:host([data-floating]) .caption { font-size: .95rem; margin: .2rem 0; }
@media (max-height: 520px) { .caption { font-size: 1rem; margin-bottom: .2rem; } .bar { margin-top: .2rem; } }
@media print { .bar { display: none; } .stage { height: auto !important; } .stage canvas { position: static; max-width: 100%; max-height: 95mm; width: auto !important; height: auto !important; } }
.play { min-width: 3.25rem; background: var(--st-secondary-background-color, whitesmoke); }
@container (max-width: 599px) { .bar .word { display: none; } }
@container (max-width: 519px) {
  .caption { font-size: 1.1rem; }
  .bar {
    display: grid; gap: 2px 8px; grid-template-columns: repeat(3, auto) 1fr repeat(3, auto);
    grid-template-areas: "scrub scrub scrub scrub position position position" "back play forward . turn speed menu";
  }
  .bar input[type=range] { grid-area: scrub; margin: 0; height: 44px; }
  .bar.compact { display: flex; }
  .bar .back { grid-area: back; }
  .bar .play { grid-area: play; min-width: 64px; }
  .bar .forward { grid-area: forward; }
  .bar .turn { grid-area: turn; }
  .bar .speed { grid-area: speed; }
  .bar .menu { grid-area: menu; }
  .position { grid-area: position; font-size: .95rem; }
}
`;

export const CHART = `${CONTROLS}
.plot { position: relative; overflow: hidden; }
.plot > figure { margin: 0; position: absolute; inset: 0; }
.playhead {
  position: absolute; left: -1px; top: 0; width: 2px; pointer-events: none; background: var(--st-text-color, black); opacity: .75; will-change: transform;
}
.message { padding: 1rem; margin: 0; }
.foot { display: flex; justify-content: flex-end; }
.foot button { border-color: transparent; }
:host([data-floating]) .foot { display: none; }
@media print { .foot { display: none; } }
`;

export const SHARE = `${CONTROLS}
.root > button { height: 1.95rem; font-size: .88rem; }
@media (pointer: coarse) { .root > button { height: 44px; } }
.sheet { display: none; }
details summary { cursor: pointer; padding: .3rem 0; }
details table { border-collapse: collapse; width: 100%; }
details th { font-weight: 400; text-align: start; }
details td, details thead th { text-align: center; padding: .15rem .4rem; }
details td input { width: 1.2rem; height: 1.2rem; accent-color: var(--st-primary-color, blue); }
textarea { width: 100%; font: .9rem var(--st-code-font, monospace); color: inherit; background: var(--st-secondary-background-color, whitesmoke); border: 1px solid var(--line); border-radius: 6px; }
.also { flex-wrap: wrap; }
@media print { .root > button { display: none; } .sheet.code[src] { width: 24mm; position: absolute; right: 0; top: -4.2rem; } .sheet { display: block; margin: 0; text-align: start; overflow-wrap: anywhere; } @container (max-width: 200px) { .sheet { position: absolute; right: 0; white-space: nowrap; } } }
.root { text-align: end; }
.panel {
  width: min(34rem, calc(100vw - 1.5rem)); max-height: calc(100dvh - 1.5rem); overflow-y: auto; padding: 1.25rem; text-align: start; color: inherit;
  border: 1px solid var(--line); border-radius: 12px; background: var(--st-background-color, white); box-shadow: 0 8px 40px rgb(0 0 0 / .3);
}
.panel[open] { display: grid; gap: .75rem; }
.panel::backdrop { background: rgb(0 0 0 / .45); }
.close { justify-self: end; font-size: 1.4rem; border-color: transparent; margin: -.6rem -.6rem -.4rem 0; }
.row { display: flex; gap: 8px; }
.row input {
  flex: 1 1 0; min-width: 0; height: 44px; padding: 0 8px; font: inherit; color: inherit; background: var(--st-secondary-background-color, whitesmoke);
  border: 1px solid var(--line); border-radius: 6px;
}
.panel img { width: min(100%, 24rem, 52dvh); aspect-ratio: 1; justify-self: center; background: white; padding: 10px; border-radius: 6px; }
.link { display: grid; gap: .75rem; align-content: start; min-width: 0; }
.list { max-height: 38dvh; overflow-y: auto; }
@media (min-width: 760px) {
  .panel { width: min(60rem, calc(100vw - 1.5rem)); }
  .panel[open] { grid-template-columns: auto minmax(0, 1fr); column-gap: 1.25rem; }
  .panel .close { grid-column: 1 / -1; }
  .panel img { width: min(40vw, 24rem, 100dvh - 6rem); }
}
@media (min-width: 760px) and (max-height: 520px) {
  .panel { padding: .75rem 1rem; }
  .panel .close { position: absolute; right: .75rem; top: .75rem; margin: 0; }
  .link { gap: .4rem; padding-right: 3rem; }
}
.panel label { display: flex; gap: .6rem; align-items: center; min-height: 38px; cursor: pointer; }
.panel label input { width: 1.2rem; height: 1.2rem; accent-color: var(--st-primary-color, blue); }
.status, .note { margin: 0; }
.status:empty, .note:empty { display: none; }
`;

export const LIVE = `${CONTROLS}
.root { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
button { min-height: 40px; min-width: 40px; }
button:is(:disabled, [aria-disabled=true]) { opacity: .45; cursor: default; }
@media print { button { display: none; } }
progress { flex: 1 1 8rem; min-width: 6rem; height: 8px; appearance: none; border: 0; border-radius: 4px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--st-primary-color, blue); }
progress::-moz-progress-bar { background: var(--st-primary-color, blue); }
.share { min-width: 11em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { margin: 0 .4rem; }
`;

export const CODE = `${CONTROLS}
pre {
  margin: 0; padding: .9rem 1rem; overflow-x: auto; border-radius: 8px; background: var(--st-secondary-background-color, whitesmoke);
  font-family: var(--st-code-font, monospace); font-size: .9rem; line-height: 1.5; tab-size: 4;
}
pre:focus-visible { outline: 2px solid var(--st-primary-color, blue); outline-offset: 2px; }
.comment { opacity: .75; }
.root > button { position: absolute; top: 8px; right: 8px; background: var(--st-background-color, white); }
@container (max-width: 900px) { pre { padding-top: 60px; } }
@media print { .root > button { display: none; } pre { white-space: pre-wrap; } }
`;
