from bookings.admin import bookings, calendar, credits, people

__all__ = ["bookings", "calendar", "credits", "people"]
