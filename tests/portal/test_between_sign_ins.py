"""Nothing crosses from one sign-in of a browser to the next; and what needs a recent sign-in asks for it."""

from html import escape
from urllib.parse import urlencode

import httpx
import pytest

from tests.portal.conftest import Portal, arrive, begin, csrf_of, post, query_of
from tests.portal.fake_backend import ADA, Answer, FakeBackend, problem
from tests.portal.sample import an_id

SECRET = "insp_" + "x" * 36


def test_a_form_of_a_tab_that_was_opened_before_the_sign_in_is_refused(
    portal: Portal, ada: httpx.Client, backend: FakeBackend
) -> None:
    old_tab = csrf_of(ada, "/device")
    assert arrive(ada, backend, begin(ada)).status_code == 303
    backend.routes["PATCH", "/me"] = Answer(200, ADA)
    refused = ada.post("/settings", data=old_tab | {"display_name": "Ada", "time_zone": "UTC"})
    assert refused.status_code == 403
    assert "opened before you last signed in or out" in refused.text
    assert backend.made("PATCH", "/api/v1/me") == []
    assert post(ada, "/settings", display_name="Ada", time_zone="UTC").status_code == 303


def test_signing_out_refuses_the_forms_of_other_tabs(ada: httpx.Client) -> None:
    old_tab = csrf_of(ada, "/device")
    assert post(ada, "/logout").status_code == 303
    assert ada.post("/settings/deactivate", data=old_tab).status_code == 403
    assert ada.post("/logout", data=old_tab).status_code == 403


def test_a_secret_that_waits_for_the_next_page_ends_with_the_sign_in(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/personal-access-tokens"] = Answer(201, {"id": an_id(1), "name": "Job", "token": SECRET})
    for leave in ("sign out", "sign in"):
        assert post(ada, "/tokens", name="Job", scopes="bookings:read", days="30").status_code == 303
        assert "insighta_note" in ada.cookies
        left = post(ada, "/logout") if leave == "sign out" else arrive(ada, backend, begin(ada))
        assert left.status_code == 303
        assert "insighta_note" not in ada.cookies
        assert arrive(ada, backend, begin(ada)).status_code == 303
        assert SECRET not in ada.get("/tokens").text


@pytest.mark.parametrize(
    ("call", "path", "page", "fields"),
    [
        ("/personal-access-tokens", "/tokens", "/tokens", {"name": "Job", "scopes": "bookings:read", "days": "30"}),
        (
            "/trusted-publishers",
            "/tokens/publishers",
            "/tokens",
            {"repository": "ada/site", "workflow": "ci.yml", "scopes": "bookings:read"},
        ),
        (
            "/device-requests/BCDF-GHJK/approve",
            "/device",
            "/device?user_code=BCDF-GHJK",
            {"user_code": "BCDF-GHJK", "decision": "approve"},
        ),
    ],
)
def test_an_old_sign_in_is_led_through_github_and_back_to_the_page(
    ada: httpx.Client, backend: FakeBackend, call: str, path: str, page: str, fields: dict[str, str]
) -> None:
    backend.routes["POST", call] = problem(403, "step_up_required", max_age=900)
    form = csrf_of(ada, page) | fields
    refused = ada.post(path, data=form, headers={"Referer": str(ada.base_url.join(page))})
    assert refused.status_code == 403
    assert len(backend.made("POST", f"/api/v1{call}")) == 1
    assert "Sign in once more to go on" in refused.text
    way = f"/login?{urlencode({'switch': '1', 'next': page})}"
    assert f'href="{escape(way)}"' in refused.text
    flow = query_of(ada.get(way).headers["Location"])
    assert flow["prompt"] == "select_account"
    assert arrive(ada, backend, flow).headers["Location"] == page
    assert backend.made("POST", "/oauth/revoke")
