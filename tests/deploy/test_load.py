"""The multi-process set-up under load, while one backend is killed and the other restarted."""

from tests.deploy.cluster import Cluster
from tests.deploy.crowd import ARRIVING, Crowd, crowd

BOOKINGS = "SELECT id::text, status FROM bookings_booking"
ENDED_SESSIONS = "SELECT revoked_because FROM tokens_session WHERE revoked_at IS NOT NULL"


def test_nobody_notices_that_one_backend_is_killed_and_the_other_restarted() -> None:
    with Cluster(WELCOME_CREDITS="1000") as cluster:
        with crowd(cluster) as people:
            people.do_more()
            cluster.kill("backend-1")
            people.do_more()
            cluster.start("backend-1")
            assert cluster.stop("backend-2") == 0, cluster.logs("backend-2")
            people.do_more()
            cluster.start("backend-2")
            people.do_more()
        _check_sign_ins(people)
        _check_bookings(people)
        _check_sessions(people)
        cluster.manage("audit")


def _check_sign_ins(people: Crowd) -> None:
    """Everybody is signed in. Only who was inside the backend that was killed may have had to begin again."""
    assert all(sign_in.is_signed_in for sign_in in people.sign_ins)
    assert len([sign_in for sign_in in people.sign_ins if sign_in.visitor.attempts > 1]) <= ARRIVING


def _check_bookings(people: Crowd) -> None:
    """Every booking that was promised is there, once, and every cancelled one is cancelled."""
    with people.cluster.connect() as connection:
        rows = connection.execute(BOOKINGS).fetchall()
    assert sorted(booking for booking, _status in rows) == sorted(people.booked)
    assert {booking for booking, status in rows if status == "cancelled"} == set(people.cancelled)


def _check_sessions(people: Crowd) -> None:
    """Nobody was signed out: no session has ended, and every terminal and browser goes on."""
    with people.cluster.connect() as connection:
        assert connection.execute(ENDED_SESSIONS).fetchall() == []
    for terminal in people.terminals:
        terminal.refresh()
    assert all(sign_in.visitor.is_signed_in() for sign_in in people.sign_ins)
