"""Tests that the tables of error and warning codes are complete, and that the service returns the statuses in them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from service import errors
from service.http import codes, problems

ROOT = Path(__file__).parents[2]
# Errors that end a command or the process. No HTTP response contains them.
NOT_IN_RESPONSES = {
    "client_gone",
    "hub_failed",
    "key_file_invalid",
    "seal_missing",
    "tracing_unavailable",
    "id_invalid",  # an error of `depesche backfill`
}
ALL = {one.code: one for one in codes.ERRORS + codes.PEER_ERRORS}


def codes_in(tree: ast.Module) -> Iterator[str]:
    """Yield the error codes in the source of a module.

    These are the values of class attributes named ``code``, and the first arguments of `InvalidInput`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for one in node.body:
                if (
                    isinstance(one, ast.Assign)
                    and [ast.unparse(target) for target in one.targets] == ["code"]
                    and isinstance(one.value, ast.Constant)
                ):
                    yield str(one.value.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "InvalidInput":
            yield from (str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant))


def test_every_error_code_is_in_the_table() -> None:
    used = {code for path in (ROOT / "service").rglob("*.py") for code in codes_in(ast.parse(path.read_text("utf-8")))}
    used |= {*problems.CODES.values(), *problems.FIELD_CODES.values(), "path_invalid", "http_error", "invalid_request"}
    used |= {"source_lang_unsupported", "target_lang_unsupported", "ninjs_invalid"}
    assert used == ALL.keys() | NOT_IN_RESPONSES


def test_no_code_has_two_meanings() -> None:
    assert len(ALL) == len(codes.ERRORS) + len(codes.PEER_ERRORS)
    assert len({one.code for one in codes.WARNINGS}) == len(codes.WARNINGS)


def test_statuses_are_those_of_the_error_classes() -> None:
    def classes(root: type[errors.DepescheError]) -> Iterator[type[errors.DepescheError]]:
        yield root
        for one in root.__subclasses__():
            yield from classes(one)

    for kind in classes(errors.DepescheError):
        if kind.code in ALL and kind is not errors.InvalidInput:
            status = next(problems.STATUS[base] for base in kind.__mro__ if base in problems.STATUS)
            assert ALL[kind.code].statuses == (status,), kind


def test_every_code_says_what_to_do() -> None:
    described: list[codes.ErrorCode | codes.WarningCode] = [*ALL.values(), *codes.WARNINGS]
    for one in described:
        assert one.meaning.endswith("."), one.code
        assert one.action.endswith("."), one.code
