from django.urls import path

from bookings.views import availability, bookings, calendar, credits, pages, slots

API = "api/v1/"

urlpatterns = [
    path(f"{API}hosts", slots.HostsView.as_view()),
    path(f"{API}hosts/me/cancel-day", slots.DayCancelView.as_view()),
    path(f"{API}slots", slots.SlotsView.as_view()),
    path(f"{API}slots/<uuid:slot_id>", slots.SlotView.as_view()),
    path(f"{API}slots/<uuid:slot_id>/cancel", slots.SlotCancelView.as_view()),
    path(f"{API}slots/<uuid:slot_id>/bookings", slots.RosterView.as_view()),
    path(f"{API}slots/<uuid:slot_id>/waitlist", slots.WaitlistView.as_view()),
    path(f"{API}availability-rules", availability.AvailabilityRulesView.as_view()),
    path(f"{API}availability-rules/<uuid:rule_id>", availability.AvailabilityRuleView.as_view()),
    path(f"{API}bookings", bookings.BookingsView.as_view()),
    path(f"{API}bookings/<uuid:booking_id>", bookings.BookingView.as_view()),
    path(f"{API}bookings/<uuid:booking_id>/refund-preview", bookings.RefundPreviewView.as_view()),
    path(f"{API}bookings/<uuid:booking_id>/cancel", bookings.BookingCancelView.as_view()),
    path(f"{API}bookings/<uuid:booking_id>/reschedule", bookings.BookingRescheduleView.as_view()),
    path(f"{API}bookings/<uuid:booking_id>/no-show", bookings.NoShowView.as_view()),
    path(f"{API}subscriptions", credits.SubscriptionsView.as_view()),
    path(f"{API}credit-entries", credits.CreditEntriesView.as_view()),
    path(f"{API}calendar-feed", calendar.CalendarFeedView.as_view()),
    path(f"{API}calendar-feed/rotate", calendar.CalendarFeedRotateView.as_view()),
    path(f"{API}calendar/<str:secret>.ics", calendar.calendar_file, name="calendar"),
    path(f"{API}pages/home", pages.HomePageView.as_view()),
    path(f"{API}pages/slots", pages.SlotsPageView.as_view()),
    path(f"{API}pages/slots/<uuid:slot_id>", pages.SlotPageView.as_view()),
    path(f"{API}pages/bookings", pages.BookingsPageView.as_view()),
    path(f"{API}pages/bookings/<uuid:booking_id>", pages.BookingPageView.as_view()),
    path(f"{API}pages/bookings/<uuid:booking_id>/reschedule", pages.ReschedulePageView.as_view()),
    path(f"{API}pages/credits", pages.CreditsPageView.as_view()),
    path(f"{API}pages/hosting", pages.HostingPageView.as_view()),
    path(f"{API}pages/hosting/day", pages.HostedDayPageView.as_view()),
    path(f"{API}pages/hosting/slots/<uuid:slot_id>", pages.HostedSlotPageView.as_view()),
    path(f"{API}pages/deactivation", pages.DeactivationPageView.as_view()),
]
