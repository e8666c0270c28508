// The class page: to start or join a class, the teacher's desk, lesson plans to read, to teach and to print.
import { attendance } from "./attendance.js";
import { DESK } from "./class_styles.js";
import { cleanupOnceGone, element, fill, unquoted } from "./common.js";
import { LOOPBACK, reachableOrigin } from "./origin.js";

const MINUTES = [1, 2, 3, 5, 10];
const FIRST = "layer";

function button(text, action, className = "") {
  const node = element("button", { type: "button", textContent: text, className });
  node.addEventListener("click", action);
  return node;
}

class Desk {
  // As the page tells at every rerun.
  words;
  lang;
  plans;
  qr;
  reachable;

  constructor(parentElement) {
    this.there = attendance();
    this.leaving = new AbortController();
    this.body = element("div");
    this.planBody = element("div", { className: "plan" });
    this.root = element("div", { className: "root" }, this.body, this.planBody);
    parentElement.append(element("style", { textContent: DESK }), this.root);
    this.there.addEventListener("change", () => this.#show(), { signal: this.leaving.signal });
  }

  update(data) {
    Object.assign(this, data);
    this.drawn = this.planned = null;
    this.#show();
  }

  destroy() { this.leaving.abort(); }

  get #origin() { return reachableOrigin(this.reachable); }

  #show() {
    const { room } = this.there;
    const role = room && ["here", "lost", "connecting"].includes(room.status) ? (room.role ?? "coming") : "nobody";
    const key = `${role} ${room?.code}`;
    if (this.drawn !== key) this.body.replaceChildren({ nobody: () => this.#doors(), coming: () => "", student: () => this.#seat(), teacher: () => this.#desk() }[role]());
    this.drawn = key;
    if (role === "teacher") this.count.textContent = fill(this.words.present, { count: room.shared?.students ?? 0 });
    this.#showPlan(role);
  }

  /** For who is in no class. */
  #doors() {
    const { words } = this;
    const field = element("input", { type: "text", maxLength: 40, autocapitalize: "none", autocomplete: "off", placeholder: "otter-7", "aria-label": words.code });
    const join = () => field.value.trim() && this.there.enter({ code: field.value });
    field.addEventListener("keydown", ({ key }) => { if (key === "Enter") join(); });
    return element(
      "div", { className: "enter unplanned" },
      element("div", { className: "card" }, element("h2", { textContent: words.teach }), element("p", { textContent: words.promise }), button(words.start, () => this.there.enter(), "primary start")),
      element("div", { className: "card no-paper" }, element("h2", { textContent: words.attend }), element("p", { textContent: words.type_code }), element("div", { className: "row" }, field, button(words.join, join))),
    );
  }

  #seat() { return element("p", { textContent: fill(this.words.seated, { code: this.there.room.code }) }); }

  #desk() {
    const { words, there } = this;
    const { room } = there;
    const link = there.address({ page: FIRST, query: { class: room.code } }, this.#origin);
    this.count = element("p", { className: "count no-paper" });
    const status = element("p", { className: "note", role: "status" });
    const copyLink = button(words.copy_link, async () => {
      const secret = there.teacherLink().replace(location.origin, this.#origin);
      try {
        await navigator.clipboard.writeText(secret);
        status.textContent = words.copied;
      } catch { // a page that came over plain http
        status.replaceChildren(element("input", { type: "text", readOnly: true, value: secret }));
        status.firstChild.select();
      }
    });
    const timers = MINUTES.map((minutes) => button(fill(words.minutes, { count: minutes }), () => room.order("timer", { seconds: 60 * minutes })));
    const ending = button(words.end, () => (ending.dataset.sure ? room.order("end") : Object.assign(ending, { textContent: words.really }).setAttribute("data-sure", "yes")));
    const alone = this.reachable === "" && LOOPBACK.has(location.hostname);
    return element(
      "div", { className: "desk unplanned" },
      element("img", { className: "qr", alt: words.qr, src: `${this.qr}?link=${encodeURIComponent(link)}` }),
      element(
        "div", { className: "card" },
        element("p", { className: "code", textContent: room.code }), element("p", { className: "address", textContent: link }), this.count,
        ...(alone ? [element("p", { className: "note", textContent: unquoted(words.alone) })] : []),
        element("div", { className: "row timers no-paper", role: "group", "aria-label": words.timer }, element("span", { textContent: words.timer }), ...timers, button(words.no_timer, () => room.order("timer", { seconds: null }))),
        element("div", { className: "row" }, copyLink, ending), status,
        element("p", { className: "note no-paper", textContent: words.keep_link }),
      ),
    );
  }

  /** The plans to choose from, and the chosen one step by step. */
  #showPlan(role) {
    const { words, there, plans } = this;
    const { plan, room } = there;
    const teaching = role === "teacher";
    const at = teaching && plan && room.shared?.step?.plan === plan.name ? room.shared.step.step : null;
    const asked = room?.shared?.poll?.question.en;
    this.body.firstElementChild?.classList.toggle("running", at !== null);
    const key = JSON.stringify([teaching, plan?.name, plan?.lang, at, asked, role === "student"]);
    if (this.planned === key) return;
    this.planned = key;
    if (role === "student") {
      this.planBody.replaceChildren();
      return;
    }
    const choice = plans.map(({ name, title, minutes }) => {
      const node = button(`${title} · ${fill(words.minutes, { count: minutes })}`, () => there.choosePlan(name));
      node.setAttribute("aria-pressed", String(plan?.name === name));
      return node;
    });
    const parts = [element("h2", { className: "unplanned", textContent: words.plans }), element("div", { className: "row unplanned plans" }, ...choice)];
    if (plan) {
      parts.push(
        element("h2", { textContent: `${plan.title} · ${fill(words.minutes, { count: plan.minutes })}` }), element("p", { textContent: plan.aim }),
        element("div", { className: "row no-paper" }, button(words.print, () => window.print())),
        element("ol", { className: "steps" }, ...plan.steps.map((step, index) => this.#step(step, index, at, teaching, asked))),
      );
    }
    this.planBody.replaceChildren(...parts);
    if (at !== null) this.planBody.querySelector("li.now")?.scrollIntoView({ block: "nearest" });
  }

  #step(step, index, at, teaching, asked) {
    const { words, there } = this;
    const now = at === index;
    const link = there.address({ page: step.at.page, query: step.at.query }, this.#origin);
    const head = [element("span", { className: "title", textContent: `${index + 1} · ${step.title}` }), element("span", { textContent: fill(words.minutes, { count: step.minutes }) })];
    if (teaching) {
      if (now && step.question && asked !== step.question.text.en) head.push(button(words.ask_step, () => there.askStep(), "primary ask"));
      if (now) head.push(button(words.see, () => there.go(there.room.shared.at ?? step.at), "see"));
      head.push(button(now ? words.again_here : words.go, () => there.goToStep(index), now ? "" : "primary go"));
    } else head.push(button(words.see, () => there.go(step.at), "see"));
    return element(
      "li", { className: now ? "now" : "" },
      element("img", { className: "small-qr", alt: "", loading: "eager", src: `${this.qr}?link=${encodeURIComponent(link)}` }),
      element("div", { className: "head" }, ...head),
      element("div", { className: "said", hidden: teaching && !now }, ...step.say.map((text) => element("p", { textContent: text })), ...this.#question(step.question, teaching)),
      element("p", { className: "paper", textContent: link }),
    );
  }

  /** `teaching`: this screen may be on the wall, so that only paper tells the answer. */
  #question(question, teaching) {
    if (!question) return [];
    const { lang, words } = this;
    const options = (question.options ?? []).map((option, index) => element("li", { className: index === question.correct ? "right" : "", textContent: option[lang] }));
    const right = question.setting && question.correct !== null ? [element("p", { className: "right", textContent: `${words.right_answer} ${question.correct}` })] : [];
    return [element("div", { className: `asked${teaching ? " secret" : ""}` }, element("strong", { textContent: question.text[lang] }), element("ol", {}, ...options), ...right)];
  }
}

const mounted = new WeakMap();

/** Streamlit component: called at every rerun with the same `parentElement`. */
export default function desk({ data, parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Desk(parentElement));
  const one = mounted.get(parentElement);
  one.update(data);
  return cleanupOnceGone(parentElement, () => {
    one.destroy();
    mounted.delete(parentElement);
  });
}
