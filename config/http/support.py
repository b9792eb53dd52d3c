from django.conf import settings
from django.template import Library

register = Library()


@register.simple_tag
def support() -> str:
    """Where people who need help are sent, as text; empty where nobody has said."""
    return settings.SUPPORT


def with_support(sentence: str, error: object) -> str:
    """`sentence`, and where to write if the error is one that people who run the service can help with."""
    sends = settings.SUPPORT and getattr(error, "sends_to_support", False)
    return f"{sentence} Write to {settings.SUPPORT}." if sends else sentence
