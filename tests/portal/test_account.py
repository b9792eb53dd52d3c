"""The account's pages: settings, sessions, access tokens, devices, leaving."""

import base64

import httpx
import pytest

from tests.portal.conftest import Portal, post
from tests.portal.fake_backend import ADA, Answer, FakeBackend, problem
from tests.portal.sample import an_id


class TestAccount:
    def test_a_new_token_is_shown_once(self, ada: httpx.Client, backend: FakeBackend) -> None:
        secret = "insp_" + "x" * 36
        backend.routes["POST", "/personal-access-tokens"] = Answer(
            201, {"id": an_id(1), "name": "Job", "token": secret}
        )
        answer = post(ada, "/tokens", name="Job", scopes="bookings:read", days="30")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens")
        sent = backend.made("POST", "/api/v1/personal-access-tokens")[0].body
        assert sent == {"name": "Job", "scopes": ["bookings:read"], "expires_in_days": 30}
        assert secret not in base64.urlsafe_b64decode(ada.cookies["insighta_note"] + "===").decode(errors="replace")
        assert secret not in ada.get("/settings").text
        assert secret in ada.get("/tokens").text
        assert "insighta_note" not in ada.cookies
        assert secret not in ada.get("/tokens").text

    def test_errors_stand_beside_their_fields_and_keep_what_was_typed(
        self, ada: httpx.Client, backend: FakeBackend
    ) -> None:
        backend.routes["PATCH", "/me"] = problem(400, "validation_error", errors={"display_name": ["Too silly."]})
        answer = post(ada, "/settings", display_name="Ada the <Great>", time_zone="Europe/Paris")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/settings")
        page = ada.get("/settings").text
        assert 'id="id_display_name_error">Too silly.' in page
        assert 'value="Ada the &lt;Great&gt;"' in page
        assert '<option value="Europe/Paris" selected>' in page
        assert "Too silly" not in ada.get("/settings").text, "said once"

    def test_what_is_too_long_to_carry_over_is_kept_all_the_same(self, ada: httpx.Client) -> None:
        answer = post(ada, "/settings", display_name="é" * 2000, time_zone="UTC")
        assert answer.status_code == 422
        assert "at most 100 characters (it has 2000)" in answer.text
        assert "é" * 2000 in answer.text

    @pytest.mark.parametrize("value", ["garbage", "gAAAAABl" + "x" * 120])
    def test_a_forged_note_says_nothing(self, portal: Portal, ada: httpx.Client, value: str) -> None:
        brought = "; ".join(f"{name}={ada.cookies[name]}" for name in ("insighta_at", "insighta_rt"))
        page = httpx.get(f"{portal.url}/tokens", headers={b"Cookie": f"{brought}; insighta_note={value}".encode()})
        assert page.status_code == 200
        assert "It is shown this once" not in page.text

    def test_settings_are_saved(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["PATCH", "/me"] = Answer(200, ADA)
        answer = post(ada, "/settings", display_name="Ada", time_zone="UTC")
        assert answer.headers["Location"] == "/settings?notice=settings-saved"
        body = {"display_name": "Ada", "time_zone": "UTC", "email_notifications": False}
        assert backend.made("PATCH", "/api/v1/me")[0].body == body

    def test_the_time_zone_changes_in_one_click_and_stays_on_the_page(
        self, ada: httpx.Client, backend: FakeBackend
    ) -> None:
        backend.routes["PATCH", "/me"] = Answer(200, ADA)
        answer = post(ada, "/settings/time-zone", time_zone="Asia/Tokyo", next="/slots?host=")
        assert answer.headers["Location"] == "/slots?host=&notice=time-zone-saved"

    @pytest.mark.parametrize(
        ("path", "call"),
        [
            (f"/sessions/{an_id(801)}/revoke", f"/sessions/{an_id(801)}"),
            (f"/tokens/{an_id(850)}/revoke", f"/personal-access-tokens/{an_id(850)}"),
            ("/sessions/revoke-others", "/sessions"),
        ],
    )
    def test_sessions_and_tokens_end_at_a_press(
        self, ada: httpx.Client, backend: FakeBackend, path: str, call: str
    ) -> None:
        backend.routes["DELETE", call] = Answer(204)
        assert post(ada, path).status_code == 303
        assert len(backend.made("DELETE", f"/api/v1{call}")) == 1

    def test_what_has_ended_already_is_not_an_error(self, ada: httpx.Client) -> None:
        assert post(ada, f"/sessions/{an_id(801)}/revoke").headers["Location"] == "/sessions?notice=session-revoked"

    def test_looking_at_a_device_approves_nothing(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.calls.clear()
        page = ada.get("/device?user_code=bcdfghjk")
        assert "build-server (Linux)" in page.text
        assert "203.0.113.9" in page.text
        assert {call.method for call in backend.calls} == {"GET"}

    @pytest.mark.parametrize(
        ("decision", "verb"), [("approve", "approve"), ("deny", "deny"), ("", "deny"), ("nonsense", "deny")]
    )
    def test_only_the_right_button_approves(
        self, ada: httpx.Client, backend: FakeBackend, decision: str, verb: str
    ) -> None:
        backend.routes["POST", f"/device-requests/BCDF-GHJK/{verb}"] = Answer(200, {})
        assert post(ada, "/device", user_code="BCDF-GHJK", decision=decision).status_code == 303
        assert [call.path for call in backend.calls if call.method == "POST"][-1].endswith(verb)

    @pytest.mark.parametrize("code", ["ZZZZ-ZZZZ", "short", "../../me", "<b>"])
    def test_an_unknown_code_says_so(self, ada: httpx.Client, code: str) -> None:
        page = ada.get("/device", params={"user_code": code})
        assert page.status_code in {404, 422}
        assert 'role="alert"' in page.text

    def test_a_code_that_was_refused_is_asked_for_again(self, ada: httpx.Client) -> None:
        answer = post(ada, "/device", user_code="ZZZZ-ZZZZ", decision="approve")
        assert answer.headers["Location"] == "/device?user_code=ZZZZ-ZZZZ"
        assert "There is no such code" in ada.get(answer.headers["Location"]).text

    def test_leaving_lists_what_is_cancelled_and_signs_out(self, ada: httpx.Client, backend: FakeBackend) -> None:
        backend.routes["POST", "/me/deactivate"] = Answer(204)
        assert "Software that must not fail" in ada.get("/settings/deactivate").text
        answer = post(ada, "/settings/deactivate")
        assert answer.headers["Location"] == "/signed-out?reason=left"
        assert "insighta_rt" not in ada.cookies
