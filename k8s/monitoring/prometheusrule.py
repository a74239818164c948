"""Write prometheusrule.yaml: the rules in alerts.yaml as a resource for the Prometheus operator (``make rules``)."""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """# The alerts in alerts.yaml, for the Prometheus operator. `make rules` generates this file; do not edit it.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: depesche
  labels:
    app.kubernetes.io/name: depesche
spec:
"""


def main() -> None:
    """Write prometheusrule.yaml."""
    (FOLDER / "prometheusrule.yaml").write_text(written((FOLDER / "alerts.yaml").read_text("utf-8")), "utf-8")


def written(alerts: str) -> str:
    """Return a PrometheusRule with the given rules file, without its leading comments, as ``spec``."""
    lines = alerts.splitlines()
    begin = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines[begin:])


if __name__ == "__main__":
    main()
