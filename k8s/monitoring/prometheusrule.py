"""``make rules``: writes prometheusrule.yaml, which is alerts.yaml in the shape that the Prometheus operator takes."""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """# The alerts of alerts.yaml for the Prometheus operator. Written from it by `make rules`; not to be edited.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: depesche
  labels:
    app.kubernetes.io/name: depesche
spec:
"""


def main() -> None:
    """Write the file anew."""
    (FOLDER / "prometheusrule.yaml").write_text(written((FOLDER / "alerts.yaml").read_text("utf-8")), "utf-8")


def written(alerts: str) -> str:
    """The resource whose ``spec`` is that rules file, letter for letter but for its comments at the top."""
    lines = alerts.splitlines()
    begin = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines[begin:])


if __name__ == "__main__":
    main()
