"""Smoke test of a running service.

``smoke.py URL`` waits until the service is ready, requests a translation and a summary, and checks the metrics.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

READY_S = 120
TEXT = "Der Bundestag stimmt am Freitag über den Haushalt ab. Die Opposition will dagegen stimmen."


def main(url: str) -> None:
    """Check the running service at ``url``.

    Raises:
        SystemExit: the service is not ready in time, or returns an unexpected response.
    """
    wait_until_ready(url)
    translation = post(f"{url}/v1/translate", {"text": TEXT})["translations"][0]["text"]
    summary = post(f"{url}/v1/summarize", {"text": TEXT, "method": "lead"})
    metrics = get(f"{url}/metrics")
    if not translation.strip() or not summary or 'depesche_results_total{output="translation"} 1.0' not in metrics:
        sys.exit(f"unexpected responses: {translation!r}, {summary!r}")
    print(f"{url} passed the smoke test")


def wait_until_ready(url: str) -> None:
    """Wait until ``/readyz`` of the service at ``url`` returns 200.

    Raises:
        SystemExit: the service is not ready within READY_S seconds.
    """
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            get(f"{url}/readyz")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
        else:
            return
    sys.exit(f"{url}/readyz did not return 200 within {READY_S} s")


def get(url: str) -> str:
    """Return the body of the response to a GET request for ``url``."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the caller's own address
        return str(answer.read().decode())


def post(url: str, body: dict[str, Any]) -> Any:
    """Send ``body`` as JSON to ``url``, and return the parsed JSON of the response."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the caller's own address
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1])
