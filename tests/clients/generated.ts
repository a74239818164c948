// Uses the types that openapi-typescript generates. The compiler checks every field name in this file.
import type { components, paths } from "./schema";

type Article = paths["/v1/articles"]["post"];
type Body = Article["requestBody"]["content"]["application/json"];
type Result = Article["responses"][200]["content"]["application/json"];
type Problem = Article["responses"][422]["content"]["application/problem+json"];

async function post(url: string, body: Body): Promise<Result | Problem> {
  const response = await fetch(`${url}/v1/articles`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.ok ? ((await response.json()) as Result) : ((await response.json()) as Problem);
}

const [url] = process.argv.slice(2);
const good: Body = {
  headline: "Haushalt",
  body: "Der Rat hat am Dienstag den Haushalt beschlossen. Die Mehrheit stimmte dafür.",
  outputs: ["summary", "translation"],
  length: "short",
  glossary: { Rat: "council" },
  as: "jsonld",
};
const result = await post(url!, good);
if (!("article" in result)) throw new Error(result.detail);
const warnings: components["schemas"]["WarningOut"][] = result.translation!.warnings;
const codes: (components["schemas"]["WarningCode"] | (string & {}))[] = warnings.map((one) => one.code);
const refused = await post(url!, { ...good, body: " " });
if ("article" in refused) throw new Error("an empty body must be refused");
console.log(
  JSON.stringify({ text: result.translation!.text, codes, key: result.result_key, refused: refused.code, at: refused.errors[0]!.pointer }),
);
