from html import escape

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
         background: #f6f7f9; color: #1a1f26 }}
  main {{ box-sizing: border-box; width: min(32rem, 100% - 32px); padding: 32px; border-radius: 12px; background: #fff;
         border: 1px solid #dde1e7; border-top: 4px solid {accent} }}
  h1 {{ font-size: 1.375rem; line-height: 1.3; margin: 0 0 8px }}
  p {{ margin: 0; color: #4b5563 }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #101318; color: #eef1f5 }}
    main {{ background: #191e26; border-color: #2c3440; border-top-color: {accent} }}
    p {{ color: #aab4c2 }}
  }}
</style>
<main><h1>{title}</h1><p>{text}</p></main>
</html>
"""


def make_success_page(login: str) -> str:
    """The terminal has its tokens."""
    who = f"as {login} " if login else ""
    return _make(f"You are signed in {who}".rstrip(), "You can use the terminal again and close this page.", "#1f883d")


def make_failure_page() -> str:
    """The terminal could not get its tokens, or the person said no."""
    return _make(
        "You are not signed in", "The terminal says why. You can close this page and try again there.", "#bf3989"
    )


def make_stranger_page() -> str:
    """The answer belongs to no sign-in that waits here."""
    text = "It is not the one the terminal is waiting for. Open the address that the terminal shows."
    return _make("This answer belongs to another sign-in", text, "#9a6700")


def make_missing_page() -> str:
    """Any other address."""
    return _make("Nothing is here", "The terminal is waiting for you to sign in at the address it shows.", "#9a6700")


def _make(title: str, text: str, accent: str) -> str:
    return PAGE.format(title=escape(title), text=escape(text), accent=accent)
