"""Tests of the lifecycle of the process: transitions between states, and when new work is accepted."""

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.errors import Draining
from service.languages import en
from service.newsroom.lifecycle import NEXT, Lifecycle
from service.settings import Settings
from tests.conftest import wait_until_ready

MOVES = ("begin_loading", "become_ready", "begin_drain", "refuse_work", "close")
ORDER = ("draining", "refusing", "closed")


def test_process_is_ready_after_loading() -> None:
    lifecycle = Lifecycle()
    assert (lifecycle.state, lifecycle.status) == ("loading", "loading")
    lifecycle.become_ready()
    assert (lifecycle.state, lifecycle.status) == ("ready", "ready")


def test_failure_keeps_its_reason_until_the_next_load() -> None:
    lifecycle = Lifecycle()
    lifecycle.fail("no weights")
    assert (lifecycle.status, lifecycle.detail) == ("failed", "no weights")
    lifecycle.begin_loading()
    assert (lifecycle.status, lifecycle.detail) == ("loading", "")


def test_draining_process_takes_work_until_it_refuses() -> None:
    lifecycle = Lifecycle()
    lifecycle.become_ready()
    lifecycle.begin_drain()
    lifecycle.check_open()
    with pytest.raises(Draining):
        lifecycle.check_staying()
    lifecycle.refuse_work()
    with pytest.raises(Draining):
        lifecycle.check_open()
    assert lifecycle.status == "draining"


def test_load_during_drain_changes_nothing() -> None:
    lifecycle = Lifecycle()
    lifecycle.begin_drain()
    lifecycle.become_ready()
    lifecycle.fail("too late")
    assert (lifecycle.state, lifecycle.detail) == ("draining", "")


@given(st.lists(st.sampled_from((*MOVES, "fail"))))
def test_closed_process_stays_closed(moves: list[str]) -> None:
    lifecycle = Lifecycle()
    for move in moves:
        before = lifecycle.state
        getattr(lifecycle, move)(*(["reason"] if move == "fail" else []))
        if before in ORDER:
            assert lifecycle.state in ORDER[ORDER.index(before) :]
        assert lifecycle.ending == (lifecycle.state in ORDER)


def test_table_names_every_state() -> None:
    assert {state for states in NEXT.values() for state in states} <= NEXT.keys()


def test_dictionary_is_loaded_before_the_first_request() -> None:
    en._dictionary.cache_clear()
    en._spells.cache_clear()
    with TestClient(create_app(Settings())) as client:
        wait_until_ready(client)
        assert en._dictionary.cache_info().currsize == 1
