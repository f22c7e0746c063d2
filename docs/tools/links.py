"""A hook of MkDocs: links that leave docs/ lead to the repository, so that pages read the same on
the site and in the checkout."""

import re

LEAVES = re.compile(r"\]\(\.\./(?!\.\.)([^)\s]+)\)")


def on_page_markdown(markdown, page, config, **_):
    if "/" in page.file.src_uri:  # a page of docs/api may point to docs/
        return markdown
    return LEAVES.sub(rf"]({config.extra['repository']}/blob/main/\1)", markdown)
