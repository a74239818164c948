/** Problem: what went wrong, as the service says it (RFC 9457) or as the page found it. */

export class Problem extends Error {
  /**
   * `kind` names a message of the catalogue ("422", "unreachable", …); the rest is the service's own account.
   * `retryAfterS` is null where it does not say when to ask again.
   */
  constructor(kind, { code = "", detail = "", requestId = "", fields = [], retryAfterS = null } = {}) {
    super(`${kind} ${code}`);
    Object.assign(this, { kind, code, detail, requestId, fields, retryAfterS });
  }

  /** The same request may succeed later. */
  get passes() {
    return ["429", "503", "504", "unreachable", "broken"].includes(this.kind);
  }

  /** From the body of a problem answer or of an `error` event; every field may be missing. */
  static said(body, status, retryAfter = null) {
    const waits = Number.parseInt(retryAfter ?? "", 10);
    return new Problem(String(body.status ?? status), {
      code: body.code,
      detail: body.detail ?? body.title,
      requestId: body.request_id,
      fields: Array.isArray(body.errors) ? body.errors : [],
      retryAfterS: Number.isNaN(waits) ? null : Math.max(0, waits),
    });
  }

  /** From an answer that is no success, whatever stands between the service and the page may have made of it. */
  static async answered(answer) {
    const text = await answer.text();
    let body = { request_id: answer.headers.get("x-request-id") ?? "" };
    try {
      body = { ...body, ...JSON.parse(text) };
    } catch {
      body.detail = answer.statusText;
    }
    return Problem.said(body, answer.status, answer.headers.get("retry-after"));
  }
}
