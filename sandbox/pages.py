from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

_PAGE, _AUTHORIZE = (
    Template((Path(__file__).parent / "templates" / name).read_text()) for name in ("page.html", "authorize.html")
)
# Parameters of the authorization request, carried through the form.
_CARRIED = ("client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method")


def authorize_page(fields: Mapping[str, str], *, login: str, error: str = "") -> str:
    """The form that asks for a login."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(fields[name])}">' for name in _CARRIED if name in fields
    )
    content = _AUTHORIZE.substitute(
        hidden=hidden,
        login=escape(login),
        error=f'<p class="error" id="login-error">{escape(error)}</p>' if error else "",
        described=' aria-invalid="true" aria-describedby="login-error"' if error else "",
    )
    return _PAGE.substitute(title="Sign in to Insighta", content=content)


def message_page(title: str, sentence: str) -> str:
    content = f"<h1>{escape(title)}</h1><p>{escape(sentence)}</p>"
    return _PAGE.substitute(title=escape(title), content=content)
