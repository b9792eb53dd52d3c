def count(number: int, one: str) -> str:
    """`1 credit`, `2 credits`."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def count_credits(number: int) -> str:
    return count(number, "credit")
