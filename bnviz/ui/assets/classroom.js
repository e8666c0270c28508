// A class in the browser: one connection that comes back by itself, and a store of what the screen should show. No framework, no DOM.
//
//   const room = new Classroom("/class", { code: "otter-7" });                 a student
//   const room = new Classroom("/class", { code: "otter-7", secret: "…" });    a teacher: secretOf(location.hash)
//   const room = new Classroom("/class", {});                                  a new class; its teacher
//
// Fields, all to be read only:
//   status     "connecting", "here", "lost" (trying again by itself), "over" (the class has ended), "refused" (for good; see `refusal`)
//   role, code "teacher" or "student", and the code as the server spells it; null until the server has welcomed this browser
//   secret     of a teacher; it belongs behind the # of teacherLink(), nowhere else
//   shared     { poll, at, timer, students, step } as in bnviz/classroom/protocol.py (Shared); null until the first state
//   own        of a student: { last, answers: [first round, second round] }, null where there is no answer
//   following  whether this student goes where the class goes
//   refusal    the latest { reason, sentence: { en, zh }, seconds }, or null
// Events:
//   "change"   any of the fields above has changed
//   "lead"     go to `shared.at` (only while `following`); linkOf(room.shared.at) is its address
//   "refused"  something was not done; say `refusal.sentence[language]`
// Methods:
//   answer(value)            a student's vote, or a change of it, in the present round: the option's index or the setting's value
//   order(type, values)      a teacher's command: "ask", "ask_number", "lead", "timer", "step", "end"; protocol.py has their values
//   onRound(type, values)    "close", "show", "again", "reveal", "clear" of the question that is on the screen
//   wander(), follow()       a student who moves a slider goes their own way; `follow` goes back to the class, at once
//   secondsLeft()            of the timer; null without one
//   leave()                  end the connection; the seat is kept
// answer, order and onRound return a promise that is kept when the server has done it, and broken with the refusal otherwise. What
// was on its way when the connection was lost is sent again; the server counts it once.
import { steadySocket } from "./socket.js";

const VERSION = 1;
const PING_MS = 25_000;
const SEAT = "bnviz:class";
const HASH = /^#teacher=([\w-]{1,64})$/;
const ENDED = new Set(["unknown_class", "not_teacher"]); // what somebody hears who was in a class that has ended meanwhile

const memory = new Map(); // where a frame may not store anything

/** The seat that this browser has: { code, token }, or null. */
function readSeat() {
  try {
    return JSON.parse(localStorage.getItem(SEAT));
  } catch {
    return memory.get(SEAT) ?? null;
  }
}

function keepSeat(seat) {
  memory.set(SEAT, seat);
  try {
    if (seat) localStorage.setItem(SEAT, JSON.stringify(seat));
    else localStorage.removeItem(SEAT);
  } catch { /* the seat lasts as long as the page */ }
}

/** The teacher's secret in a link's fragment, which browsers do not send to servers; null without one. */
export const secretOf = (hash) => hash.match(HASH)?.[1] ?? null;

/** The link that makes another browser the teacher's: `page` is any address of this server. */
export function teacherLink(page, { code, secret }) {
  const url = new URL(page, document.baseURI);
  url.searchParams.set("class", code);
  url.hash = `teacher=${secret}`;
  return url.href;
}

/** Address of a place where a class is, below `base`. */
export const linkOf = ({ page, query }, base = "/") => `${base}${page}?${new URLSearchParams(query)}`;

export class Classroom extends EventTarget {
  #beginning;
  #socket;
  #pinging;
  #waiting = new Map(); // what the server has not answered yet, by id
  #greeted = false; // welcomed since the connection was opened last
  #version = 0;
  #count = 0;
  #clock = 0;
  status = "connecting";
  role = null;
  code;
  secret;
  shared = null;
  own = null;
  following = true;
  refusal = null;

  constructor(path, { code = null, secret = null }) {
    super();
    this.#beginning = code === null ? "start" : secret === null ? "join" : "teach";
    this.code = code;
    this.secret = secret;
    this.#socket = steadySocket(path, {
      first: { toString: () => JSON.stringify(this.#hello()) }, // made anew at every coming back
      heard: (message) => this.#hear(message),
      lost: () => this.#become("lost"),
      gone: () => this.#gone(),
    });
    this.#pinging = setInterval(() => this.#send({ type: "ping" }), PING_MS);
  }

  answer(value) { return this.onRound("answer", { value }); }

  onRound(type, values = {}) {
    const { id, round } = this.shared.poll;
    return this.order(type, { poll: id, ...(type === "clear" ? {} : { round }), ...values });
  }

  order(type, values = {}) {
    this.#count += 1;
    const message = { type, id: this.#count, ...values };
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { message, resolve, reject });
      if (this.#greeted) this.#send(message); // else after the welcome
    });
  }

  wander() {
    if (!this.following || this.role !== "student") return;
    this.following = false;
    this.#emit("change");
  }

  follow() {
    this.following = true;
    this.#emit("change");
    if (this.shared?.at) this.#emit("lead");
  }

  secondsLeft() {
    const timer = this.shared?.timer;
    return timer ? Math.max(0, timer.ends - (this.#clock + performance.now() / 1000)) : null;
  }

  leave() {
    clearInterval(this.#pinging);
    this.#socket.close();
    for (const { reject } of this.#waiting.values()) reject(null);
    this.#waiting.clear();
  }

  #hello() {
    this.#greeted = false;
    const common = { type: this.#beginning, version: VERSION };
    if (this.#beginning === "start") return common;
    const known = { ...common, code: this.code, since: this.#version };
    return this.#beginning === "teach" ? { ...known, secret: this.secret } : { ...known, token: readSeat()?.token ?? null };
  }

  #send(message) { this.#socket.send(JSON.stringify(message)); }

  #hear(message) {
    switch (message.type) {
      case "welcome": this.#welcome(message); break;
      case "state": this.#show(message); break;
      case "done": this.#settle(message.id, null); break;
      case "refused": this.#refuse(message); break;
      case "ended": this.#become("over"); break;
      default: // a pong says only that the connection lives, as every message does
    }
  }

  #welcome({ role, code, token, secret }) {
    Object.assign(this, { role, code });
    if (secret) this.secret = secret;
    if (this.#beginning === "start") this.#beginning = "teach"; // coming back must not start another class
    if (token && token !== readSeat()?.token) {
      keepSeat({ code, token });
      this.#count = 0; // the new seat counts anew; nothing that waits belongs to it
      for (const id of this.#waiting.keys()) this.#settle(id, { reason: "closed", sentence: null, seconds: 0 });
    }
    this.#greeted = true;
    for (const { message: waiting } of this.#waiting.values()) this.#send(waiting);
    this.#become("here");
  }

  #show({ version, now, shared, own }) {
    const before = JSON.stringify(this.shared?.at ?? null);
    this.#version = version;
    this.#clock = now - performance.now() / 1000;
    this.#count = Math.max(this.#count, own?.last ?? 0);
    Object.assign(this, { shared, own });
    this.#emit("change");
    const led = shared.at && JSON.stringify(shared.at) !== before;
    if (led && this.following && this.role === "student") this.#emit("lead");
  }

  #refuse({ id, reason, sentence, seconds }) {
    if (reason === "repeated") { // it had arrived before the connection was lost
      this.#settle(id, null);
      return;
    }
    this.refusal = { reason, sentence, seconds };
    if (!this.#greeted) this.status = this.role && ENDED.has(reason) ? "over" : "refused";
    // What came too fast was not read, so that the server does not know its number: the latest is the one.
    this.#settle(id ?? this.#count, this.refusal);
    this.#emit("refused");
    this.#emit("change");
  }

  #settle(id, refusal) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refusal) waiting?.reject(refusal);
    else waiting?.resolve();
  }

  #gone() {
    if (this.status !== "refused") {
      this.#become("over");
      if (this.role === "student") keepSeat(null);
    }
    this.leave();
  }

  #become(status) {
    if (this.status === status) return;
    this.status = status;
    this.#emit("change");
  }

  #emit(type) { this.dispatchEvent(new Event(type)); }
}
