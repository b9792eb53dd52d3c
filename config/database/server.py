from psycopg import Connection, OperationalError
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import TupleRow


class ServerConnection(Connection[TupleRow]):
    """A connection that keeps its prepared statements over a rollback, as after a refusal or a preview.

    psycopg deallocates them all, because a table that the transaction has made is gone. Requests make no tables, and
    each statement would be planned five times more.
    """

    def rollback(self) -> None:
        with self.lock:
            if self.pgconn.transaction_status == TransactionStatus.IDLE:
                return
            result = self.pgconn.exec_(b"ROLLBACK")
            if result.status != ExecStatus.COMMAND_OK:
                raise OperationalError(result.get_error_message())
