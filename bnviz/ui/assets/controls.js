// The bar under the player's picture: buttons, scrubber, position, speed, downloads.
import { element, fill } from "./common.js";
import { downloadMenu, icon } from "./menu.js";
import { SPEEDS } from "./playhead.js";

const capitalized = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

/** "Batch 17 of 60" */
export const positionText = ({ words, unit, frames, first = 1 }, step) =>
  capitalized(fill(words.position, { unit, step: first + step, frames: first + frames - 1 }));

function iconButton(symbol, action) {
  const node = element("button", { type: "button", className: symbol }, icon(symbol));
  node.addEventListener("click", action);
  return node;
}

function entitle(target, label) {
  target.setAttribute("aria-label", label);
  target.title = label;
}

/** Bar `{node, turn, dress(header), show(playhead)}`; `playhead()` gives the playhead to drive. `turn` is shown with `words.turn`. */
export function controlBar(playhead, onDownload, onTurn) {
  const back = iconButton("back", () => playhead().stepTo(playhead().step - 1));
  const forward = iconButton("forward", () => playhead().stepTo(playhead().step + 1));
  const play = iconButton("play", () => playhead().toggle());
  const playIcons = { true: icon("pause"), false: play.firstChild };
  const scrub = element("input", { type: "range", min: 0, step: 1, value: 0 });
  scrub.addEventListener("input", () => playhead().seek(Number(scrub.value)));
  scrub.addEventListener("change", () => playhead().settle());
  const position = element("span");
  const widest = element("span", { "aria-hidden": "true" });
  const speed = element("select", { className: "speed" }, ...SPEEDS.map((value) => new Option(`${value}×`, String(value))));
  speed.addEventListener("change", () => playhead().setSpeed(Number(speed.value)));
  const turn = iconButton("turn", onTurn);
  const menu = downloadMenu();
  const node = element(
    "div", { className: "bar" }, back, play, forward, scrub,
    element("span", { className: "position" }, widest, position), turn, speed, menu.node,
  );
  let header;

  const dress = (next) => {
    header = next;
    node.classList.toggle("compact", Boolean(header.compact));
    const { words } = header;
    entitle(back, words.back);
    entitle(forward, words.forward);
    entitle(scrub, words.scrub);
    turn.hidden = !words.turn;
    entitle(turn, words.turn ?? "");
    entitle(speed, words.speed);
    menu.relabel(words.download, [[words.png, () => onDownload("png")], [words.svg, () => onDownload("svg")]]);
    scrub.max = Math.max(0, header.frames - 1);
    widest.textContent = positionText(header, header.frames - 1);
  };
  const show = ({ step, playing, speed: factor }, place) => {
    const text = positionText(header, step);
    if (position.textContent !== text) {
      position.textContent = text;
      scrub.value = step;
    }
    if (!playing) scrub.setAttribute("aria-valuetext", place ? `${text}: ${place}` : text);
    const label = playing ? header.words.pause : header.words.play;
    if (play.title !== label) {
      entitle(play, label);
      play.replaceChildren(playIcons[playing]);
    }
    if (speed.value !== String(factor)) speed.value = String(factor);
  };
  return { node, turn, dress, show };
}
