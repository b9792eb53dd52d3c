import time

from sandbox.messages import NoAnswer, Response, json_answer, page
from sandbox.pages import message_page
from sandbox.world import World


def misbehave(world: World, endpoint: str, login: str | None, *, denied: Response) -> Response | None:
    """The wrong answer planned for this request, or None to answer as always. Raises NoAnswer for `refuse`."""
    fault = world.faults.take(endpoint, login)
    if fault is None:
        return None
    if fault.mode == "slow":
        time.sleep(fault.seconds)
        return None
    if fault.mode == "refuse":
        raise NoAnswer
    if fault.mode == "nonsense":
        return page(message_page("Unicorn!", "This is not the data that was asked for."))
    if fault.mode == "error":
        return json_answer({"message": "Service unavailable"}, 503)
    return denied
