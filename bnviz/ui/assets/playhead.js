// One playhead per group: the frame that every picture of a page shows. Events: "step" (moved), "state" (playing,
// speed or frames changed), "settle" (came to rest by the visitor's doing: the moment to tell Python).
import { reducedMotion, shared } from "./common.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const SETTLE_AFTER_MS = 300;
const LONGEST_GAP_S = 1; // a tab that slept longer goes on where it was

export class Playhead extends EventTarget {
  constructor(group) {
    super();
    Object.assign(this, { group, frames: 0, step: 0, position: 0, playing: false, speed: 1, fps: 8, loop: false, digest: null });
    this.members = new Set();
  }

  /** The member that reports to Python, so that two pictures of one run do not both do it. */
  get owner() { return this.members.values().next().value; }

  /** Take over a run's frames. `mounting` applies `start`, unless this very run was already being watched. A `growing` run takes
   * along who stands on its last frame. */
  configure({ frames, fps = 8, digest, start = 0, autoplay = false, loop = false, growing = false }, mounting) {
    const fresh = mounting && this.digest !== digest;
    const newest = growing && !this.playing && this.frames > 0 && this.step >= this.frames - 1;
    this.digest = digest;
    this.fps = fps;
    this.loop = loop;
    const changed = this.frames !== frames;
    this.frames = frames;
    if (fresh) this.#move(this.#clamp(start));
    else if (newest || this.position > frames - 1) this.#move(Math.max(0, frames - 1));
    if (changed) this.#emit("state");
    if (fresh && autoplay && !reducedMotion()) this.play();
  }

  attach(member) { this.members.add(member); }

  detach(member) {
    this.members.delete(member);
    if (this.members.size === 0) this.#stop();
  }

  play() {
    if (this.playing || this.frames < 2) return;
    clearTimeout(this.settling);
    if (this.step >= this.frames - 1) this.#move(0);
    this.playing = true;
    this.last = null;
    this.request = requestAnimationFrame((now) => this.#tick(now));
    this.#emit("state");
  }

  pause() {
    if (!this.playing) return;
    this.#stop();
    this.#move(this.step);
    this.settle();
  }

  toggle() { this[this.playing ? "pause" : "play"](); }

  setSpeed(speed) {
    this.speed = speed;
    this.#emit("state");
  }

  /** Go to a frame without telling Python yet (scrubbing). */
  seek(step) {
    if (this.playing) this.#stop();
    this.#move(this.#clamp(step));
  }

  /** Go to a frame and tell Python once no further step follows. */
  stepTo(step) {
    this.seek(step);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), SETTLE_AFTER_MS);
  }

  settle() {
    clearTimeout(this.settling);
    this.#emit("settle");
  }

  #clamp(step) { return Math.min(Math.max(0, Math.round(step)), Math.max(0, this.frames - 1)); }

  #stop() {
    cancelAnimationFrame(this.request);
    const was = this.playing;
    this.playing = false;
    if (was) this.#emit("state");
  }

  #move(position) {
    this.position = position;
    this.step = Math.floor(position);
    this.#emit("step");
  }

  #tick(now) {
    const seconds = Math.min((now - (this.last ?? now)) / 1000, LONGEST_GAP_S);
    this.last = now;
    let position = this.position + seconds * this.fps * this.speed;
    if (position >= this.frames - 1 && this.loop) position = 0;
    if (position >= this.frames - 1) {
      this.#stop();
      this.#move(this.frames - 1);
      this.settle();
      return;
    }
    this.request = requestAnimationFrame((next) => this.#tick(next));
    this.#move(position);
  }

  #emit(type) { this.dispatchEvent(new Event(type)); }
}

/** The playhead of a group, made on first use. */
export function playheadOf(group) {
  const { playheads } = shared();
  if (!playheads.has(group)) playheads.set(group, new Playhead(group));
  return playheads.get(group);
}

/** Keys that drive a playhead: returns whether the key meant something. */
export function driveByKey(playhead, event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  const stride = event.shiftKey ? 10 : 1;
  const actions = {
    " ": () => { if (!event.repeat) playhead.toggle(); },
    ArrowLeft: () => playhead.stepTo(playhead.step - stride),
    ArrowRight: () => playhead.stepTo(playhead.step + stride),
    Home: () => playhead.stepTo(0),
    End: () => playhead.stepTo(playhead.frames - 1),
  };
  if (!Object.hasOwn(actions, event.key)) return false;
  actions[event.key]();
  return true;
}
