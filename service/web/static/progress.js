/** Progress: shows the completed steps, and the translation so far. */

import { element } from "./element.js";
import { say } from "./language.js";

export class Progress {
  #place;
  #bar = element("progress", {});
  #line = element("p", { class: "hint" });
  #preview = element("p", { class: "preview", lang: "en" });
  #previewBox;

  constructor(place) {
    this.#place = place;
    this.#bar.setAttribute("aria-label", say("status.sending"));
    this.#line.textContent = say("status.sending");
    this.#previewBox = element("div", { hidden: true }, element("h3", {}, say("status.preview")), this.#preview);
    place.replaceChildren(this.#line, this.#bar, this.#previewBox);
    place.hidden = false;
  }

  /** Handle an event from the service. Events with unknown names are ignored. */
  follow({ name, data }) {
    if (name === "progress") this.#advance(data);
    else if (name === "sentence" && data.text_number === 0) this.#add(data.text);
  }

  #advance({ done, of }) {
    this.#bar.max = Math.max(1, of);
    this.#bar.value = done;
    this.#line.textContent = say("status.working", { done, of });
  }

  #add(sentence) {
    this.#previewBox.hidden = false;
    this.#preview.append(`${sentence} `);
    this.#preview.scrollTop = this.#preview.scrollHeight;
  }

  /** Remove the progress from the page. */
  end() {
    this.#place.replaceChildren();
    this.#place.hidden = true;
  }
}
