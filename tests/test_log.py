"""The logger: one object, standard, and useful without set-up."""

import logging
import os
import pickle
import subprocess
import sys

import pytest

import cascata.log as log_by_path
from cascata import log
from cascata.log import LineFormatter, Origin, current, handle_remote
from cascata.log import log as log_by_name


@pytest.fixture
def inside():
    """As in a component."""
    token = current.set(Origin("read", "ReadFiles", 1))
    yield
    current.reset(token)


def plain(code, **environment):
    """Run a program of its own and return what it writes to standard error."""
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout == ""
    return result.stderr


AT_A_TERMINAL = """
import io, sys
class Terminal(io.StringIO):
    def isatty(self): return True
real, sys.stderr = sys.stderr, Terminal()
from cascata.log import log, current, Origin
current.set(Origin("read", "ReadFiles", 1))
log.warning("careful")
real.write(sys.stderr.getvalue())
"""


def test_all_ways_lead_to_one_logger():
    assert log is log_by_path is log_by_name is logging.getLogger("cascata")
    assert isinstance(log, logging.Logger)


def test_records_reach_caplog_from_info_on(caplog, inside):
    log.debug("hidden")
    log.info("%d files", 12)
    (record,) = caplog.records
    assert record.getMessage() == "12 files"
    assert (record.component, record.component_class, record.worker, record.pid) == (
        "read",
        "ReadFiles",
        1,
        os.getpid(),
    )
    assert record.name == "cascata"
    assert record.funcName == "test_records_reach_caplog_from_info_on"


def test_levels_are_those_of_logging(caplog):
    with caplog.at_level(logging.DEBUG, logger="cascata"):
        log.debug("shown")
    with caplog.at_level(logging.ERROR, logger="cascata"):
        log.warning("hidden")
    assert caplog.messages == ["shown"]


def test_outside_of_components_the_attributes_are_none(caplog):
    log.info("hello")
    (record,) = caplog.records
    assert (record.component, record.component_class, record.worker) == (None, None, None)
    assert record.pid == os.getpid()


def test_lines():
    def line(**attributes):
        record = logging.LogRecord("cascata", logging.INFO, "f", 1, "%s é", ("hällo",), None)
        vars(record).update(attributes)
        return LineFormatter().format(record)

    assert line(component="read", component_class="ReadFiles") == "INFO - read@ReadFiles : hällo é"
    assert line(component=None) == "INFO - hällo é"
    assert line() == "INFO - hällo é"


def test_exceptions_are_below_their_line():
    code = "from cascata import log\ntry:\n  1/0\nexcept ZeroDivisionError:\n  log.exception('no')"
    lines = plain(code).splitlines()
    assert lines[0] == "ERROR - no"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_no_set_up_is_needed():
    assert plain("from cascata import log; log.debug('a'); log.info('b'); log.error('c')") == "INFO - b\nERROR - c\n"


def test_the_program_s_own_set_up_counts():
    code = "import logging; from cascata import log; logging.basicConfig(format='own %(message)s'); log.info('b')"
    assert plain(code) == "own b\n"


def test_a_handler_of_the_logger_counts():
    code = "import logging; from cascata import log; log.addHandler(logging.StreamHandler()); log.info('b')"
    assert plain(code) == "b\n"


def test_a_level_chosen_before_the_import_stays():
    code = "import logging; logging.getLogger('cascata').setLevel('ERROR'); from cascata import log; log.info('b')"
    assert plain(code) == ""


def test_follows_a_replaced_stderr(monkeypatch):
    code = """
import io, sys
from cascata import log
real, sys.stderr = sys.stderr, io.StringIO()
log.info("b")
real.write(sys.stderr.getvalue().upper())
"""
    assert plain(code) == "INFO - B\n"


def test_no_stderr_at_all_is_no_error():
    assert plain("import sys; from cascata import log; sys.stderr = None; log.info('b')") == ""


def test_colours_at_a_terminal():
    assert plain(AT_A_TERMINAL) == "\x1b[33mWARNING\x1b[0m - \x1b[1mread@ReadFiles\x1b[0m : careful\n"


def test_no_colours_where_they_are_not_wanted():
    assert plain(AT_A_TERMINAL, NO_COLOR="1") == "WARNING - read@ReadFiles : careful\n"


class TestRemote:
    def record(self, level=logging.INFO):
        record = logging.LogRecord("cascata", level, "f", 1, "from afar", (), None)
        vars(record).update(component="read", component_class="ReadFiles", worker=2, pid=42)
        return pickle.loads(pickle.dumps(record))  # noqa: S301  own data

    def test_keeps_its_origin(self, caplog, inside):
        handle_remote(self.record())
        (record,) = caplog.records
        assert (record.component, record.worker, record.pid) == ("read", 2, 42)

    def test_levels_of_the_caller_decide(self, caplog):
        handle_remote(self.record(logging.DEBUG))
        with caplog.at_level(logging.ERROR, logger="cascata"):
            handle_remote(self.record(logging.WARNING))
        assert caplog.records == []

    def test_handlers_of_the_caller_get_it(self):
        got = []
        handler = logging.Handler()
        handler.emit = got.append
        log.addHandler(handler)
        try:
            handle_remote(self.record())
        finally:
            log.removeHandler(handler)
        assert [record.worker for record in got] == [2]
