/** Tabs: choose which text a narrow window shows. A wide window shows all of them and hides the tabs. */

import { button, element } from "./element.js";
import { say } from "./language.js";

/** Create the buttons for `names`. A click sets `data-view` of the element that `place()` returns. */
export function tabsView(names, place) {
  const buttons = names.map((name) =>
    button(say(`tab.${name}`), () => showTab(place(), name), { "data-tab": name, "aria-pressed": String(name === names[0]) }),
  );
  return element("nav", { class: "tabs", "aria-label": say("tab.label") }, buttons);
}

/** Show the tab `name` of the result, if there is such a tab. */
export function showTab(result, name) {
  const buttons = [...result.querySelectorAll("[data-tab]")];
  if (!buttons.some((one) => one.dataset.tab === name)) return;
  result.dataset.view = name;
  for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.tab === name));
}
