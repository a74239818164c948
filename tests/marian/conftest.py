"""Tests of training use one thread: small networks gain nothing from two threads, which wait for each other."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
