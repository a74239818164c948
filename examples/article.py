"""Send one article to the service and print its summary, translation and warnings.

pip install httpx
DEPESCHE_URL=http://127.0.0.1:8000 python article.py [FILE]
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

URL = os.environ.get("DEPESCHE_URL", "http://127.0.0.1:8000")
KEY = os.environ.get("DEPESCHE_KEY", "")
ATTEMPTS = 5
MOST_WAIT_S = 60.0
DEADLINE_S = 120.0
EXAMPLE = """Stadtrat berät über neue Brücke

Der Stadtrat hat am Montag über die neue Brücke beraten. Sie soll 2027 fertig sein.

Die Kosten betragen 12 Millionen Euro. Anwohner fürchten den Lärm der Baustelle.
"""


class Refused(Exception):
    """The service refused the request. The message can be shown to users."""


def main() -> int:
    """Send the article in the file named by the first argument, or the example article if there is none."""
    text = Path(sys.argv[1]).read_text("utf-8") if len(sys.argv) > 1 else EXAMPLE
    headers = {"Request-Timeout-Ms": str(int(DEADLINE_S * 1000))}
    if KEY:
        headers["Authorization"] = f"Bearer {KEY}"
    try:
        # The service applies the deadline. The client waits a little longer for the response.
        with httpx.Client(base_url=URL, headers=headers, timeout=DEADLINE_S + 10) as client:
            show(posted(client, {"body": text}))
    except (Refused, httpx.TransportError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def posted(client: httpx.Client, article: dict[str, Any]) -> dict[str, Any]:
    """Send an article and return the result.

    After 503 (busy) or 429 (too many requests), wait for `Retry-After` and retry.
    """
    for attempt in range(1, ATTEMPTS + 1):
        answer = client.post("/v1/articles", json=article)
        if answer.status_code not in {429, 503} or attempt == ATTEMPTS:
            break
        wait_s = min(float(answer.headers.get("Retry-After", "1")), MOST_WAIT_S)
        print(f"busy ({answer.status_code}); retrying in {wait_s:.0f} s", file=sys.stderr)
        time.sleep(wait_s)
    if answer.is_success:
        result: dict[str, Any] = answer.json()
        return result
    raise Refused(explained(answer))


def explained(answer: httpx.Response) -> str:
    """Return an error response as text: the fields of a problem (RFC 9457), or otherwise only the status.

    A proxy, for example, sends responses that are not problems.
    """
    if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        return f"HTTP {answer.status_code}"
    problem = answer.json()
    lines = [f"{problem['status']} {problem['code']}: {problem['detail']} (request {problem['request_id']})"]
    lines += [f"  {error['pointer'] or 'the body'}: {error['detail']}" for error in problem["errors"]]
    return "\n".join(lines)


def show(result: dict[str, Any]) -> None:
    """Print the result in a form that an editor can read."""
    article, summary, translation = result["article"], result["summary"], result["translation"]
    print(f"Headline: {article['headline']}\n\nSummary: {summary['text']}\n")
    print(f"Translation: {translation['headline']}\n\n{translation['text']}\n")
    if any(model and model["quality"] == "starter" for model in result["models"].values()):
        print("The starter models wrote these texts, which are not fit for publication.")
    for name, found in (("article", article), ("summary", summary), ("translation", translation)):
        for warning in found["warnings"]:
            print(f"Warning ({name}): {warning['code']}: {warning['message']}")
    for piece in article["removed"]:
        print(f"Removed ({piece['reason']}): {piece['text']}")
    print(f"Needs review: {'yes' if summary['needs_review'] or translation['needs_review'] else 'no'}")


if __name__ == "__main__":
    sys.exit(main())
