import platform

LONGEST_LABEL = 100


def make_device_label() -> str:
    """What the person will recognise in their list of sessions."""
    return f"Insighta CLI on {platform.node() or 'a terminal'}"[:LONGEST_LABEL]
