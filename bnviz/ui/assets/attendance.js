// Which class this tab is in, for every component of the page: one connection, kept through all pages of the dashboard.
//
// A student's link names the class (`?class=otter-7`). A teacher's has the secret behind its #, which no browser sends to a server;
// it leaves the address bar at once, since that may be on a projector, and stays in this tab's own memory.
import { Classroom, secretOf, teacherLink } from "./classroom.js";
import { shared } from "./common.js";

const TAB = "bnviz:tab";
const KEY = "class";
export const DESK = "classroom"; // the page
const NOBODYS = new Set([KEY, "lang", "present", "embed", "embed_options"]); // what a link has that is not of the page it means

function readTab() {
  try {
    return JSON.parse(sessionStorage.getItem(TAB));
  } catch {
    return null;
  }
}

/** Whether it could be kept: a frame may have no storage. */
function keepTab(entry) {
  try {
    if (entry) sessionStorage.setItem(TAB, JSON.stringify(entry));
    else sessionStorage.removeItem(TAB);
    return true;
  } catch {
    return false;
  }
}

/** Of a query, what a place consists of. */
function own(search) {
  return Object.fromEntries([...new URLSearchParams(search)].filter(([name]) => !NOBODYS.has(name)));
}

const spelled = ({ page, query }) => JSON.stringify([page, Object.entries(query).filter(([name]) => name !== "predict").toSorted()]);

class Attendance extends EventTarget {
  room = null;
  plan = null; // the lesson plan in the page's language, of a teacher who has chosen one
  page = null; // what the lab that is shown can be asked: { text, options, correct, explanation, at, shown_at, topic, numbers }
  leading = true;
  #path;
  #base;

  /** Enter the class that the address names, or the one that this tab was in. `path`: of the WebSocket; `base`: of the pages. */
  arrive(path, base) {
    this.#path = path;
    this.#base = base;
    if (this.room) return;
    const named = new URLSearchParams(location.search).get(KEY);
    const kept = readTab();
    const code = named ?? kept?.code;
    if (!code) return;
    this.enter({ code, secret: secretOf(location.hash) ?? (kept?.code === code ? (kept.secret ?? null) : null) });
  }

  /** `beginning`: as of `Classroom`; none: a new class. */
  enter(beginning = {}) {
    this.room?.leave();
    const room = new Classroom(this.#path, beginning);
    this.room = room;
    for (const type of ["change", "lead", "refused"]) {
      room.addEventListener(type, () => {
        if (room !== this.room) return;
        if (type === "change") this.#keep();
        this.#emit(type);
      });
    }
    this.#emit("change");
  }

  leave() {
    this.room?.leave();
    this.room = null;
    keepTab(null);
    this.showInAddress();
    this.#emit("change");
  }

  get teaching() { return this.room?.role === "teacher" && this.room.status !== "over"; }

  get attending() { return this.room?.role === "student" && this.room.status !== "over"; }

  /** The address of a page as this browser reaches it: `origin` may be another name of this computer. */
  address(place, origin = location.origin) {
    const query = new URLSearchParams(place.query ?? {});
    return `${origin}${this.#base}${place.page}${query.size > 0 ? `?${query}` : ""}`;
  }

  teacherLink() { return teacherLink(this.address({ page: DESK }), this.room); }

  /** Where this tab is. */
  get here() {
    const page = location.pathname.startsWith(this.#base) ? location.pathname.slice(this.#base.length) : "";
    return { page: page.replace(/\/$/, ""), query: own(location.search) };
  }

  isHere(place) { return spelled(place) === spelled(this.here); }

  /** Take the class where the teacher is. */
  lead() {
    const { here } = this;
    if (!this.teaching || !this.leading || here.page === DESK) return;
    const { at } = this.room.shared ?? {};
    if (!at || spelled(at) !== spelled(here)) this.room.order("lead", { at: here }).catch(() => { /* said in the strip */ });
  }

  /** Go to a step of the plan, and take the class along. The page's own question is asked before its picture is seen. */
  async goToStep(index) {
    const { room, plan } = this;
    const step = plan.steps[index];
    await room.order("step", { plan: plan.name, step: index });
    if (room.shared.poll) await room.onRound("clear");
    if (step.question?.kind === "prediction") await room.order("ask", { question: step.question.text, options: step.question.options });
    await room.order("lead", { at: step.at });
    if (this.here.page !== DESK) this.go(step.at);
  }

  /** Ask the question of the present step. */
  askStep() {
    const { room, plan } = this;
    const { question, at, topic } = plan.steps[room.shared.step.step];
    const { text, options, setting } = question;
    if (setting) return room.order("ask_number", { question: text, page: at.page, topic, setting });
    return room.order("ask", { question: text, options });
  }

  /** What is known here of the answer to a question: { correct, explanation, at }, for the command "reveal". */
  answerTo(poll) {
    const asked = [...(this.plan?.steps ?? []).map(({ question }) => question), this.page].filter(Boolean);
    const known = asked.find(({ text }) => text.en === poll.question.en);
    return known ? { correct: known.correct, explanation: known.explanation, at: known.shown_at } : {};
  }

  /** Open a place in this tab. */
  go(place) { this.dispatchEvent(new CustomEvent("go", { detail: place })); }

  /** Let the page read a plan. */
  choosePlan(name) { this.dispatchEvent(new CustomEvent("plan", { detail: name })); }

  /** Let the address name the class, and not the secret. */
  showInAddress() {
    const url = new URL(location.href);
    if (this.room?.code && this.room.status !== "over" && this.room.status !== "refused") url.searchParams.set(KEY, this.room.code);
    else url.searchParams.delete(KEY);
    if (secretOf(url.hash) && this.room && keepTab(readTab())) url.hash = "";
    const wanted = url.pathname + url.search.replaceAll("%2C", ",") + url.hash;
    if (wanted !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", wanted);
  }

  publish(values) {
    Object.assign(this, values);
    this.#emit("change");
  }

  #keep() {
    const { status, code, secret, role } = this.room;
    if (status === "here") keepTab(role === "teacher" ? { code, secret } : { code });
    if (status === "over" || status === "refused") keepTab(null);
    this.showInAddress();
  }

  #emit(type) { this.dispatchEvent(new Event(type)); }
}

/** The page's one attendance. */
export function attendance() {
  const page = shared();
  page.attendance ??= new Attendance();
  return page.attendance;
}
