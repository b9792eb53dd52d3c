import csv
import io
from collections.abc import Iterable, Sequence

# What a spreadsheet takes for the beginning of a formula, in its full-width forms, too (OWASP: CSV injection).
_FORMULA = tuple("=+-@\t\r＝＋－＠")  # noqa: RUF001  # these are meant


def write_csv(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180. A cell that a spreadsheet would calculate begins with an apostrophe, which makes it text."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(heading)
    writer.writerows([_as_text(str(cell)) for cell in row] for row in rows)
    return file.getvalue()


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA) else cell
