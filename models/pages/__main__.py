"""Train the line model: ``python -m models.pages --data DIR [--articles FILE] [--write]``.

Without ``--write``, the program performs a cross-validation. For each fold, it trains on the pages of all other folds
and measures the cleaner on the pages of this fold. With ``--save FOLDER``, it also writes the weights of each fold, and
``python -m benchmarks.pages --folds FOLDER`` measures the cleaner with them. With ``--write``, it trains on all pages
and writes the weights of the German language. Only weights are stored, not the text of the pages. The articles in FILE
are additional training examples.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import typer

from benchmarks.pages import Score, cleaned, score, show, table
from models.pages.field import Text, train
from models.pages.pages import FORMS, Example, articles, examples, fold_of, gold_of, publisher_of, read_text
from service.cleaning import clean as cleaner
from service.cleaning.line_model import STATES, Weights
from service.languages.base import Language, language

ROUNDS = 60
DECAY = 5.0
ARTICLES = 120


def measured(folder: Path, publishers: Sequence[str], weights: Weights, german: Language) -> list[tuple[str, Score]]:
    """Clean all pages of ``publishers`` with the line model ``weights``. Return (form, score) for each cleaned text.

    The form is the way in which the text was copied from the page.
    """
    found: list[tuple[str, Score]] = []
    with patch.object(cleaner, "read_weights", lambda _path: weights):
        for path in sorted(folder.glob("*.json")):
            for form in FORMS:
                file = folder / f"{path.stem}.{form}.txt.gz"
                if publisher_of(path.stem) in publishers and file.exists():
                    found.append((form, score(cleaned(read_text(file), german), gold_of(path))))
    return found


def write(path: Path, weights: Weights) -> None:
    """Write the weights to ``path``, multiplied by 100 and rounded to integers of at least -99,999.

    Features whose rounded weights are all 0 are left out.
    """

    def hundredths(row: Iterable[float]) -> list[int]:
        return [max(-99_999, round(100 * value)) for value in row]

    rows = {name: hundredths(weights.emission[row]) for name, row in sorted(weights.rows.items())}
    content = {
        "states": STATES,
        "start": hundredths(weights.start),
        "transition": [hundredths(row) for row in weights.transition],
        "features": {name: row for name, row in rows.items() if any(row)},
    }
    lines = (f"{json.dumps(name)}: {json.dumps(row)}" for name, row in content.pop("features").items())  # type: ignore[attr-defined]
    head = json.dumps(content, ensure_ascii=False)[:-1]
    path.write_text(f'{head}, "features": {{\n' + ",\n".join(lines) + "\n}}\n", "utf-8")


def _texts(found: Sequence[Example]) -> list[Text]:
    return [Text(one.features, one.states) for one in found]


def _all_folds(
    data: Path,
    found: Sequence[Example],
    own: Sequence[Text],
    place: Mapping[str, int],
    german: Language,
    save: Path | None,
) -> None:
    everything: list[tuple[str, Score]] = []
    for fold in sorted({number for number in place.values() if number >= 0}):
        inside = [name for name, number in place.items() if number == fold]
        rest = [one for one in found if place[one.publisher] not in {fold, -1}]
        weights = train([*_texts(rest), *own], rounds=ROUNDS, decay=DECAY)
        if save is not None:
            write(save / f"{fold}.json", weights)
        figures = measured(data, inside, weights, german)
        everything += figures
        print(f"\nfold {fold}: {len(inside)} publishers")
        show(table(figures))
    print("\nall folds")
    show(table(everything))


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder with the pages.")],
    article_file: Annotated[
        Path | None, typer.Option("--articles", exists=True, help="Articles as JSON lines, compressed with xz.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="A publisher to leave out of the folds and measure at the end."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder for the weights of each fold.")
    ] = None,
    *,
    write_weights: Annotated[bool, typer.Option("--write", help="Train on all pages and write the weights.")] = False,
) -> None:
    """Measure the line model for German pages by cross-validation or, with --write, train it and write its weights."""
    german = language("de")
    held = hold_out or []
    place = fold_of(data, held, folds)
    found = list(examples(data, german))
    own = _texts(list(articles(article_file, german, ARTICLES))) if article_file else []
    if write_weights:
        path = german.page.weights or Path("page_model.json")
        write(path, train([*_texts(found), *own], rounds=ROUNDS, decay=DECAY))
        return
    _all_folds(data, found, own, place, german, save)
    if held:
        weights = train(
            [*_texts([one for one in found if place[one.publisher] >= 0]), *own], rounds=ROUNDS, decay=DECAY
        )
        print("\nheld out")
        show(table(measured(data, held, weights, german)))


if __name__ == "__main__":
    typer.run(main)
