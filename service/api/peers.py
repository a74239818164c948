"""The paths of other services' APIs, and the shape in which their clients read why there is no result."""

import re

from pydantic import BaseModel, Field

from service.api.schemas import Problem

# Those that are not served are among them: a client asks for a glossary or a file, and reads that there is none.
_PATHS = re.compile(r"/(?:v2(?:/.*)?|translate|translate_file|detect|languages|suggest|frontend/settings)/?", re.DOTALL)


class Failure(BaseModel):
    """Why there is no result: DeepL's clients read ``message``, LibreTranslate's ``error``; both say the same."""

    message: str
    error: str
    code: str = Field(description="Stable; the same as in the problems of /v1.")
    request_id: str


def is_peers(path: str) -> bool:
    """Whether clients of another service call ``path``."""
    return _PATHS.fullmatch(path) is not None


def failure_of(problem: Problem) -> Failure:
    """A problem in the peers' shape."""
    return Failure(message=problem.detail, error=problem.detail, code=problem.code, request_id=problem.request_id)
