"""What is remembered of recent texts is bounded in number and in characters, and left out where it may not stay."""

from service.generation.call import MOST_KEPT_CHARS, LruMemo


def made(recent: LruMemo[int], text: str, *, keep: bool = True) -> bool:
    """Whether the result for ``text`` had to be made."""
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return len(text)

    assert recent.get((text,), None, make, keep=keep) == len(text)
    return bool(calls)


def test_a_result_is_made_once_until_it_is_forgotten() -> None:
    recent: LruMemo[int] = LruMemo(4)
    assert [made(recent, "a"), made(recent, "a")] == [True, False]
    recent.forget()
    assert made(recent, "a")


def test_the_least_recently_used_goes_first() -> None:
    recent: LruMemo[int] = LruMemo(2)
    assert [made(recent, text) for text in ("a", "b", "a", "c", "a", "b")] == [True, True, False, True, False, True]


def test_long_texts_are_fewer() -> None:
    recent: LruMemo[int] = LruMemo(100)
    half = MOST_KEPT_CHARS // 2
    assert [made(recent, letter * half) for letter in "abcb"] == [True, True, True, False]
    assert made(recent, "a" * half)


def test_what_must_not_stay_and_what_is_too_long_is_made_each_time() -> None:
    recent: LruMemo[int] = LruMemo(2)
    assert [made(recent, "a", keep=False), made(recent, "a")] == [True, True]
    assert [made(recent, "b" * (MOST_KEPT_CHARS + 1)) for _ in range(2)] == [True, True]
