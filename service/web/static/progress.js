/** Progress: shows the article, the completed steps, and the translation so far, side by side. */

import { CodePoints } from "./codepoints.js";
import { element } from "./element.js";
import { has, say } from "./language.js";

export class Progress {
  #place;
  #points;
  #bars = new Map();
  #lines = element("div", { class: "bars" });
  #target = element("div", { class: "text preview", lang: "en" });
  #last = null;

  /** Show the text `article`, which is "" if only the service can read the document. */
  constructor(place, article) {
    this.#place = place;
    this.#points = new CodePoints(article);
    this.#bar("sending").line.textContent = say("status.sending");
    const source = element("div", { class: "source" }, element("h3", {}, say("article.given")), element("div", { class: "text given", lang: "de" }, article));
    const target = element("div", { class: "target" }, element("h3", {}, say("status.preview")), this.#target);
    place.replaceChildren(this.#lines, element("div", { class: "row two-columns" }, source, target));
    place.hidden = false;
    (place.previousElementSibling ?? place).scrollIntoView({ block: "start" });
  }

  /** Handle an event from the service. Events with unknown names are ignored. */
  follow({ name, data }) {
    if (name === "progress") this.#advance(data);
    else if (name === "sentence" && data.text_number === 0) this.#add(data);
  }

  #advance({ stage = "work", done, of }) {
    this.#drop("sending");
    const { bar, line } = this.#bar(stage);
    bar.max = Math.max(1, of);
    bar.value = done;
    const key = `stage.${stage}`;
    line.textContent = say("status.working", { stage: say(has(key) ? key : "stage.work"), done, of });
  }

  #bar(stage) {
    if (!this.#bars.has(stage)) {
      const id = `stage-${stage}`;
      const made = { bar: element("progress", { "aria-labelledby": id }), line: element("p", { class: "hint", id }) };
      this.#bars.set(stage, { ...made, whole: element("div", {}, made.line, made.bar) });
      this.#lines.append(this.#bars.get(stage).whole);
    }
    return this.#bars.get(stage);
  }

  #drop(stage) {
    this.#bars.get(stage)?.whole.remove();
    this.#bars.delete(stage);
  }

  #add({ text, source }) {
    const [start, end] = source ?? [0, 0];
    const isNew = this.#last === null || this.#points.slice(this.#last, start).includes("\n");
    if (isNew) this.#target.append(element("p", {}));
    this.#target.lastElementChild.append(`${text} `);
    this.#last = end;
  }

  /** Remove the progress from the page. */
  end() {
    this.#place.replaceChildren();
    this.#place.hidden = true;
  }
}
