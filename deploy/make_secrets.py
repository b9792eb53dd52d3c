"""Make the secrets of a new installation: `python deploy/make_secrets.py --help`.

Only the standard library is needed. The directory is closed to every other account; what is mounted into containers
that run under accounts of their own is readable inside it. A file that exists is never changed.
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

# Mounted into containers, whose accounts are not the owner's.
MOUNTED = {"userlist.txt", "metrics-token"}
NEEDED = """\
# Fill these in: docs/github-app.md, and the mail server's address.
GITHUB_CLIENT_ID=
GITHUB_CLIENT_SECRET=
EMAIL_URL=
DEFAULT_FROM_EMAIL=
"""


def make_files(*, database: str, pooler: str, name: str) -> dict[str, str]:
    """Name and content of each file. `database` and `pooler` are host:port, `name` the database's and its owner's."""
    password, portal, metrics = _secret(), _secret(), _secret()
    shared = f"PORTAL_CLIENT_SECRET={portal}\nMETRICS_TOKEN={metrics}\n"
    address = f"DATABASE_URL=postgresql://{name}:{password}@{{}}/{name}\n"
    return {
        "backend.env": f"SECRET_KEY={_secret()}\nTOKEN_KEY={_secret()}\n{shared}{NEEDED}",
        "portal.env": f"SECRET_KEY={_secret()}\nPORTAL_RETRY_KEY={_secret()}\n{shared}",
        "pooled.env": address.format(pooler),
        "direct.env": address.format(database),
        "userlist.txt": f'"{name}" "{password}"\n',
        "database-password": password,
        "metrics-token": metrics,
        "backup.env": f"BARMAN_PASSWORD={_secret()}\n",
    }


def main() -> int:
    """Exit code 1 where a file exists already; then nothing is written."""
    parser = argparse.ArgumentParser(description="Make the secrets of a new installation.")
    parser.add_argument("directory", type=Path, help="where to write them, for example deploy/secrets")
    parser.add_argument("--database", default="postgres:5432", help="host:port of PostgreSQL (%(default)s)")
    parser.add_argument("--pooler", default="pgbouncer:6432", help="host:port of pgbouncer (%(default)s)")
    parser.add_argument("--name", default="insighta", help="the database's and its owner's name (%(default)s)")
    arguments = parser.parse_args()
    files = make_files(database=arguments.database, pooler=arguments.pooler, name=arguments.name)
    existing = [name for name in files if (arguments.directory / name).exists()]
    if existing:
        sys.stderr.write(f"{arguments.directory} holds {', '.join(existing)} already; nothing was changed.\n")
        return 1
    arguments.directory.mkdir(parents=True, exist_ok=True)
    arguments.directory.chmod(0o700)
    for name, content in files.items():
        _write(arguments.directory / name, content)
    sys.stdout.write(f"Wrote {len(files)} files. Fill in the empty lines of {arguments.directory}/backend.env.\n")
    return 0


def _secret() -> str:
    return secrets.token_urlsafe(48)


def _write(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    if path.name in MOUNTED:
        path.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
