"""A hook of MkDocs: links that leave docs/ lead to the repository, so that pages read the same on
the site and in the checkout; CONTRIBUTING.md is a page of the site, too."""

import re
from pathlib import Path

from mkdocs.structure.files import File

LEAVES = re.compile(r"\]\(\.\./(?!\.\.)([^)\s]+)\)")
ROOT = Path(__file__).parents[2]


def on_files(files, config, **_):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\((?!docs/|https?:)", "](../", text).replace("](docs/", "](")
    files.append(File.generated(config, "contributing.md", content=text))
    return files


def on_page_markdown(markdown, page, config, **_):
    if "/" in page.file.src_uri:  # a page of docs/api may point to docs/
        return markdown
    return LEAVES.sub(rf"]({config.extra['repository']}/blob/main/\1)", markdown)
