"""The first application of docs/applications.md: its file is run as it stands there, and a person signs in."""

import json
import os
import sys
from pathlib import Path

from tests.accounts.github import fresh
from tests.docs.pages import Page
from tests.people import Browser
from tests.processes import ROOT, Live, Process, free_port


def test_the_first_application_of_the_page_signs_a_person_in(live: Live, tmp_path: Path) -> None:
    (text,) = [
        block.text for block in Page(ROOT / "docs/applications.md").blocks if block.text.startswith("# wiki.py\n")
    ]
    (tmp_path / "wiki.py").write_text(text)
    site = f"127.0.0.2:{free_port()}"
    said = ["--name", "First wiki", "--redirect-uri", f"http://{site}/callback", "--json"]
    made = json.loads(live.manage("register_client", *said))
    environment = {"PATH": os.environ["PATH"], "INSIGHTA": live.backend_url, "WIKI_SITE": site}
    environment |= {"WIKI_ID": made["client_id"], "WIKI_SECRET": made["client_secret"]}
    ada = Browser(live, fresh("ada"))
    with Process([sys.executable, str(tmp_path / "wiki.py")], environment, f"http://{site}/login"):
        asked = ada.follow(ada.get(f"http://{site}/"), until="nowhere")
        assert "Sign in to First wiki?" in asked.text
        page = ada.follow(ada.submit(asked, decision="approve"), until="nowhere")
    assert page.text == f"Hello {ada.login}"
