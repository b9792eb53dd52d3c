from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        """Listen to what happens to people in `accounts`."""
        from bookings import receivers

        receivers.connect()
