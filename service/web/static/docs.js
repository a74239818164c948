/** Docs: shows the OpenAPI document as a page. */

import { element } from "./element.js";

const SCHEMAS = "#/components/schemas/";

function link(reference) {
  const name = reference.slice(SCHEMAS.length);
  return element("a", { href: `#${name}` }, name);
}

/** Describe a type in words. The result is a list of texts and links. */
function type(schema) {
  if (schema.$ref) return [link(schema.$ref)];
  if (schema.anyOf) return schema.anyOf.flatMap((one, n) => (n ? [" or ", ...type(one)] : type(one)));
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(", ")];
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return ["list of ", ...type(schema.items ?? {})];
  return [schema.type ?? "any"];
}

function table(headings, rows) {
  const head = element("tr", {}, headings.map((heading) => element("th", { scope: "col" }, heading)));
  const body = rows.map((cells) => element("tr", {}, cells.map((cell) => element("td", {}, cell))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, body));
}

function resolved(root, value) {
  return value.$ref ? value.$ref.slice(2).split("/").reduce((place, part) => place[part], root) : value;
}

function content(part) {
  return Object.entries(part.content ?? {}).flatMap(([media, one]) => [
    element("p", {}, element("code", {}, media), ": ", type(one.schema ?? {})),
  ]);
}

function operation(root, method, path, one) {
  const parameters = (one.parameters ?? []).map((given) => resolved(root, given));
  const request = one.requestBody ? [element("h3", {}, "Request body"), content(one.requestBody)] : [];
  return element(
    "details",
    { class: "card", id: one.operationId },
    element("summary", {}, element("h2", {}, `${method.toUpperCase()} ${path}`)),
    element("p", {}, one.description ?? ""),
    parameters.length
      ? table(["parameter", "in", "meaning"], parameters.map((p) => [p.name, p.in, p.description ?? ""]))
      : null,
    request,
    element("h3", {}, "Responses"),
    table(
      ["status", "meaning", "content"],
      Object.entries(one.responses).map(([status, answer]) => [status, answer.description, content(answer)]),
    ),
  );
}

function schema(name, one) {
  const required = new Set(one.required ?? []);
  const fields = Object.entries(one.properties ?? {}).map(([field, value]) => [
    field,
    type(value),
    required.has(field) ? "required" : "default" in value ? JSON.stringify(value.default) : "",
    value.description ?? "",
  ]);
  return element(
    "details",
    { class: "card", id: name },
    element("summary", {}, element("h2", {}, name)),
    element("p", {}, one.description ?? ""),
    fields.length ? table(["field", "type", "required or default", "meaning"], fields) : element("p", {}, type(one)),
  );
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

const response = await fetch("openapi.json");
const main = document.getElementById("reference");
if (response.ok) {
  const root = await response.json();
  for (const [path, methods] of Object.entries(root.paths)) {
    for (const [method, one] of Object.entries(methods)) main.append(operation(root, method, path, one));
  }
  for (const [name, one] of Object.entries(root.components.schemas)) main.append(schema(name, one));
  addEventListener("hashchange", openTarget);
  openTarget();
} else {
  main.append(element("p", { class: "failure" }, `The OpenAPI document could not be loaded (status ${response.status}).`));
}
