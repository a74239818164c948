"""The file beside the output that says what of it is safe, and what it was made of."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from service.backfill.atomic import write_atomically
from service.backfill.lines import CannotResume
from service.backfill.place import Place

SUFFIX = ".checkpoint"


class Checkpoint(BaseModel):
    """The output up to ``written`` holds the input up to ``read``; ``made_with`` must be the same to go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    made_with: dict[str, Any]
    read: Place = Place()
    written: Place = Place()

    def require_same(self, made_with: dict[str, Any]) -> None:
        """Raises CannotResume where options, models, limits or software are others than ``made_with``."""
        changed = [name for name in made_with if made_with[name] != self.made_with.get(name)]
        if changed:
            raise CannotResume(f"not as in the last run: {', '.join(changed)}")


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of ``output`` lies."""
    return output.with_name(output.name + SUFFIX)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at ``path``; None where there is none.

    Raises:
        CannotResume: what is there is no checkpoint.
        OSError: it cannot be read.
    """
    try:
        return Checkpoint.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CannotResume(f"{path} is no checkpoint of this version") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write it atomically; raises OSError."""
    write_atomically(path, checkpoint.model_dump_json(indent=1) + "\n")
