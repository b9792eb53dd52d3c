from collections.abc import Mapping
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --paper: #f6f8fa; --card: #fff; --line: #d1d9e0;
  --accent: #1a7f37; --on-accent: #fff; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --soft: #9198a1; --paper: #0d1117; --card: #151b23;
  --line: #3d444d; --accent: #2ea043; --on-accent: #04260f; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 48px 16px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 384px; margin: 0 auto; padding: 24px; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; }
h1 { margin: 0 0 8px; font-size: 24px; line-height: 32px; }
p { margin: 0 0 16px; color: var(--soft); }
label { display: block; margin-bottom: 8px; font-weight: 600; }
input[type=text] { width: 100%; padding: 8px 12px; border: 1px solid var(--line); border-radius: 6px;
  background: var(--paper); color: inherit; font: inherit; }
.error { color: var(--bad); margin-bottom: 8px; }
.buttons { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 16px; }
button { padding: 8px 16px; border: 1px solid var(--line); border-radius: 6px; background: transparent; color: inherit;
  font: inherit; font-weight: 600; cursor: pointer; }
button.go { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""
CARRIED = ("client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method")


def authorize_page(fields: Mapping[str, str], *, login: str, error: str = "") -> str:
    """The form that asks who is signing in; it carries the app's request along in hidden fields."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(fields[name])}">' for name in CARRIED if name in fields
    )
    described = ' aria-invalid="true" aria-describedby="login-error"' if error else ""
    return _page(
        "Sign in to Insighta",
        f"""<h1>Sign in to Insighta</h1>
<p>This page stands in for GitHub during development. Any name becomes a person.</p>
<form method="post" action="/login/oauth/authorize">{hidden}
<label for="login">GitHub username</label>
{f'<p class="error" id="login-error">{escape(error)}</p>' if error else ""}
<input type="text" id="login" name="login" value="{escape(login)}" maxlength="39" autocomplete="username"
 autocapitalize="none" spellcheck="false" autofocus required{described}>
<div class="buttons"><button class="go" type="submit">Authorize Insighta</button>
<button type="submit" name="cancel" value="1" formnovalidate>Cancel</button></div>
</form>""",
    )


def message_page(title: str, sentence: str) -> str:
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(sentence)}</p>")


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · GitHub stand-in</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body><main>{content}</main></body></html>'
    )
