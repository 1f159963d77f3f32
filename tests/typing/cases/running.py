"""Runs, reports, errors, channels, the log, the registry."""

from typing import Any, assert_type

import cascata.log as log_module
from cascata import Channel, ComponentError, DeadlockError, Graph, WorkerDied, component, inport, log, registry
from cascata.run import Report, Run


@component
@inport("item")
async def sink(item: int) -> None:
    log.info("item %d", item)
    log_module.warning("item %d", item)


graph = Graph()
node = graph.add("sink", sink)

report = graph.run(num_workers=2, timeout=1.5, collect=[], start_method="fork")
assert_type(report, Report)
assert_type(report.collected, dict[str, list[Any]])
assert_type(graph.run(2), Report)
graph.run(placement=report)
run = graph.start()
assert_type(run, Run)
assert_type(run.join(), Report)
with graph.start(0) as run:
    run.stop()


async def main() -> None:
    assert_type(await graph.arun(0), Report)
    assert_type(await run.ajoin(), Report)
    channel: Channel[int] = Channel(capacity=3)
    async with channel.open() as publisher:
        await publisher.put(1)
        await channel.put(2)
        await publisher.put("one")  # E
        await channel.put("two")  # E
    async for item in channel:
        assert_type(item, int)


try:
    graph.check_deadlocks()
except DeadlockError as error:
    assert_type(error.issues, list[str])
except ComponentError as error:
    assert_type(error.component, str)
except WorkerDied as error:
    assert_type(error.worker, int)

data = graph.to_json()
assert_type(data, dict[str, Any])
assert_type(Graph.from_json(data, allow=["my_project.*"]), Graph)
Graph.from_json("graph.json")  # E
Graph.from_json(data, ["my_project.*"], 5)  # E

assert_type(registry.modules(), dict[str, list[registry.Entry]])
assert_type(registry.find("module", "name").inports["x"].capacity, int | None)

graph.run("two")  # E
graph.run(workers=2)  # E
graph.run(timeout="1 s")  # E
graph.run(collect=[node])  # E
graph.start(placement=3)  # E
graph.place(5, worker=0)  # E
graph.weigh(node, cost="much")  # E
graph.shard()  # E
log.information("misspelt")  # E
Channel("three")  # E
