from accounts.admin import events, people
from accounts.admin.people import add_to_page_of_person, add_to_people, add_to_search_of_people
from accounts.admin.rows import MOST_AT_ONCE, ReadOnlyAdmin, Tool, actor_of, ask, describe_people, is_within_rights

__all__ = [
    "MOST_AT_ONCE",
    "ReadOnlyAdmin",
    "Tool",
    "actor_of",
    "add_to_page_of_person",
    "add_to_people",
    "add_to_search_of_people",
    "ask",
    "describe_people",
    "events",
    "is_within_rights",
    "people",
]
