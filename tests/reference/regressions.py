"""Plans on which an engine and the model have once disagreed, shrunk; kept for ever."""

from description import Inport, Link, Node, Plan

PASSIVE_MOVES_ON = Plan(
    nodes=(
        Node(script=("x.x", "y."), by_item=True, items=12, finish="x", style="tasks"),
        Node(
            inports=(Inport(seeded=True), Inport(capacity=1), Inport(capacity=1, seeded=True)),
            script=("xx", "xy", ""),
            lanes=((1,),),
            style="wait_for",
        ),
        Node(inports=(Inport(capacity=1),), script=("",), style="gather"),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=1),
        Link(source=0, outport="x", target=1, inport=1),
        Link(source=0, outport="x", target=1, inport=2),
        Link(source=1, outport="x", target=2, inport=0),
    ),
)
"""A passive port takes one more value after a row was taken and before it is fired on; so it shows the newest."""

BEHIND_WHO_HAS_ENDED = Plan(
    nodes=(
        Node(items=10, script=("y",)),
        Node(inports=(Inport(capacity=1), Inport(capacity=1))),
        Node(items=0),
        Node(inports=(Inport(capacity=1), Inport(capacity=1))),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=2, outport="x", target=1, inport=1),
        Link(source=0, outport="y", target=3, inport=0),
        Link(source=0, outport="x", target=3, inport=1),
    ),
)
"""A send that waits for one port has another, whose component has ended: nobody waits for room there."""

ENDS_WITHOUT_A_FIRING = Plan(
    nodes=(Node(items=3), Node(inports=(Inport(seeded=True), Inport()), finish="x"), Node(inports=(Inport(),))),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=0, outport="y", target=1, inport=1),
        Link(source=1, outport="x", target=2, inport=0),
    ),
)
"""A component whose rows never come to be ends all the same, and finishes."""

BROADCAST_OF_SEVERAL = Plan(
    nodes=(
        Node(items=1, script=("y",), members=3),
        Node(inports=(Inport(capacity=2, policy="broadcast"),), script=("y.", "", "xx", "yx"), members=2),
    ),
    links=(Link(source=0, outport="y", target=1, inport=0),),
)
"""What several send to all members comes to each in an order of its own."""

BESIDE_A_GATHER = Plan(
    nodes=(
        Node(items=2),
        Node(inports=(Inport(capacity=1),), script=("x.x",), lanes=((0,),), finish="x", members=2),
        Node(inports=(Inport(capacity=8),), script=("xxx", "y.", "x.x", "."), lanes=((0,),), finish="x.y"),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=0, outport="x", target=2, inport=0),
        Link(source=1, outport="x", target=2, inport=0),
    ),
)
"""An inport takes results of a group before items of another sender that are there for longer."""

ROWS_OF_SEVERAL = Plan(
    nodes=(
        Node(script=("xy",), items=1, finish="x.y", members=2),
        Node(inports=(Inport(), Inport()), script=("",), members=3),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=0, outport="x", target=1, inport=1),
        Link(source=0, outport="y", target=1, inport=1),
    ),
)
"""Either of two ports may be the first to decide who gets a row."""

DEAD_IN_A_BROADCAST = Plan(
    nodes=(
        Node(script=("y",), items=1),
        Node(inports=(Inport(capacity=1, policy="broadcast"),), script=("y",), members=2),
    ),
    links=(Link(source=0, outport="y", target=1, inport=0), Link(source=1, outport="y", target=1, inport=0)),
)
"""A send to two ports, of which either may have its item when a run dies."""

KEYS_THAT_NEVER_COME = Plan(
    nodes=(
        Node(items=1),
        Node(),
        Node(inports=(Inport(), Inport(capacity=1, policy="keyed")), script=("",), members=1),
    ),
    links=(Link(source=0, outport="x", target=2, inport=0), Link(source=1, outport="x", target=2, inport=1)),
)
"""A send that waits for another port to decide who gets its row, until that port has ended, and with it all members."""

ALL = {name: plan for name, plan in globals().items() if isinstance(plan, Plan)}
