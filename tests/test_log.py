"""The logger: one object, standard, and useful without set-up."""

import io
import logging
import os
import re
import subprocess
import sys

import pytest

import cascata.log as log_by_path
from cascata import log
from cascata.log import LineFormatter, Origin, current
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


def test_records_reach_caplog(caplog, inside):
    log.debug("shown")
    log.info("%d files", 12)
    debug, record = caplog.records
    assert debug.levelno == logging.DEBUG
    assert record.getMessage() == "12 files"
    assert (record.component, record.component_class, record.worker, record.pid) == (
        "read",
        "ReadFiles",
        1,
        os.getpid(),
    )
    assert record.name == "cascata"
    assert record.funcName == "test_records_reach_caplog"


def test_levels_are_those_of_logging(caplog):
    with caplog.at_level(logging.INFO, logger="cascata"):
        log.debug("hidden")
        log.info("shown")
    with caplog.at_level(logging.ERROR, logger="cascata"):
        log.warning("hidden")
    assert caplog.messages == ["shown"]


def test_the_level_of_the_root_logger_counts(caplog):
    with caplog.at_level(logging.ERROR):
        log.warning("hidden")
        assert not log.isEnabledFor(logging.WARNING)
        with caplog.at_level(logging.INFO, logger="cascata"):  # and its own more than that
            log.warning("shown")
    assert caplog.messages == ["shown"]
    log.debug("as Python sets it up, it says nothing")
    assert len(caplog.messages) == 2


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
    assert plain("from cascata import log; log.debug('a'); log.error('c')") == "DEBUG - a\nERROR - c\n"


def test_a_level_that_the_program_sets_counts():
    code = "import logging; from cascata import log; logging.basicConfig(level='INFO'); log.debug('a'); log.info('b')"
    assert plain(code) == "INFO:cascata:b\n"


def test_the_program_s_own_set_up_counts():
    code = "import logging; from cascata import log; logging.basicConfig(format='own %(message)s'); log.info('b')"
    assert plain(code) == "own b\n"


def test_a_handler_of_the_logger_counts():
    code = "import logging; from cascata import log; log.addHandler(logging.StreamHandler()); log.info('b')"
    assert plain(code) == "b\n"


def test_a_level_chosen_before_the_import_stays():
    code = "import logging; logging.getLogger('cascata').setLevel('ERROR'); from cascata import log; log.info('b')"
    assert plain(code) == ""


def test_a_class_of_loggers_chosen_before_the_import_stays():
    code = """
import logging
class Own(logging.Logger):
    def shout(self, text):
        self.info(text.upper())
logging.setLoggerClass(Own)
from cascata import log
log.shout("b")
"""
    assert plain(code) == "INFO - B\n"


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
    line = plain(AT_A_TERMINAL)
    assert re.fullmatch(r"\x1b\[33mWARNING\x1b\[0m - \x1b\[(\d+)mread@ReadFiles\x1b\[0m : careful\n", line)
    assert plain(AT_A_TERMINAL) == line  # in every process the same


def test_components_of_one_definition_have_one_colour():
    def colour(component, definition):
        record = logging.LogRecord("cascata", logging.INFO, "f", 1, "text", (), None)
        vars(record).update(component=component, component_class=definition)
        return re.search(r"\x1b\[(\d+)m\w+@", LineFormatter(coloured=True).format(record))[1]

    assert colour("one", "Read") == colour("other", "Read")
    assert len({colour("one", f"Definition{number}") for number in range(100)}) == len(LineFormatter.COMPONENTS)


def test_no_colours_where_they_are_not_wanted():
    assert plain(AT_A_TERMINAL, NO_COLOR="1") == "WARNING - read@ReadFiles : careful\n"


class TestStream:
    """The handler that is there without any set-up is one of logging's `StreamHandler`s."""

    @pytest.fixture(autouse=True)
    def handler(self):
        (handler,) = [handler for handler in log.handlers if isinstance(handler, logging.StreamHandler)]
        yield handler
        handler.stream = sys.stderr

    def test_it_may_be_another_which_then_gets_everything(self, handler, caplog, inside):
        handler.setStream(io.StringIO())
        log.info("here and there")
        assert handler.stream.getvalue() == "INFO - read@ReadFiles : here and there\n"
        assert caplog.messages == ["here and there"]

    def test_one_that_fails_is_reported_as_logging_does(self, handler, monkeypatch):
        class Broken:
            def write(self, text):
                raise ValueError(text)

        failed = []
        monkeypatch.setattr(handler, "handleError", failed.append)
        handler.stream = Broken()
        log.info("lost")
        assert [record.getMessage() for record in failed] == ["lost"]

    def test_a_formatter_that_is_set_counts(self, handler):
        handler.stream = io.StringIO()
        handler.setFormatter(logging.Formatter("%(component)s %(message)s"))
        log.info("own")
        handler.setFormatter(None)
        assert handler.stream.getvalue() == "None own\n"
