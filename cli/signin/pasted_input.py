import os
import threading
from collections.abc import Callable


def read_lines_aside(on_line: Callable[[str], None], *, on_end: Callable[[], None] = lambda: None) -> None:
    """Pass on each line typed or piped in, and the end of the input, while the caller waits for something else as well.

    The descriptor is read without the interpreter's buffer, whose lock a waiting thread would hold at exit.
    """
    threading.Thread(target=_read_lines, args=(on_line, on_end), daemon=True).start()


def _read_lines(on_line: Callable[[str], None], on_end: Callable[[], None]) -> None:
    pending = b""
    while True:
        try:
            chunk = os.read(0, 65536)
        except OSError:
            return on_end()
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines if chunk else [pending]:
            if line.strip():
                on_line(line.decode(errors="replace").strip())
        if not chunk:
            return on_end()
