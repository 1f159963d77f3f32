"""What the caller has set up for logging holds for its workers, however they were started, and no record is lost."""

import logging
import os
import signal
import threading
import time
import warnings

import pytest
from parts import chain, emit

from cascata import ComponentError, Graph, WorkerDied, component, inport, log

LIBRARY = logging.getLogger("a.library")


def sink(function):
    """Make a component that calls `function` with each item."""

    @component
    @inport("item")
    async def does(item):
        function(item)

    return does


@pytest.fixture(params=[(0, None), (1, "fork"), (1, "spawn")], ids=["in_process", "forked", "spawned"])
def start(request):
    """Run a graph with all its components in one process, however that comes to be."""
    num_workers, method = request.param

    def run(graph, **options):
        return graph.run(num_workers=num_workers, start_method=method, **options)

    run.method = method
    return run


@pytest.fixture
def kept():
    """Keep what the loggers `cascata` and `a.library` give to handlers of their own."""

    class Keep(logging.Handler):
        def emit(self, record):
            records.append(record)

    records, handler = [], Keep()
    for logger in (log, LIBRARY):
        logger.addHandler(handler)
    yield records
    for logger in (log, LIBRARY):
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_levels_count_in_each_run_anew(start, kept):
    def work(_):
        log.debug("debug")
        log.info("info")
        LIBRARY.info("library")

    graph = chain(emit(1), sink(work))
    log.setLevel(logging.INFO)
    LIBRARY.setLevel(logging.INFO)
    start(graph)
    assert [record.getMessage() for record in kept] == ["info", "library"]
    log.setLevel(logging.ERROR)
    LIBRARY.setLevel(logging.ERROR)
    start(graph)
    assert len(kept) == 2
    log.setLevel(logging.DEBUG)
    start(graph)
    assert [record.getMessage() for record in kept[2:]] == ["debug", "info"]


def test_the_level_of_the_root_logger_counts_everywhere(start, caplog):
    def work(_):
        log.info("ours")
        LIBRARY.debug("library's")

    graph = chain(emit(1), sink(work))
    with caplog.at_level(logging.ERROR):
        start(graph)
    assert caplog.messages == []
    with caplog.at_level(logging.NOTSET):
        start(graph)
    assert [text for text in caplog.messages if text in ("ours", "library's")] == ["ours", "library's"]


def test_filters_of_the_caller_see_a_record_once(start, caplog):
    def mark(record):
        record.msg = f"[{record.getMessage()}]"
        return "hide" not in record.msg

    def work(item):
        log.info(item)

    log.addFilter(mark)
    try:
        start(chain(emit("shown", "hidden"), sink(work)))
    finally:
        log.removeFilter(mark)
    assert caplog.messages == ["[shown]", "[hidden]"]


def test_warnings_are_logged_where_the_caller_wants_it(start, caplog):
    def work(_):
        warnings.warn("careful", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # noqa: FBT003  as it is
        try:
            start(chain(emit(1), sink(work)))
        finally:
            logging.captureWarnings(False)  # noqa: FBT003  as it is
    (record,) = [record for record in caplog.records if record.name == "py.warnings"]
    assert "UserWarning: careful" in record.getMessage()


def test_disabling_counts(start, caplog):
    logging.disable(logging.INFO)
    try:
        start(chain(emit(1), sink(lambda _: (log.info("disabled"), log.warning("enabled")))))
    finally:
        logging.disable(logging.NOTSET)
    assert caplog.messages == ["enabled"]


def test_what_modules_of_a_spawned_worker_set_up_does_not_overrule_the_caller(tmp_path, monkeypatch, capfd, caplog):
    (tmp_path / "talkative.py").write_text(
        "import logging, sys\n"
        "from cascata import component\n"
        "logger = logging.getLogger(__name__)\n"
        "logger.setLevel(logging.ERROR)\n"
        "logger.addHandler(logging.StreamHandler(sys.stderr))\n"
        "@component\n"
        "async def talks():\n"
        "    logger.info('once')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import talkative

    talkative.logger.handlers.clear()
    with caplog.at_level(logging.INFO, logger="talkative"):
        chain(talkative.talks).run(num_workers=1, start_method="spawn")
    assert [record.getMessage() for record in caplog.records if record.name == "talkative"] == ["once"]
    assert "once" not in capfd.readouterr().err


def test_records_of_each_worker_keep_their_order(caplog):
    @component
    @inport("count")
    async def counts(count):
        for number in range(count):
            log.info("%d", number)

    graph = Graph()
    for index in range(3):
        graph.add(f"c{index}", counts).count < 200
        graph.place(graph.nodes[f"c{index}"], worker=index)
    graph.run(num_workers=3)
    for worker in range(3):
        records = [record for record in caplog.records if record.worker == worker]
        assert {record.component for record in records} == {f"c{worker}"}
        assert [record.getMessage() for record in records] == [str(number) for number in range(200)]


def test_nothing_is_lost_when_a_run_fails(run_together, caplog):
    def work(_):
        for number in range(2000):
            log.info("%d", number)
        raise ValueError

    with pytest.raises(ComponentError):
        run_together(chain(emit(1), sink(work)))
    assert caplog.messages == [str(number) for number in range(2000)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_nothing_is_lost_when_a_worker_is_killed(method, caplog):
    def work(_):
        for number in range(2000):
            log.info("%d", number)
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerDied):
        chain(emit(1), sink(work)).run(num_workers=1, start_method=method)
    assert caplog.messages == [str(number) for number in range(2000)]


def test_a_message_of_megabytes(run_together, caplog):
    run_together(chain(emit(5 << 20), sink(lambda size: log.info("%s", "x" * size))))
    assert len(caplog.messages[0]) == 5 << 20


def test_threads_of_a_component(run_together, caplog):
    """What Python does not tell a thread, nobody knows: which component it belongs to."""

    def work(_):
        threads = [threading.Thread(target=lambda: log.info("from a thread")) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run_together(chain(emit(1), sink(work)))
    assert caplog.messages == ["from a thread"] * 10
    if run_together.workers:
        assert {record.worker for record in caplog.records} == {0}
        assert os.getpid() not in {record.pid for record in caplog.records}


def test_the_place_in_the_source_and_the_time_are_those_of_the_call(run_together, caplog):
    before = time.time()
    run_together(chain(emit(1), sink(lambda _: log.info("here", stack_info=True))))
    (record,) = caplog.records
    assert record.pathname == __file__
    assert record.funcName == "<lambda>"
    assert before <= record.created <= time.time()
    assert "log.info" in record.stack_info


def test_an_exception_brings_its_traceback_as_text(run_together, caplog):
    class OddError(Exception):
        def __reduce__(self):
            raise TypeError

    def work(_):
        try:
            raise OddError(7)  # noqa: TRY301  to have a traceback
        except OddError:
            log.exception("failed", extra={"job": 7})

    run_together(chain(emit(1), sink(work)))
    (record,) = caplog.records
    assert (record.getMessage(), record.job, record.levelno) == ("failed", 7, logging.ERROR)
    assert "raise OddError(7)" in caplog.text
    assert "OddError: 7" in caplog.text


def test_a_message_that_cannot_be_made_is_reported_and_nothing_else(run_together, capsys, caplog, monkeypatch):
    # Those of pytest would raise it.
    monkeypatch.setattr(type(caplog.handler), "handleError", logging.Handler.handleError)
    run_together(chain(emit(1, 2), sink(lambda item: log.info("%d", "one" if item == 1 else item))))
    assert "--- Logging error ---" in capsys.readouterr().err
    assert caplog.records[-1].getMessage() == "2"


def test_a_handler_that_raises_ends_the_run_as_it_would_end_a_call(run_together, kept):
    class Raises(logging.Handler):
        def emit(self, record):
            raise LookupError(record.getMessage())

    handler = Raises()
    log.addHandler(handler)
    try:
        with pytest.raises((ComponentError, LookupError), match="from the handler"):
            run_together(chain(emit(1), sink(lambda _: log.info("from the handler"))))
    finally:
        log.removeHandler(handler)
