"""Hooks for mkdocs that add pages from the repository's root and rewrite links to files that are not pages.

The pages in ``docs`` link to files by their paths in the repository, so that the links work on a code host. On the
site, a link to a file outside ``docs`` points to the repository (``DEPESCHE_REPO_URL``). If that variable is not set,
the link is replaced by its text and the path.
"""

import logging
import re
from pathlib import Path
from posixpath import dirname, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LOG = logging.getLogger("mkdocs.plugins.docs_site")  # below `mkdocs`, so that a warning fails a strict build
ROOT = Path(__file__).parent.parent
# Maps each page of the site to its file in the repository.
PAGES = {
    "changelog.md": "CHANGELOG.md",
    "contributing/index.md": "CONTRIBUTING.md",
    "reporting.md": "SECURITY.md",
}
SITE = {file: page for page, file in PAGES.items()}
LINK = re.compile(r"\[([^\]\n]+)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from the repository's root to ``files``, and return ``files``."""
    for page, file in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / file).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """Return the Markdown text of a page with its links rewritten."""
    here = page.file.src_uri
    origin = PAGES.get(here, f"docs/{here}")
    return LINK.sub(lambda link: rewritten(link, here, origin, config.repo_url or ""), markdown)


def rewritten(link: re.Match[str], here: str, origin: str, repository: str) -> str:
    """Return the Markdown link that ``link`` matched, with the target that it must have on the site.

    ``here`` is the path on the site of the page that contains the link, and ``origin`` is the path of this page in the
    repository. ``repository`` is the URL of the repository. If it is empty, a link to a file outside the site becomes
    plain text.
    """
    text, target, anchor = link[1], link[2], link[3] or ""
    path = normpath(f"{dirname(origin)}/{target}".lstrip("/"))
    if not (ROOT / path).exists():
        LOG.warning("%s: no such file: %s", origin, target)
    if path in SITE or (path.startswith("docs/") and path.endswith(".md")):
        page = SITE.get(path, path.removeprefix("docs/"))
        return f"[{text}]({relpath(page, dirname(here) or '.')}{anchor})"
    return f"[{text}]({repository}/blob/main/{path}{anchor})" if repository else f"{text} (`{path}`)"
