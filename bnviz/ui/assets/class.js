// The class component, on top of every page: who is in which class, where it is, what it is asked. Empty for who is in none.
import { DESK, attendance } from "./attendance.js";
import { CLASS } from "./class_styles.js";
import { cleanupOnceGone, element, fill } from "./common.js";
import { VotePanel } from "./vote.js";

const TICK_MS = 500;
const TOLD_MS = 8000;
const OWN_WAY = ".st-key-controls, .st-key-presets, .st-key-onward, .st-key-course, [data-testid=stSidebarNav]";
const LETTERS = ["A", "B", "C", "D"];

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function button(text, action, disabled, className = "") {
  const node = element("button", { type: "button", textContent: text, disabled, className });
  node.addEventListener("click", action);
  return node;
}

class ClassStrip {
  // As the page tells at every rerun.
  words;
  lang;
  path;
  base;
  setStateValue;

  constructor(parentElement) {
    this.there = attendance();
    this.number = 0;
    this.poll = null;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.code = element("strong");
    this.told = element("span", { className: "told", role: "status", "aria-live": "polite" });
    this.timer = element("span", { className: "timer", role: "timer" });
    this.news = element("p", { className: "unseen", role: "status", "aria-live": "assertive" });
    this.buttons = element("span", { className: "buttons" });
    this.step = element("div", { className: "step", hidden: true });
    this.strip = element("div", { className: "strip" }, this.code, this.told, this.timer, this.buttons);
    this.panel = new VotePanel({ act: (command) => this.#act(command), answer: (value) => this.#do(this.there.room.answer(value)) });
    this.root = element("div", { className: "root", hidden: true }, this.strip, this.step, this.panel.node, this.news);
    parentElement.append(element("style", { textContent: CLASS }), this.root);
    this.there.addEventListener("change", () => this.#show(), { signal });
    this.there.addEventListener("lead", () => this.#go(this.there.room.shared.at), { signal });
    this.there.addEventListener("go", ({ detail }) => this.#go(detail), { signal });
    this.there.addEventListener("plan", ({ detail }) => this.setStateValue("plan", detail), { signal });
    for (const type of ["pointerdown", "keydown"]) {
      document.addEventListener(type, (event) => this.#wander(event), { signal, capture: true });
    }
    window.addEventListener("hashchange", () => this.#arrive(), { signal });
    this.ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  update({ words, lang, path, base, plan }, setStateValue) {
    Object.assign(this, { words, lang, path, base, setStateValue });
    if (this.there.plan?.name !== plan?.name || this.there.plan?.lang !== plan?.lang) this.there.publish({ plan });
    this.#arrive();
    this.there.showInAddress();
    this.#show();
  }

  destroy() {
    this.leaving.abort();
    clearInterval(this.ticking);
    delete document.documentElement.dataset.class;
    delete document.documentElement.dataset.vote;
  }

  #arrive() { this.there.arrive(this.path, this.base); }

  /** Open a place in this tab, without a new page. */
  #go(place) {
    if (this.there.isHere(place) && (place.query.predict !== "0" || !document.querySelector(".st-key-prediction"))) return;
    this.number += 1;
    this.setStateValue("wanted", { ...place, number: this.number + Date.now() });
  }

  /** Who moves something goes their own way; not where that is what the class was asked to do. */
  #wander(event) {
    const { room } = this.there;
    if (!this.there.attending || !room.following || (event.type === "keydown" && event.key === "Tab")) return;
    const poll = room.shared?.poll;
    if (poll?.setting && poll.open) return;
    if (event.composedPath().some((node) => node instanceof Element && node.matches(OWN_WAY))) room.wander();
  }

  #show() {
    const { room } = this.there;
    this.root.hidden = !room;
    const { dataset } = document.documentElement;
    if (!room) {
      delete dataset.class;
      delete dataset.vote;
      return;
    }
    const poll = room.status === "over" ? null : (room.shared?.poll ?? null);
    dataset.class = this.there.teaching ? "teacher" : "student";
    if (poll && poll.options.length > 0 && !poll.revealed) dataset.vote = "open"; // the picture would give the answer away
    else delete dataset.vote;
    this.code.textContent = room.code ?? "";
    this.#say(room);
    this.#label(room);
    this.#showStep(room);
    this.panel.show(room.status === "over" ? null : room, this.words, this.lang);
    const news = VotePanel.news(this.poll, poll, this.words, this.lang);
    if (news) this.news.textContent = news;
    if (poll && poll.id !== this.poll?.id) this.panel.node.scrollIntoView({ block: "nearest" });
    this.poll = poll;
    this.#tellRole(this.there.teaching);
    if (this.there.teaching && room.shared?.step && room.shared.step.plan !== this.there.plan?.name) this.#wantPlan(room.shared.step.plan);
  }

  /** A teacher's page says what may be asked on it. */
  #tellRole(teaching) {
    if (teaching === (this.toldTeaching ?? false)) return;
    this.toldTeaching = teaching;
    this.setStateValue("teaching", teaching);
  }

  #wantPlan(name) {
    if (this.wanted === name) return;
    this.wanted = name;
    this.setStateValue("plan", name);
  }

  /** How things are, in one line. */
  #say(room) {
    const { words, lang } = this;
    const refusal = Date.now() < (this.toldUntil ?? 0) || room.status === "refused" ? room.refusal?.sentence?.[lang] : null;
    const ways = { connecting: words.connecting, lost: words.lost, over: words.over };
    let text = ways[room.status] ?? refusal;
    if (!text && room.role === "teacher") text = fill(words.present, { count: room.shared?.students ?? 0 });
    text ??= room.following ? words.following : words.wandering;
    if (this.told.textContent !== text) this.told.textContent = text;
    this.strip.classList.toggle("trouble", room.status === "lost" || room.status === "refused");
  }

  /** The buttons that make sense now; made anew only where others do. */
  #label(room) {
    const { words, there } = this;
    const wanted = [];
    if (room.status === "over" || room.status === "refused") wanted.push(["leave", words.close, false]);
    else if (room.role === "teacher") {
      wanted.push(["lead", words.lead, there.leading]);
      if (there.page?.at.page === there.here.page && !room.shared?.poll) wanted.push(["ask", words.ask, false]);
      if (there.here.page !== DESK) wanted.push(["desk", words.desk, false]);
    } else if (room.role === "student") {
      wanted.push(room.following ? ["wander", words.wander, false] : ["follow", words.follow, false]);
      wanted.push(["leave", words.leave, false]);
    }
    const key = JSON.stringify(wanted);
    if (this.labelled === key) return;
    this.labelled = key;
    const focused = this.buttons.getRootNode().activeElement?.dataset?.does;
    this.buttons.replaceChildren(...wanted.map(([does, label, pressed]) => {
      const node = element("button", { type: "button", textContent: label, "data-does": does, className: does === "follow" ? "primary" : "" });
      if (does === "lead") node.setAttribute("aria-pressed", String(pressed));
      node.addEventListener("click", () => this[`_${does}`]());
      return node;
    }));
    if (focused) this.buttons.querySelector(`[data-does="${focused}"]`)?.focus();
  }

  _leave() { this.there.leave(); }

  _lead() {
    this.there.publish({ leading: !this.there.leading });
    this.there.lead();
  }

  _desk() { this.#go({ page: DESK, query: {} }); }

  _wander() { this.there.room.wander(); }

  _follow() { this.there.room.follow(); }

  /** What may be asked here: the page's own question, a setting, or what is on the board. */
  _ask() {
    const { words, there, lang } = this;
    const { page } = there;
    if (this.asking) {
      this.asking.remove();
      this.asking = null;
      return;
    }
    const done = (promise) => {
      this.#do(promise);
      this.asking?.remove();
      this.asking = null;
    };
    const parts = [];
    if (page.options.length > 0) {
      const own = element("button", { type: "button", textContent: `${words.ask_page}: ${page.text[lang]}` });
      own.addEventListener("click", () => done(there.room.order("ask", { question: page.text, options: page.options })));
      parts.push(own);
    }
    if (page.numbers.length > 0) {
      const choice = element("select", { "aria-label": words.setting }, ...page.numbers.map(({ name, label }) => new Option(label[lang], name)));
      const ask = element("button", { type: "button", textContent: words.ask_number });
      const text = element("input", { type: "text", maxLength: 300, placeholder: words.which_value, "aria-label": words.question });
      ask.addEventListener("click", () => {
        const { label } = page.numbers[choice.selectedIndex];
        const typed = text.value.trim();
        const question = typed ? { en: typed, zh: typed } : { en: `${label.en} = ?`, zh: `${label.zh} = ?` };
        done(there.room.order("ask_number", { question, page: page.at.page, topic: page.topic, setting: choice.value }));
      });
      parts.push(element("span", { className: "number" }, choice, text, ask));
    }
    const board = element("button", { type: "button", textContent: words.ask_board });
    board.addEventListener("click", () => done(there.room.order("ask", {
      question: words.board, options: LETTERS.map((name) => ({ en: name, zh: name })),
    })));
    this.asking = element("div", { className: "asking" }, ...parts, board);
    this.strip.after(this.asking);
    this.asking.querySelector("button").focus();
  }

  /** Where the plan is, with one touch to what comes before and after. */
  #showStep(room) {
    const { plan } = this.there;
    const at = room.role === "teacher" && room.status !== "over" ? room.shared?.step : null;
    const step = plan && at?.plan === plan.name ? plan.steps[at.step] : null;
    this.step.hidden = !step || this.there.here.page === DESK;
    const key = step && JSON.stringify([plan.name, plan.lang, at.step, Boolean(room.shared.poll), room.shared.poll?.question.en === step.question?.text.en]);
    if (this.stepped === key) return;
    this.stepped = key;
    if (!step) return;
    const { words } = this;
    const walk = (index) => this.#do(this.there.goToStep(index));
    const parts = [
      button("‹", () => walk(at.step - 1), at.step === 0),
      element("span", { className: "title", textContent: `${at.step + 1}/${plan.steps.length} · ${step.title} · ${fill(words.minutes, { count: step.minutes })}` }),
      button("›", () => walk(at.step + 1), at.step === plan.steps.length - 1),
    ];
    parts[0].setAttribute("aria-label", words.previous);
    parts[2].setAttribute("aria-label", words.next);
    if (step.question && room.shared.poll?.question.en !== step.question.text.en) {
      parts.push(button(words.ask_step, () => this.#do(this.there.askStep()), false, "primary"));
    }
    this.step.replaceChildren(...parts);
  }

  #act(command) {
    const { room } = this.there;
    const values = command === "reveal" ? this.there.answerTo(room.shared.poll) : {};
    this.#do(room.onRound(command, values).then(() => values.at && this.there.here.page !== DESK && this.#go(values.at)));
  }

  /** What was refused is said in the strip for a while. */
  #do(promise) {
    promise.catch(() => {
      this.toldUntil = Date.now() + TOLD_MS;
      this.#show();
    });
  }

  #tick() {
    const { room } = this.there;
    const left = room?.status === "over" ? null : room?.secondsLeft();
    const text = left === null || left === undefined ? "" : left > 0 ? clock(Math.ceil(left)) : this.words.time_is_up;
    if (this.timer.textContent === text) return;
    if (left === 0) this.news.textContent = text;
    this.timer.textContent = text;
    this.timer.setAttribute("aria-label", text && `${this.words.time_left}: ${text}`);
  }
}

const mounted = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function classStrip({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new ClassStrip(parentElement));
  const one = mounted.get(parentElement);
  one.update(data, setStateValue);
  return cleanupOnceGone(parentElement, () => {
    one.destroy();
    mounted.delete(parentElement);
  });
}
