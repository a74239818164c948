"""Training in tests keeps to one thread: networks this small gain nothing from two, which wait for each other."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
