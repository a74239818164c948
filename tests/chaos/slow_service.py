"""The service with engines that take 50 ms for each call: ``python -m tests.chaos.slow_service serve``."""

from unittest.mock import patch

from service.cli.main import main
from tests.fake_engine import FakeEngine, taking

CALL_S = 0.05

if __name__ == "__main__":
    with (
        patch("service.generation.local.load_engine", lambda *_, **__: FakeEngine(taking(CALL_S))),
        patch(
            "service.server.protect_memory"
        ),  # tests measure the memory of the process, also as another user than root
    ):
        main()
