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

ALL = {name: plan for name, plan in globals().items() if isinstance(plan, Plan)}
