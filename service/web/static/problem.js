/** Problem: an error from the service (RFC 9457) or from the page. */

export class Problem extends Error {
  /**
   * `kind` names a message in the catalogue ("422", "unreachable", …). The other fields come from the service.
   * `retryAfterS` is null if there is no Retry-After header.
   */
  constructor(kind, { code = "", detail = "", requestId = "", fields = [], retryAfterS = null } = {}) {
    super(`${kind} ${code}`);
    Object.assign(this, { kind, code, detail, requestId, fields, retryAfterS });
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return ["429", "503", "504", "unreachable", "broken"].includes(this.kind);
  }

  /** Create a Problem from the body of a problem response or of an `error` event. Any field may be missing. */
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

  /** Create a Problem from a response with an error status. A proxy may have replaced its body. */
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
