"""Optuna's dashboard on a run's store, as a view: what would change the store is refused."""

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from results.report.record import read_only
from search_spaces.errors import UserError, install

READING = ("GET", "HEAD", "OPTIONS")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    """Has a thread for each connection: browsers open some that they do not use."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Answers requests without logging them."""

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


def viewing(application: Application) -> Application:
    """The application, but 403 for every request that is not to read."""

    def answer(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if request["REQUEST_METHOD"] in READING:
            return application(request, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"reason": "this is a view of the run: nothing is written"}']

    return answer


def serve(location: str | Path, host: str, port: int) -> None:
    """Serves the dashboard until KeyboardInterrupt, which is passed on.

    Args:
        location: A journal file, or the URL of a database.
        host: To listen on.
        port: To listen on; 0 takes a free one.

    Raises:
        UserError: The package is missing, the store can't be read, or the port is taken.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        raise UserError(
            f"the dashboard needs optuna-dashboard, which is not installed: {install('dashboard')}"
        ) from None
    logging.getLogger("optuna").setLevel(logging.WARNING)
    application = viewing(wsgi(read_only(location)))
    try:
        server = make_server(host, port, application, _Server, _Quiet)
    except OSError as error:
        raise UserError(
            f"{host}:{port} can't be listened on ({error.strerror}): expected a free port, as "
            "--port 0, which takes one"
        ) from None
    shown: Mapping[str, str] = {"0.0.0.0": "127.0.0.1"}
    print(f"http://{shown.get(host, host)}:{server.server_port}/dashboard (Ctrl-C ends it)",
          flush=True)  # fmt: skip
    with server:
        server.serve_forever()
