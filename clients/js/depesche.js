/** A client for the HTTP interface of Depesche. It runs in Node.js 20 or later, in current browsers, and in Deno. */

const RETRIED = new Set([429, 503, 504]);
const FIRST_WAIT_MS = 500;
// The service stops after the time limit. The client waits a little longer for the response.
const GRACE_MS = 5_000;
// A stream contains a comment at least every 15 seconds, so a longer silence means that the connection is broken.
const SILENCE_MS = 45_000;
const JOB_LIMIT_MS = 900_000;
const LATER = { Prefer: "respond-async" };

/** The service answered with an error. `code` is stable; docs/api/codes.md lists the codes. */
export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.code ?? "http_error"}: ${problem.detail ?? ""}`);
    this.name = "Refused";
    this.status = status;
    this.code = problem.code ?? "http_error";
    this.detail = problem.detail ?? "";
    this.requestId = problem.request_id ?? "";
    this.errors = problem.errors ?? [];
  }
}

/** Return the part of a text that a span refers to. Spans count code points, but JavaScript counts UTF-16 units. */
export function passage(text, [start, end]) {
  return Array.from(text).slice(start, end).join("");
}

export class Depesche {
  #url;
  #headers;
  #timeoutMs;
  #attempts;
  #mostWaitMs;
  #fetch;

  constructor(url = "http://127.0.0.1:8000", options = {}) {
    const { key, timeoutMs = 120_000, attempts = 5, mostWaitMs = 30_000, fetch: given } = options;
    this.#url = url.replace(/\/+$/, "");
    this.#headers = { "Content-Type": "application/json", "Request-Timeout-Ms": String(timeoutMs) };
    if (key !== undefined) this.#headers.Authorization = `Bearer ${key}`;
    this.#timeoutMs = timeoutMs;
    this.#attempts = attempts;
    this.#mostWaitMs = mostWaitMs;
    this.#fetch = given ?? ((...args) => fetch(...args));
  }

  /** Translate one or more texts. The result lists `translations` in the same order. */
  translate(text, options = {}, call = {}) {
    return this.#post("/v1/translate", { text, ...options }, call);
  }

  /** Summarise one or more texts. The result lists `summaries` in the same order. */
  summarize(text, options = {}, call = {}) {
    return this.#post("/v1/summarize", { text, ...options }, call);
  }

  /** Clean, summarise and translate an article. */
  article(request, call = {}) {
    return this.#post("/v1/articles", request, call);
  }

  /** Process up to 64 articles. Each result has a `status`, and an `article` or a `problem`. */
  async articles(articles, call = {}) {
    return (await this.#post("/v1/articles:batch", { articles }, call)).results;
  }

  /** Start a job for an article, and return the id of the job. The service needs a Redis server for jobs. */
  async sendArticle(request, call = {}) {
    return (await this.#post("/v1/articles", request, call, LATER)).id;
  }

  /** Start a job for up to 64 articles, and return the id of the job. */
  async sendArticles(articles, call = {}) {
    return (await this.#post("/v1/articles:batch", { articles }, call, LATER)).id;
  }

  /** Return the state of a job: its `status`, and its `result` or `problem` if it has ended. */
  async job(id, call = {}) {
    return (await this.#job(id, call)).json();
  }

  /** Wait until a job has ended, and return its result. Throw `Refused` if it has failed. */
  async wait(id, { signal, limitMs = JOB_LIMIT_MS } = {}) {
    const end = Date.now() + limitMs;
    for (;;) {
      const response = await this.#job(id, { signal });
      const { status, result, problem } = await response.json();
      if (status === "failed") throw new Refused(problem.status, problem);
      if (status === "succeeded") return result;
      const delayMs = Number(response.headers.get("retry-after") ?? 1) * 1000;
      if (Date.now() + delayMs > end) throw new Error(`the job ${id} did not end within ${limitMs} ms`);
      await wait(delayMs, signal);
    }
  }

  /** Yield the events of an article in order: `{name, data}`. The last one is the `result`. */
  streamArticle(request, call = {}) {
    return this.#stream("/v1/articles", request, call);
  }

  /** Yield an event `article` for each finished article, and finally the `result` with the counts of both outcomes. */
  streamArticles(articles, call = {}) {
    return this.#stream("/v1/articles:batch", { articles }, call);
  }

  async *#stream(path, request, { signal } = {}) {
    const silence = new Silence(SILENCE_MS);
    try {
      const signals = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
      const response = await this.#answer(path, request, { Accept: "text/event-stream" }, () => signals);
      let last = "";
      for await (const event of events(response.body, silence)) {
        if (event.name === "error") throw new Refused(event.data.status, event.data);
        last = event.name;
        yield event;
      }
      if (last !== "result") throw new Error("the stream ended without a result");
    } finally {
      silence.end();
    }
  }

  /** Return the models that the service uses. */
  async models() {
    const response = await this.#fetch(`${this.#url}/v1/models`, { headers: this.#headers });
    if (!response.ok) throw await refusal(response);
    return (await response.json()).models;
  }

  /** Return whether the service accepts work. */
  async isReady() {
    try {
      return (await this.#fetch(`${this.#url}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  async #post(path, body, { signal } = {}, headers = {}) {
    return (await this.#answer(path, body, headers, () => this.#limit(signal))).json();
  }

  #job(id, { signal }) {
    return this.#answer(`/v1/jobs/${encodeURIComponent(id)}`, undefined, {}, () => this.#limit(signal));
  }

  #limit(signal) {
    const timeout = AbortSignal.timeout(this.#timeoutMs + GRACE_MS);
    return signal ? AbortSignal.any([signal, timeout]) : timeout;
  }

  async #answer(path, body, headers, signalOf) {
    for (let attempt = 1; ; attempt += 1) {
      const signal = signalOf();
      const response = await this.#sent(path, body, headers, signal, attempt);
      if (response?.ok) return response;
      const delayMs = this.#delayMs(attempt, response);
      if (delayMs === null) throw await refusal(response);
      await response?.body?.cancel();
      await wait(delayMs, signal);
    }
  }

  /** Return the response, or null if the connection failed and another attempt is permitted. */
  async #sent(path, body, headers, signal, attempt) {
    try {
      return await this.#fetch(`${this.#url}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...this.#headers, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
    } catch (error) {
      if (signal.aborted || attempt >= this.#attempts) throw error;
      return null;
    }
  }

  /** Return the milliseconds until the next attempt, or null if the request must not be repeated. */
  #delayMs(attempt, response) {
    if (response !== null && (attempt >= this.#attempts || !RETRIED.has(response.status))) return null;
    const growing = FIRST_WAIT_MS * 2 ** (attempt - 1) * (1 + Math.random() / 2);
    const given = Number(response?.headers.get("retry-after") ?? NaN) * 1000;
    if (Number.isNaN(given)) return Math.min(growing, this.#mostWaitMs);
    return given > this.#mostWaitMs ? null : Math.max(given, growing);
  }
}

/** A signal that aborts after a period without data. */
class Silence {
  #controller = new AbortController();
  #limitMs;
  #timer;

  constructor(limitMs) {
    this.#limitMs = limitMs;
    this.reset();
  }

  get signal() {
    return this.#controller.signal;
  }

  reset() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error("the stream is silent")), this.#limitMs);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/** Yield the events of a stream. Only line feeds end a line. */
async function* events(body, silence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      silence.reset();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
        if (fields.event) yield { name: fields.event, data: JSON.parse(fields.data) };
      }
    }
  } finally {
    await reader.cancel();
  }
}

async function refusal(response) {
  const text = await response.text();
  try {
    return new Refused(response.status, JSON.parse(text));
  } catch {
    return new Refused(response.status, { detail: text.slice(0, 200) });
  }
}

function wait(delayMs, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, delayMs);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}
