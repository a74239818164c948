/** Provenance: the models that created the outputs, and the time. */

import { element } from "./element.js";
import { has, language, say } from "./language.js";

/** Create a collapsed list with the provenance of the outputs. */
export function provenanceView({ models = {}, provenance = {}, result_key: key = "" }) {
  const lines = [
    ["provenance.summary", modelText(models?.summary)],
    ["provenance.translation", modelText(models?.translation)],
    ["provenance.generated_at", timeText(provenance?.generated_at)],
    ["provenance.software", provenance?.software],
    ["provenance.embargo", provenance?.embargo && say("provenance.embargo.kept")],
    ["provenance.result_key", key],
  ].filter(([, value]) => value);
  return element(
    "details",
    { class: "card provenance" },
    element("summary", {}, element("h3", {}, say("provenance.title"))),
    element("dl", {}, lines.map(([label, value]) => [element("dt", {}, say(label)), element("dd", {}, value)])),
  );
}

function modelText(model) {
  if (!model) return null;
  const quality = `provenance.quality.${model.quality}`;
  return [
    model.id,
    model.revision && say("provenance.revision", { revision: model.revision }),
    model.engine && say("provenance.engine", { engine: model.engine }),
    model.licence && say("provenance.licence", { licence: model.licence }),
    has(`provenance.host.${model.host}`) && say(`provenance.host.${model.host}`),
    has(quality) && say(quality),
  ]
    .filter(Boolean)
    .join(", ");
}

function timeText(stated) {
  const time = new Date(stated ?? "");
  if (Number.isNaN(time.getTime())) return stated;
  return new Intl.DateTimeFormat(language(), { dateStyle: "long", timeStyle: "medium" }).format(time);
}
