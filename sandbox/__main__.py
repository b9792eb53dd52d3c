import os
import sys

from sandbox.server import GitHubServer
from sandbox.state import State

TRUE = {"true", "on", "ok", "y", "yes", "1"}


def main() -> int:
    """Serve until stopped. Exit code 2 where `DEBUG` is not true, 1 where the port is taken."""
    if os.environ.get("DEBUG", "").strip().lower() not in TRUE:
        return _refuse("The GitHub stand-in signs in anybody as anybody. It only runs with DEBUG=true.", 2)
    port = int(os.environ.get("GITHUB_PORT") or 8002)
    try:
        server = GitHubServer(State.from_environment(os.environ, port))
    except OSError as error:
        return _refuse(f"Port {port} cannot be used ({error.strerror}). Set GITHUB_PORT to a free one.", 1)
    sys.stdout.write(f"GitHub stand-in at http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


def _refuse(sentence: str, code: int) -> int:
    sys.stderr.write(sentence + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
