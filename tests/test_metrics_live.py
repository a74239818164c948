"""Tests with a real Prometheus server that scrapes the service and evaluates every dashboard panel and rule."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.chaos.server import PATIENCE_S, serving
from tests.redis_server import free_port
from tests.test_metrics_rules import ALERTS, METRIC, MONITORING, RULES, expressions

pytestmark = pytest.mark.slow

PROGRAM = "prometheus"
SCRAPES = 4
ARTICLE = {"body": "Der Zug fährt heute nicht nach Kiel. Die Regierung rechnet mit einer Mehrheit im Bundestag."}


class NotReady(Exception):
    """Prometheus is still starting."""


class Prometheus:
    """A client for the API of a Prometheus server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, **parameters: str) -> Any:
        """Send a request to ``path`` of the API, assert that it succeeds, and return the data of the response."""
        answer = httpx.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=PATIENCE_S)
        if answer.status_code == 503:
            raise NotReady(answer.text)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, expression: str) -> list[Any]:
        """Run ``expression`` as an instant query, and return the samples."""
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found

    def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until ``wanted`` returns True."""
        end = time.monotonic() + PATIENCE_S
        while not self._holds(wanted):
            assert time.monotonic() < end
            time.sleep(0.2)

    def _holds(self, wanted: Callable[[], bool]) -> bool:
        try:
            return wanted()
        except (httpx.TransportError, NotReady):
            return False


def configuration(target: str) -> str:
    """Return a configuration of Prometheus that scrapes ``target`` and evaluates its rules every second."""
    scrape = {"job_name": "depesche", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    return json.dumps(  # JSON is YAML
        {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(MONITORING / "alerts.yaml")],
            "scrape_configs": [scrape],
        }
    )


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Start Prometheus, and yield a client for it after several scrapes of a service that has processed an article."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    address = f"127.0.0.1:{free_port()}"
    with serving() as server:
        assert server.post("/v1/articles", ARTICLE).status_code == 200
        (folder / "prometheus.yml").write_text(configuration(server.url.removeprefix("http://")), "utf-8")
        options = ["--config.file", "prometheus.yml", "--storage.tsdb.path", "data", "--web.listen-address", address]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([PROGRAM, *options], cwd=folder, stdout=log, stderr=log)
        try:
            found = Prometheus(f"http://{address}")
            found.until(lambda: bool(found.value(f"sum(count_over_time(up[5m])) >= {SCRAPES}")))
            assert server.post("/v1/articles", {**ARTICLE, "headline": "Der Zug"}).status_code == 200
            done = 'depesche_http_requests_total{route="/v1/articles",status="200"} == 2'
            found.until(lambda: bool(found.value(done)))
            yield found
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_scrape_succeeds(prometheus: Prometheus) -> None:
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_used_metrics_are_scraped(prometheus: Prometheus) -> None:
    names = set(prometheus.ask("label/__name__/values"))
    rules = "\n".join(line for line in RULES.splitlines() if not line.lstrip().startswith("#"))
    asked = set(re.findall(METRIC, "\n".join([rules, *expressions()])))
    assert len(asked) > 30
    only_with_a_remote_model = {name for name in asked if name.startswith("depesche_remote_")}
    assert asked - names == only_with_a_remote_model


@pytest.mark.parametrize("expression", expressions())
def test_panel_expression_evaluates(prometheus: Prometheus, expression: str) -> None:
    expression = expression.replace('job=~"a|b"', 'job=~"depesche"')
    prometheus.ask("query", query=expression)


def test_most_panels_have_data(prometheus: Prometheus) -> None:
    asked = [expression.replace('job=~"a|b"', 'job=~"depesche"') for expression in expressions()]
    drawn = [expression for expression in asked if prometheus.value(expression)]
    assert len(drawn) > len(asked) / 2, set(asked) - set(drawn)


def test_healthy_service_fires_no_alert(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    prometheus.until(lambda: all(rule["health"] == "ok" for rule in rules()))
    assert {rule["name"] for rule in rules()} == set(ALERTS)
    assert {rule["name"]: rule["state"] for rule in rules() if rule["state"] != "inactive"} == {}


def test_rule_condition_matches_live_data(prometheus: Prometheus) -> None:
    assert prometheus.value("depesche_ready == 1")
    assert not prometheus.value("absent(depesche_build_info)")
