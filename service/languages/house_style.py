"""The settings of a house style, and the changes that a language package makes to follow them."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from service.domain import Span

RuleName = Literal["spelling", "dates", "thousands", "percent", "currency", "units", "titles", "quotation_marks"]


@dataclass(frozen=True, slots=True)
class HouseStyle:
    """The rules of a newsroom for the form of its texts. A rule that neither the style nor its base sets has no effect.

    Attributes:
        base: the name of a style on the server. If a rule is None, the rule of the base applies.
        spelling: British or American spelling. The ending "-ise" counts as British, and "-ize" as American.
        dates: ``day_month`` writes "4 May 2024", and ``month_day`` writes "May 4, 2024".
        thousands: the separator between groups of three digits. Numbers without a separator are not changed.
        percent: ``sign`` writes "5%", ``percent`` writes "5 percent", and ``per cent`` writes "5 per cent".
        currency: ``sign`` writes "€5 million", and ``word`` writes "5 million euros".
        units: ``symbol`` writes "5 km", and ``word`` writes "5 kilometres".
        titles: ``point`` writes "Dr. Weber", and ``no_point`` writes "Dr Weber".
        quotation_marks: ``double`` writes “…”, ``single`` writes ‘…’, and ``straight`` writes "…".
    """

    base: str | None = None
    spelling: Literal["british", "american"] | None = None
    dates: Literal["day_month", "month_day"] | None = None
    thousands: Literal["comma", "thin_space"] | None = None
    percent: Literal["sign", "percent", "per cent"] | None = None
    currency: Literal["sign", "word"] | None = None
    units: Literal["symbol", "word"] | None = None
    titles: Literal["point", "no_point"] | None = None
    quotation_marks: Literal["double", "single", "straight"] | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def merged_with(self, other: "HouseStyle") -> "HouseStyle":
        """Return a style with the rules of both styles. If both have a rule, the rule of ``other`` is used."""
        rules: dict[str, Any] = {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in rules.items() if value is not None})

    @property
    def key(self) -> list[str]:
        """The rules that are set, as a list of strings for the result key. The list includes the base."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [f"{name}={value}" for name, value in values if value is not None]


class Edit(NamedTuple):
    """A change: the characters at ``span`` are replaced by ``text``."""

    span: Span
    text: str


class StyleRule(NamedTuple):
    """A rule that proposes changes to a text.

    ``find`` returns the changes in order and without overlap. Its arguments are the text, the style, and the words that
    the text has in common with its source. These words may be names.
    """

    name: RuleName
    find: Callable[[str, HouseStyle, frozenset[str]], list[Edit]]
