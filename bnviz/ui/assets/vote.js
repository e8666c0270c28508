// A question that the class is asked, on one screen: to vote on (students), to steer (teacher), and its outcome for everybody.
import { element, fill, formatNumber } from "./common.js";

const letter = (index) => String.fromCharCode(65 + index);
const COMMANDS = ["show", "again", "reveal", "clear"];

/** A value of a setting in words. */
function valueText({ words, unit }, value, lang) {
  const word = words[value]?.[lang];
  return word ?? (unit ? `${formatNumber(value)} ${unit[lang]}` : formatNumber(value));
}

/** What may be done with a poll now, by command. */
function possible({ bars, round, revealed }) {
  return { show: !bars.at(-1) && !revealed, again: round === 1 && !revealed, reveal: !revealed, clear: true };
}

export class VotePanel {
  // What a press does.
  act;
  answer;
  // As shown last.
  room;
  poll;
  words;
  lang;

  /** `act(command)`: what the teacher presses; `answer(value)`: what a student does. */
  constructor({ act, answer }) {
    Object.assign(this, { act, answer });
    this.node = element("section", { className: "vote", hidden: true });
  }

  /** `canReveal`: whether the right answer is known here. */
  show(room, words, lang) {
    const poll = room?.shared?.poll;
    this.node.hidden = !poll;
    if (!poll) {
      this.drawn = null;
      this.node.replaceChildren();
      return;
    }
    Object.assign(this, { room, poll, words, lang });
    // What has the focus stays where it is as long as the question stands as it stands.
    const stands = JSON.stringify([poll.id, poll.round, poll.open, poll.revealed, poll.bars.map(Boolean), room.role, lang]);
    if (stands !== this.drawn) this.#build();
    this.drawn = stands;
    this.#refresh();
  }

  get #mine() { return this.room.own?.answers[this.poll.round - 1] ?? null; }

  #build() {
    const { poll, words, lang, room } = this;
    const teacher = room.role === "teacher";
    this.state = element("p", { className: "votes" });
    const heading = element("h2", { textContent: poll.question[lang] });
    const parts = [element("p", { className: "round", textContent: poll.round === 1 ? words.vote : words.second_vote }), heading];
    parts.push(poll.setting ? this.#number(teacher) : this.#options(teacher));
    parts.push(this.state);
    if (poll.revealed && poll.explanation) parts.push(element("p", { className: "why", textContent: poll.explanation[lang] }));
    if (poll.moved) parts.push(this.#moved());
    if (teacher) parts.push(this.#commands());
    this.node.replaceChildren(...parts);
    this.node.classList.toggle("settled", poll.revealed); // the picture has the room
    this.node.setAttribute("aria-label", words.question);
  }

  #options(teacher) {
    const { poll, lang } = this;
    this.buttons = poll.options.map((option, index) => {
      const content = [
        element("span", { className: "letter", textContent: letter(index) }),
        element("span", { className: "text", textContent: option[lang] }),
        ...this.#bars(index),
      ];
      const right = poll.revealed && poll.correct === index;
      const className = `option${right ? " right" : ""}`;
      if (teacher || !poll.open) return element("div", { className, role: "listitem" }, ...content);
      const button = element("button", { type: "button", className }, ...content);
      button.addEventListener("click", () => this.answer(index));
      return button;
    });
    const asked = !teacher && poll.open;
    return element("div", { className: "options", role: asked ? "group" : "list", "aria-label": poll.question[lang] }, ...this.buttons);
  }

  /** The bars of one option, a line for each round that is shown. */
  #bars(index) {
    const { poll, words } = this;
    const rounds = poll.bars.filter(Boolean);
    if (rounds.length === 0) return [];
    const most = Math.max(1, ...rounds.flat());
    const lines = poll.bars.flatMap((counts, round) => {
      if (!counts) return [];
      const bar = element("span", { className: `bar round${round + 1}` });
      bar.style.width = `${(100 * counts[index]) / most}%`;
      const name = poll.bars.length > 1 ? element("span", { className: "unseen", textContent: `${[words.first, words.second][round]}: ` }) : "";
      return [element("span", { className: "line" }, element("span", { className: "track" }, bar), name, element("span", { className: "count", textContent: counts[index] }))];
    });
    return [element("span", { className: "bars" }, ...lines)];
  }

  #number(teacher) {
    const { poll, words, lang } = this;
    const { setting } = poll;
    this.buttons = [];
    if (poll.bars.some(Boolean) || poll.revealed) return this.#histogram();
    if (teacher || !poll.open) return element("p", { textContent: `${setting.label[lang]}: ${words.everybodys_number}` });
    const options = setting.stops.map((stop) => new Option(valueText(setting, stop, lang), stop));
    this.select = element("select", { "aria-label": setting.label[lang] }, new Option(setting.label[lang], ""), ...options);
    const mine = this.#mine;
    this.select.value = mine === null ? "" : String(mine);
    const send = element("button", { type: "button", className: "primary", textContent: words.send });
    send.addEventListener("click", () => {
      const stop = setting.stops[this.select.selectedIndex - 1];
      if (stop !== undefined) this.answer(stop);
    });
    return element("div", { className: "number" }, this.select, send);
  }

  /** Answers over the stops of the slider, from the lowest to the highest that somebody gave or that is right. */
  #histogram() {
    const { poll, words, lang } = this;
    const { setting } = poll;
    const rounds = poll.bars.filter(Boolean);
    const right = poll.revealed ? setting.stops.indexOf(poll.correct) : -1;
    const used = setting.stops.map((_, index) => index).filter((index) => index === right || rounds.some((counts) => counts[index]));
    if (used.length === 0) return element("p", { textContent: words.no_answers });
    const shown = setting.stops.slice(Math.max(0, used[0] - 1), used.at(-1) + 2);
    const first = Math.max(0, used[0] - 1);
    const most = Math.max(1, ...rounds.flat());
    const columns = shown.map((stop, offset) => {
      const index = first + offset;
      const bars = poll.bars.flatMap((counts, round) => {
        if (!counts) return [];
        const bar = element("span", { className: `bar round${round + 1}`, textContent: counts[index] || "" });
        bar.style.height = `${(100 * counts[index]) / most}%`;
        return [bar];
      });
      return element(
        "div", { className: `column${index === right ? " right" : ""}`, role: "listitem" },
        element("div", { className: "pillars" }, ...bars), element("span", { className: "stop", textContent: setting.words[stop]?.[lang] ?? formatNumber(stop) }),
      );
    });
    const label = setting.unit ? `${setting.label[lang]} (${setting.unit[lang]})` : setting.label[lang];
    return element("div", {}, element("div", { className: "histogram", role: "list", "aria-label": label }, ...columns), element("p", { className: "axis", textContent: label }));
  }

  /** Who moved from where to where. */
  #moved() {
    const { poll, words } = this;
    const names = poll.options.map((_, index) => letter(index));
    const head = element("tr", {}, element("td"), ...names.map((name) => element("th", { scope: "col", textContent: name })));
    const rows = poll.moved.map((row, from) => element(
      "tr", {}, element("th", { scope: "row", textContent: names[from] }),
      ...row.map((count, to) => element("td", { className: from === to ? "stayed" : count ? "moved" : "", textContent: count || "·" })),
    ));
    return element("table", {}, element("caption", { textContent: words.moved }), head, ...rows);
  }

  #commands() {
    const { words } = this;
    this.commands = Object.fromEntries(COMMANDS.map((command) => {
      const button = element("button", { type: "button", className: command === "reveal" ? "primary" : "", textContent: words[command] });
      button.addEventListener("click", () => this.act(command));
      return [command, button];
    }));
    return element("div", { className: "commands" }, ...Object.values(this.commands));
  }

  /** What changes while the question stands. */
  #refresh() {
    const { poll, words, room } = this;
    if (room.role === "teacher") {
      const can = possible(poll);
      for (const command of COMMANDS) this.commands[command].hidden = !can[command];
      const counts = poll.voted.length > 1 ? `${poll.voted[0]} → ${poll.voted[1]}` : `${poll.voted[0]}`;
      this.state.textContent = `${fill(words.voted, { count: counts, all: room.shared.students })}${poll.open ? "" : ` · ${words.closed}`}`;
      return;
    }
    const mine = this.#mine;
    if (poll.open) this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(mine === index)));
    this.state.textContent = this.#said(mine);
  }

  #said(mine) {
    const { poll, words, lang } = this;
    const answer = mine === null ? null : poll.setting ? valueText(poll.setting, mine, lang) : letter(mine);
    if (poll.revealed) {
      if (poll.correct === null || answer === null) return poll.correct === null ? words.closed : fill(words.answer, { answer: this.#right() });
      return mine === poll.correct ? words.was_right : `${fill(words.you_said, { answer })} ${fill(words.answer, { answer: this.#right() })}`;
    }
    if (!poll.open) return answer === null ? words.closed : `${words.closed} ${fill(words.you_said, { answer })}`;
    return answer === null ? words.choose : fill(words.mine, { answer });
  }

  #right() {
    const { poll, lang } = this;
    return poll.setting ? valueText(poll.setting, poll.correct, lang) : letter(poll.correct);
  }

  /** What a screen reader is told when the question has changed; an empty text where nothing has. */
  static news(before, now, words, lang) {
    if (!now) return "";
    if (before?.id !== now.id) return `${words.vote}: ${now.question[lang]}`;
    if (now.revealed && !before.revealed) return `${words.answer_shown} ${now.explanation?.[lang] ?? ""}`;
    if (now.round !== before.round) return words.second_vote;
    if (now.bars.at(-1) && !before.bars.at(-1)) return words.votes_shown;
    return before.open && !now.open ? words.closed : "";
  }
}
