// The live component: progress, time left, Pause, Resume and Stop of a long run, and its pictures as they grow.
import { liveBus } from "./bus.js";
import { cleanupOnceGone, element, fill } from "./common.js";
import { icon } from "./menu.js";
import { steadySocket } from "./socket.js";
import { LIVE } from "./styles.js";

/** The state in words. */
function stateText(words, { state, place, wait, problem }, { held, left }) {
  if (left) return words.stopped;
  if (state === "queued") {
    const before = place === 1 ? words.next : fill(words.queued, { count: place });
    return wait === null ? before : `${before} · ${fill(words.wait, { minutes: Math.max(1, Math.ceil(wait / 60)) })}`;
  }
  const word = held ? words.paused : words[state];
  return problem && problem !== word ? `${word} · ${problem}` : word;
}

/** Time left, coarse enough not to flicker. */
function leftText(words, seconds) {
  if (seconds === null) return "";
  if (seconds >= 90) return fill(words.minutes, { minutes: Math.round(seconds / 60) });
  const step = seconds <= 10 ? 1 : 5;
  return fill(words.seconds, { seconds: Math.max(1, step * Math.ceil(seconds / step)) });
}

class Live {
  constructor(parentElement) {
    this.hold = element("button", { type: "button", className: "hold", disabled: true });
    this.end = element("button", { type: "button", className: "end", disabled: true });
    this.bar = element("progress", { max: 1 });
    this.share = element("span", { className: "share" });
    this.state = element("span", { className: "state", role: "status", "aria-live": "polite" });
    const root = element("div", { className: "root" }, this.hold, this.end, this.state, this.bar, this.share);
    parentElement.append(element("style", { textContent: LIVE }), root);
    this.hold.addEventListener("click", () => this.#send(this.hold, this.held ? "resume" : "pause"));
    this.end.addEventListener("click", () => this.#send(this.end, "stop"));
  }

  /** `tell(name)` reruns the page once: "drawable" when there are charts to mount, "over" when nothing more will come. */
  update(data, tell) {
    this.data = data;
    this.tell = tell;
    this.bar.setAttribute("aria-label", data.words.progress);
    this.#label(this.end, "stop", data.words.stop);
    if (this.url === data.url) {
      if (this.last) this.#show(this.last);
      return;
    }
    this.socket?.close();
    this.url = data.url;
    this.last = null;
    this.told = new Set();
    liveBus().clear();
    this.#label(this.hold, "pause", data.words.pause);
    this.socket = steadySocket(data.url, {
      first: data.owner,
      heard: (message) => this.#hear(message),
      lost: () => this.#say(this.data.words.lost, true),
      gone: () => {
        this.url = null; // a page that shows this run again means it
        this.#once("over");
      },
    });
  }

  destroy() {
    this.socket.close();
    liveBus().clear();
  }

  #hear(message) {
    for (const chart of message.charts) liveBus().publish(chart);
    if (message.charts.length > 0 && this.data.charts === 0) this.#once("drawable");
    this.last = message;
    this.#show(message);
    const seen = () => this.socket.send("seen");
    if (document.hidden) setTimeout(seen);
    else requestAnimationFrame(seen);
  }

  #show({ status, own }) {
    const { words } = this.data;
    const { progress } = status;
    const { held } = own;
    this.held = held;
    const over = own.left || ["done", "failed", "stopped"].includes(status.state);
    if (progress === null) this.bar.removeAttribute("value");
    else this.bar.value = progress;
    const percent = progress === null ? "" : `${Math.floor(100 * progress)} %`;
    const left = status.state === "running" && !held ? leftText(words, status.left) : "";
    this.share.textContent = [percent, left].filter(Boolean).join(" · ");
    this.#label(this.hold, held ? "play" : "pause", held ? words.resume : words.pause);
    this.#enable(this.hold, !over && status.state !== "queued");
    this.#enable(this.end, !over);
    this.#say(stateText(words, status, own), false);
  }

  /** Only a change is written, so that only changes are read out. */
  #say(text, lost) {
    if (this.state.textContent !== text) this.state.textContent = text;
    if (lost) for (const button of [this.hold, this.end]) this.#enable(button, false);
  }

  /** A button that has the focus keeps it, or who works by keyboard would start over at the top of the page. */
  #enable(button, wanted) {
    const before = button.disabled;
    button.disabled = !wanted && button.getRootNode().activeElement !== button;
    button.ariaDisabled = String(!wanted);
    if (before && wanted) window.dispatchEvent(new Event("bnviz:usable"));
  }

  #send(button, message) {
    if (button.ariaDisabled !== "true") this.socket.send(message);
  }

  #label(button, symbol, text) {
    if (button.textContent !== text) button.replaceChildren(icon(symbol), text);
  }

  #once(name) {
    if (this.told.has(name)) return;
    this.told.add(name);
    this.tell(name, this.data.job);
  }
}

const mounted = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function live({ data, parentElement, setTriggerValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Live(parentElement));
  const one = mounted.get(parentElement);
  one.update(data, setTriggerValue);
  return cleanupOnceGone(parentElement, () => {
    one.destroy();
    mounted.delete(parentElement);
  });
}
