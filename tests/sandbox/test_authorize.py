import pytest

from tests.sandbox.visitor import Visitor, returned


def test_the_page_asks_for_a_name_and_carries_the_request_along(github: Visitor) -> None:
    page = github.ask(state='"><script>')
    assert page.status_code == 200
    assert 'name="login"' in page.text
    assert 'value="&quot;&gt;&lt;script&gt;"' in page.text
    assert "<script>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_a_name_goes_back_to_the_app_with_a_code_and_the_state(github: Visitor) -> None:
    answer = returned(github.answer("ada"))
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == "s t&e"


def test_cancelling_goes_back_with_access_denied(github: Visitor) -> None:
    answer = returned(github.answer("", cancel="1"))
    assert answer["error"] == "access_denied"
    assert answer["error_description"] == "The user has denied your application access."
    assert answer["state"] == "s t&e"
    assert "code" not in answer


@pytest.mark.parametrize("login", ["", "-ada", "ada-", "a--da", "a" * 40, "ada lovelace", "adá", "<b>"])
def test_a_name_that_github_would_not_allow_is_asked_for_again(github: Visitor, login: str) -> None:
    page = github.answer(login)
    assert page.status_code == 422
    assert "Enter a GitHub username" in page.text
    assert "<b>" not in page.text


def test_the_last_person_is_offered_but_never_signed_in_unasked(github: Visitor) -> None:
    github.answer("ada")
    for parameters in ({}, {"prompt": "select_account"}):
        page = github.ask(**parameters)
        assert page.status_code == 200
        assert 'value="ada"' in page.text
    assert 'value="grace"' in github.ask(login="grace").text


def test_the_cookie_stays_away_from_the_backend_on_the_same_host(github: Visitor) -> None:
    cookie = github.answer("ada").headers["Set-Cookie"]
    assert "Path=/login/oauth/authorize" in cookie
    assert "HttpOnly" in cookie


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"client_id": "somebody"}, 404),
        ({"code_challenge": "c" * 43, "code_challenge_method": "plain"}, 400),
        ({"code_challenge": "c" * 43}, 400),
        ({"redirect_uri": "https://evil.test/"}, 400),
        ({"redirect_uri": "//evil.test"}, 400),
        ({"redirect_uri": "javascript:alert(1)"}, 400),
        ({"redirect_uri": ""}, 400),
        ({"redirect_uri": "http://["}, 400),
        ({"redirect_uri": "http://127.0.0.1@evil.test/"}, 400),
    ],
)
def test_another_app_host_or_challenge_gets_a_page_and_no_redirect(
    github: Visitor, parameters: dict[str, str], status: int
) -> None:
    assert github.ask(**parameters).status_code == status
    assert github.answer("ada", **parameters).status_code == status
