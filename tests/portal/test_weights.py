"""What a browser with an empty cache loads for each page: few requests, few bytes."""

import gzip
import re
from typing import Any

import httpx

from tests.portal.conftest import Portal
from tests.portal.screenshots import FOR_STRANGERS, in_sample, pages

MOST_REQUESTS, MOST_BYTES, MOST_SCRIPT = 8, 40_000, 8_000
_LOADED = re.compile(r'(?:href|src)="(/static/[^"]+)"')


def compressed(content: bytes) -> int:
    """As nginx or the portal sends it."""
    return len(gzip.compress(content, 6))


def test_no_page_is_heavy(portal: Portal, ada: httpx.Client, held: dict[str, Any]) -> None:
    sizes: dict[str, int] = {}
    heavy, stranger = {}, portal.browser()
    for name, address in pages(in_sample(held)).items():
        page = (stranger if name in FOR_STRANGERS else ada).get(address or "/")
        loaded = sorted(set(_LOADED.findall(page.text)))
        for path in loaded:
            if path not in sizes:
                sizes[path] = compressed(ada.get(path).raise_for_status().content)
        weight = compressed(page.content) + sum(sizes[path] for path in loaded)
        if len(loaded) + 1 > MOST_REQUESTS or weight > MOST_BYTES:
            heavy[name] = (len(loaded) + 1, weight)
    assert heavy == {}
    assert sum(size for path, size in sizes.items() if path.endswith(".js")) <= MOST_SCRIPT
