// Calls the JavaScript client as the test requests. Prints the outcome as JSON.
import { Depesche, Refused, passage } from "../../clients/js/depesche.js";

const [url, what, text] = process.argv.slice(2);
const depesche = new Depesche(url, { attempts: 3, timeoutMs: 60_000 });
const tasks = {
  async all() {
    const article = await depesche.article({ body: text, length: "short", as: "jsonld" });
    const { translations } = await depesche.translate(text);
    const { summaries } = await depesche.summarize([text], { method: "lead" });
    return {
      ready: await depesche.isReady(),
      models: (await depesche.models()).length,
      summary: article.summary.text,
      translation: article.translation.text,
      passages: translations[0].sentences.map((one) => passage(text, one.source)),
      method: summaries[0].method,
    };
  },
  async batch() {
    const results = await depesche.articles([{ body: text, outputs: ["translation"] }, { body: " " }]);
    return { statuses: results.map((one) => one.status), body: results[0].article.article.body };
  },
  async job() {
    const one = await depesche.sendArticle({ body: text, outputs: ["translation"] });
    const many = await depesche.sendArticles([{ id: "a", body: text, outputs: ["translation"] }, { body: " " }]);
    const { translation } = await depesche.wait(one);
    const { results } = await depesche.wait(many);
    const { status } = await depesche.job(one);
    return { translation: translation.text, statuses: results.map((one) => one.status), status };
  },
  async read() {
    return depesche.wait(text, { limitMs: 60_000 });
  },
  async readBriefly() {
    return depesche.wait(text, { limitMs: 1_500 });
  },
  async batchStream() {
    const found = [];
    for await (const event of depesche.streamArticles([{ body: text }, { body: " " }])) found.push(event);
    return { names: found.map((event) => event.name), numbers: found.at(-1).data };
  },
  async stream() {
    const found = [];
    for await (const event of depesche.streamArticle({ body: text, clean: false })) found.push(event);
    return { names: found.map((event) => event.name), body: found.at(-1).data.article.body };
  },
  async leave() {
    for await (const event of depesche.streamArticle({ body: text })) return { first: event.name };
  },
  async cancel() {
    const started = Date.now();
    const signal = AbortSignal.timeout(50);
    const error = await depesche.article({ body: text }, { signal }).catch((error) => error.name);
    return { error, quick: Date.now() - started < 5_000 };
  },
};
try {
  console.log(JSON.stringify(await tasks[what]()));
} catch (error) {
  if (!(error instanceof Refused)) console.log(JSON.stringify({ error: error.message }));
  else console.log(JSON.stringify({ status: error.status, code: error.code, id: error.requestId, errors: error.errors }));
}
