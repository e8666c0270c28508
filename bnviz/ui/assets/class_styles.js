// Styles of what a class sees, as in styles.js.
import { CONTROLS } from "./styles.js";

const VOTE = `
.vote { border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem 1rem; margin-top: .5rem; max-width: 60rem; }
.vote[hidden] { display: none; }
.vote h2 { font-size: 1.25rem; margin: 0 0 .6rem; font-weight: 600; text-wrap: pretty; }
.round { margin: 0; font-size: .9rem; }
.options { display: grid; gap: .5rem; }
.option {
  display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) minmax(0, 38%); gap: .2rem .7rem; align-items: center; height: auto; min-height: 3.5rem;
  padding: .5rem .9rem; text-align: start; border: 1px solid var(--line); border-radius: 8px; font-size: 1.05rem; line-height: 1.3;
}
.option:not(:has(.bars)) { grid-template-columns: 1.6rem minmax(0, 1fr); }
button.option[aria-pressed=true] { outline: 3px solid var(--st-primary-color, blue); outline-offset: -2px; }
.settled .option { min-height: 2.1rem; padding: .15rem .9rem; font-size: 1rem; }
.letter { font-weight: 700; }
.right { border: 3px solid #2e8b57; }
.right .letter::after { content: " ✓"; }
.option .letter { white-space: nowrap; }
.bars { display: grid; gap: 3px; }
.line { display: flex; align-items: center; gap: .5rem; }
.track { flex: 1 1 0; height: 1.1rem; background: var(--st-secondary-background-color, whitesmoke); border-radius: 3px; }
.track .bar { display: block; height: 100%; border-radius: 3px; }
.round1 { background: color-mix(in srgb, var(--st-primary-color, blue) 45%, var(--st-background-color, white)); }
.round2 { background: var(--st-primary-color, blue); }
.bars .line:only-child .bar { background: var(--st-primary-color, blue); }
.count { min-width: 1.6em; font-variant-numeric: tabular-nums; }
.votes { margin: .6rem 0 0; }
.why { margin: .4rem 0 0; font-weight: 600; }
.commands { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .7rem; }
.number { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center; }
.number select { flex: 1 1 10rem; height: 3.25rem; font-size: 1.05rem; }
.number button { height: 3.25rem; min-width: 6rem; }
.histogram { display: flex; gap: 4px; align-items: end; overflow-x: auto; }
.column { flex: 1 1 2.2rem; min-width: 2.2rem; text-align: center; border: 0; }
.pillars { display: flex; gap: 2px; height: 9rem; align-items: end; border-bottom: 1px solid currentColor; }
.pillars .bar { flex: 1 1 0; font-size: .8rem; line-height: 1.1; min-height: 0; border-radius: 3px 3px 0 0; color: var(--st-background-color, white); }
.pillars .round1 { color: var(--st-text-color, black); }
.stop { font-size: .85rem; }
.column.right { border: 0; }
.column.right .stop { font-weight: 700; text-decoration: underline; }
.column.right .stop::after { content: " ✓"; }
.axis { margin: .2rem 0 0; text-align: center; }
table { border-collapse: collapse; margin-top: .8rem; font-variant-numeric: tabular-nums; }
caption { text-align: start; margin-bottom: .3rem; white-space: nowrap; }
@container (max-width: 519px) { caption { white-space: normal; } }
td, th { border: 1px solid var(--line); min-width: 2.4rem; padding: .2rem .5rem; text-align: center; }
td:empty { border: 0; }
.stayed { background: var(--st-secondary-background-color, whitesmoke); }
.moved { font-weight: 700; background: color-mix(in srgb, var(--st-primary-color, blue) 25%, transparent); }
`;

const COMMON = `${CONTROLS}
.root[hidden], [hidden] { display: none !important; }
button.primary { background: var(--st-primary-color, blue); border-color: transparent; color: var(--st-background-color, white); }
button.primary:hover { filter: brightness(.92); }
button:disabled { opacity: .4; cursor: default; }
input[type=text] {
  font: inherit; color: inherit; height: 2.75rem; padding: 0 .7rem; min-width: 0; border: 1px solid var(--line); border-radius: 8px;
  background: var(--st-background-color, white);
}
`;

export const CLASS = `${COMMON}${VOTE}
.strip, .step {
  display: flex; flex-wrap: wrap; gap: .2rem .9rem; align-items: center; padding: .25rem .7rem; border-radius: 8px;
  background: var(--st-secondary-background-color, whitesmoke);
}
.step { margin-top: .3rem; }
.step .title { font-weight: 600; }
.step button { min-width: 2.6rem; }
.strip.trouble { outline: 2px solid #c2410c; }
.told { flex: 1 1 9rem; }
.timer { font-variant-numeric: tabular-nums; font-weight: 600; font-size: 1.15rem; }
.buttons { display: flex; gap: .4rem; flex-wrap: wrap; }
.asking { display: grid; gap: .5rem; margin-top: .4rem; max-width: 60rem; }
.asking .number input { flex: 2 1 16rem; height: 3.25rem; }
.asking > button { height: auto; min-height: 2.75rem; text-align: start; justify-content: flex-start; padding: .4rem .8rem; }
@media print { .root { display: none; } }
`;

export const DESK = `${COMMON}
.enter { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 1rem; display: grid; gap: .7rem; align-content: start; }
.card h2, .plan h2 { margin: 0; font-size: 1.15rem; }
.plan h2.unplanned { margin-top: 1rem; }
.card p, .plan p { margin: 0; max-width: 46em; }
.card button { height: 3rem; }
.row { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center; }
.row input { flex: 1 1 8rem; height: 3rem; }
.desk { display: grid; grid-template-columns: minmax(14rem, 22rem) minmax(0, 1fr); gap: 1.2rem; align-items: start; }
.code { font-size: 2.6rem; font-weight: 700; line-height: 1.1; margin: 0; }
.address { overflow-wrap: anywhere; font-size: 1.05rem; }
.qr { width: 100%; max-width: 22rem; aspect-ratio: 1; background: white; border-radius: 8px; padding: 8px; }
.desk.running { grid-template-columns: 9rem minmax(0, 1fr); }
.desk.running .qr { max-width: 9rem; }
.count { font-size: 1.5rem; font-weight: 600; margin: 0; }
.note { font-size: .92rem; }
.steps { list-style: none; padding: 0; margin: .6rem 0 0; display: grid; gap: .4rem; }
.steps > li { border: 1px solid var(--line); border-radius: 8px; padding: .5rem .8rem; }
.steps > li.now { border: 2px solid var(--st-primary-color, blue); }
.steps .head { display: flex; gap: .7rem; align-items: center; flex-wrap: wrap; }
.steps .title { flex: 1 1 12rem; font-weight: 600; }
.steps .said p, .steps .asked { margin: .5rem 0 0; max-width: 46em; }
.steps .asked ol { margin: .2rem 0 0; padding-left: 1.6rem; list-style: upper-alpha; }
.steps .asked .right { font-weight: 700; }
.small-qr, .paper { display: none; }
@container (max-width: 760px) { .desk, .desk.running { grid-template-columns: minmax(0, 1fr); } }
@media screen { .asked.secret li.right { font-weight: 400; } .asked.secret p.right { display: none; } }
@media print {
  .no-paper, button, .root:has(.steps) .unplanned { display: none !important; }
  .unplanned.plans button { display: block !important; width: 100%; height: auto; padding: 0; border: 0; text-align: start; }
  .desk { display: block; }
  .steps > li { break-inside: avoid; border: 0; border-top: 1px solid; border-radius: 0; padding: .6rem 0; }
  .steps > li.now { border: 0; border-top: 1px solid; }
  .steps [hidden] { display: block !important; }
  .paper { display: block; overflow-wrap: anywhere; font-size: .8rem; }
  .small-qr { display: block; width: 26mm; height: 26mm; float: right; margin: 0 0 2mm 4mm; }
}
`;
