from hashlib import sha256

import pytest

from tests.sandbox.visitor import Visitor


def test_any_name_is_a_stable_person(github: Visitor) -> None:
    ada = github.get("/user", github.token("ada")).json()
    assert ada["id"] == 2**40 + int.from_bytes(sha256(b"ada").digest()[:4])
    assert (ada["login"], ada["name"], ada["email"]) == ("ada", "Ada", "ada@users.example.test")
    again = github.get("/user", github.token("ADA")).json()
    assert (again["id"], again["login"]) == (ada["id"], "ADA")
    assert github.get("/user", github.token("grace")).json()["id"] != ada["id"]


@pytest.mark.parametrize("scheme", ["Bearer", "token"])
def test_the_email_is_primary_and_verified(github: Visitor, scheme: str) -> None:
    answer = github.get("/user/emails", github.token("ada"), scheme)
    assert answer.json() == [
        {"email": "ada@users.example.test", "primary": True, "verified": True, "visibility": "public"}
    ]


def test_the_emails_need_their_scope(github: Visitor) -> None:
    assert github.get("/user/emails", github.token("ada", scope="read:user")).status_code == 404


@pytest.mark.parametrize("path", ["/user", "/user/emails"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer gho_forged"}, {"Authorization": "Basic YTpi"}])
def test_without_a_token_of_ours_it_says_bad_credentials(github: Visitor, path: str, header: dict[str, str]) -> None:
    answer = github.http.get(path, headers=header)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Bad credentials"
    assert answer.json()["status"] == "401"


def test_everybody_may_look_up_a_person_but_not_the_email(github: Visitor) -> None:
    person = github.http.get("/users/ada").json()
    assert person["login"] == "ada"
    assert person["email"] is None
    assert github.http.get("/users/-ada").status_code == 404


def test_the_avatar_is_served_here(github: Visitor) -> None:
    picture = github.http.get(github.http.get("/users/ada").json()["avatar_url"])
    assert picture.status_code == 200
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert ">A</text>" in picture.text


def test_a_name_can_pass_to_another_person(github: Visitor) -> None:
    token = github.token("ada")
    github.describe(login="ada", id=7, name=None, email="other@users.example.test")
    github.describe(login="countess", id=github.http.get("/users/ada-before").json()["id"])
    ada = github.get("/user", token).json()
    assert (ada["id"], ada["login"], ada["name"], ada["email"]) == (7, "ada", None, "other@users.example.test")
    assert github.http.get("/users/Countess").json()["id"] == github.http.get("/users/ada-before").json()["id"]
    github.http.delete("/_sandbox/people", params={"login": "ada"})
    assert github.get("/user", token).json()["name"] == "Ada"
    assert github.http.get("/users/countess").json()["id"] != github.http.get("/users/nobody").json()["id"]


def test_a_person_may_hide_every_email(github: Visitor) -> None:
    github.describe(login="ada", email=None)
    assert github.get("/user/emails", github.token("ada")).json() == []


@pytest.mark.parametrize("person", [{}, {"login": "a b"}, {"login": "ada", "id": "7"}, {"login": "ada", "age": 7}])
def test_a_wrong_description_is_refused(github: Visitor, person: dict[str, object]) -> None:
    assert github.http.post("/_sandbox/people", json=person).status_code == 422
