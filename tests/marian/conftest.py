"""Fixtures for the tests of training. The tests use one thread, because small networks are not faster with two."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
