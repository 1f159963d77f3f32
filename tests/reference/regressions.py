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

WAITS_AS_IT_FINISHES = Plan(
    nodes=(
        Node(items=1),
        Node(inports=(Inport(),), finish="yyy"),
        Node(inports=(Inport(capacity=1), Inport(seeded=True, token=True)), script=("",)),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=1, outport="x", target=1, inport=0),
        Link(source=1, outport="y", target=2, inport=0),
        Link(source=2, outport="y", target=2, inport=1),
    ),
)
"""A loop that is closed, whose component waits for ever with what its finish function sends."""

TOKEN_IN_A_LOOP = Plan(
    nodes=(
        Node(items=3),
        Node(inports=(Inport(capacity=None), Inport(capacity=1, seeded=True, token=True)), script=("xy",)),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=1, outport="y", target=1, inport=1),
        Link(source=1, outport="x", target=1, inport=0),
    ),
)
"""What goes round beside a token does so a few times only."""

LATEST_OF_ANOTHER_IN_A_LOOP = Plan(
    nodes=(
        Node(items=2),
        Node(inports=(Inport(capacity=None), Inport(capacity=None)), script=("xx", "y"), lanes=((0,), (1,))),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=0, outport="x", target=1, inport=1),
        Link(source=1, outport="x", target=1, inport=0),
        Link(source=1, outport="y", target=1, inport=1),
    ),
)
"""Firings that see the latest value of another trigger group send it round no oftener for that."""

KEYED_BESIDE_DIRECT = Plan(
    nodes=(Node(script=("xyx",), items=3, members=1), Node(inports=(Inport(policy="keyed"),), script=("",), members=2)),
    links=(
        Link(source=0, outport="y", target=1, inport=0, to=0),
        Link(source=0, outport="x", target=1, inport=0, of=0),
    ),
)
"""What is sent to a member alone says nothing of keys."""

BROADCAST_BESIDE_DIRECT = Plan(
    nodes=(
        Node(script=("yx",), items=2),
        Node(
            inports=(Inport(batch=0), Inport(policy="broadcast"), Inport(capacity=2, batch=1)), script=("",), members=3
        ),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=0, outport="y", target=1, inport=1),
        Link(source=0, outport="y", target=1, inport=2),
        Link(source=0, outport="x", target=1, inport=2, to=2),
    ),
)
"""What is sent to a member alone does not come to the others."""

SAID_WHERE_NOTHING_IS_SHARED = Plan(
    nodes=(
        Node(items=4),
        Node(
            inports=(Inport(seeded=True, policy="broadcast"), Inport(capacity=3, seeded=True)),
            script=("x", "xy"),
            members=4,
        ),
    ),
    links=(Link(source=0, outport="x", target=1, inport=0, to=2), Link(source=0, outport="y", target=1, inport=1)),
)
"""A policy of a port to which nothing is connected but single members."""

ORDER_INTO_A_LOOP = Plan(
    nodes=(
        Node(script=("xx",), items=2),
        Node(inports=(Inport(capacity=1, policy="broadcast"),), members=2),
        Node(inports=(Inport(capacity=3), Inport(seeded=True, token=True)), script=("",)),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=1, outport="x", target=2, inport=0),
        Link(source=2, outport="y", target=2, inport=1),
    ),
)
"""Results come in order to a component that has a loop of its own, and each member has room there."""

BESIDE_A_FULL_GATHER = Plan(
    nodes=(
        Node(items=4),
        Node(items=1),
        Node(inports=(Inport(),), script=("xx",), members=2),
        Node(inports=(Inport(capacity=1), Inport(capacity=1)), script=("y",)),
    ),
    links=(
        Link(source=1, outport="x", target=2, inport=0),
        Link(source=2, outport="x", target=3, inport=0),
        Link(source=0, outport="x", target=3, inport=0),
        Link(source=0, outport="x", target=3, inport=1),
    ),
)
"""One way to a port is full, and the port as a whole is not."""

ROWS_OF_TWO_WAYS = Plan(
    nodes=(
        Node(script=("x~", "", "xt", "xyx"), items=24, members=2),
        Node(
            inports=(Inport(capacity=3), Inport(capacity=12, batch=1)),
            script=("xyx", "xxx"),
            by_item=True,
            lanes=((1, 0),),
            finish="y",
            members=6,
        ),
    ),
    links=(Link(source=0, outport="y", target=1, inport=0), Link(source=0, outport="x", target=1, inport=1)),
)
"""Rows whose order follows from those of several senders and members together."""

KEYS_THAT_NEVER_COME_TO_TWO = Plan(
    nodes=(
        Node(items=1),
        Node(),
        Node(inports=(Inport(), Inport(capacity=1, policy="keyed")), script=("",), members=2),
    ),
    links=(Link(source=0, outport="x", target=2, inport=0), Link(source=1, outport="y", target=2, inport=1)),
)
"""An item whose row nobody has a key for is discarded once all members have ended."""

KEYED_BATCHES = Plan(
    nodes=(
        Node(items=6),
        Node(script=("y",), items=3),
        Node(inports=(Inport(capacity=1), Inport(capacity=1, batch=2, policy="keyed")), members=3),
    ),
    links=(Link(source=1, outport="y", target=2, inport=0), Link(source=0, outport="x", target=2, inport=1)),
)
"""The first item of a batch says by its key who gets the row."""

LEFT_TO_THE_OTHERS = Plan(
    nodes=(
        Node(script=("x.x",), items=3),
        Node(script=("xt", ".x", "x.x"), items=14, members=4),
        Node(
            inports=(Inport(capacity=2, seeded=True), Inport(capacity=None)),
            script=("xyx", "y"),
            by_item=True,
            members=3,
        ),
    ),
    links=(
        Link(source=0, outport="y", target=2, inport=0, to=2),
        Link(source=1, outport="x", target=2, inport=1, ordered=False),
    ),
)
"""A member ends before the others, and leaves to them what later items have overtaken meanwhile."""

IN_TURN_UNTIL_IT_DIES = Plan(
    nodes=(
        Node(script=("y", "y", "y.", "x"), items=25, members=3),
        Node(
            inports=(Inport(capacity=None, policy="round_robin"),),
            script=(".", "y.", "x.x", "xxx"),
            by_item=True,
            finish="x",
            members=2,
        ),
        Node(inports=(Inport(capacity=2), Inport(capacity=6)), script=("x~y", ".y")),
        Node(inports=(Inport(capacity=2), Inport(capacity=2)), script=("y", "y", "y.", "x")),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=0, outport="x", target=2, inport=0, of=1),
        Link(source=0, outport="x", target=2, inport=1),
        Link(source=2, outport="y", target=3, inport=0),
        Link(source=1, outport="y", target=3, inport=1, ordered=False),
        Link(source=1, outport="x", target=1, inport=0),
    ),
)
"""Members of a loop get items in turn from themselves and others, until all wait for ever."""

PASSED_BY_ITS_FIRST_VALUE = Plan(
    nodes=(
        Node(script=("xt", "yx"), items=8, members=2),
        Node(inports=(Inport(capacity=None), Inport(capacity=2, seeded=True)), lanes=((0,),), finish="x.y", members=8),
    ),
    links=(Link(source=0, outport="y", target=1, inport=0, of=0), Link(source=0, outport="x", target=1, inport=1)),
)
"""Passive ports of members that have moved on from their initial value before anybody has seen it."""

LOOP_OR_TIME = Plan(
    nodes=(
        Node(script=("y",), items=3),
        Node(inports=(Inport(capacity=1, batch=2, within=True),)),
        Node(inports=(Inport(capacity=1, batch=0),)),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=1, outport="x", target=2, inport=0),
        Link(source=2, outport="y", target=1, inport=0),
    ),
)
"""A batch that time may deliver is delivered by its loop, together with another one."""

ROWS_THAT_A_GATHER_ORDERS = Plan(
    nodes=(
        Node(script=("y",), items=10),
        Node(inports=(Inport(seeded=True, batch=3, policy="broadcast"),), script=("x.x",), finish="x", members=3),
        Node(
            inports=(Inport(capacity=None, seeded=True, batch=3, policy="broadcast"),),
            script=("y.", "xt", "xy", ".x"),
            by_item=True,
            members=4,
        ),
        Node(inports=(Inport(policy="broadcast"),), script=("xy",), by_item=True, finish="y", members=3),
        Node(
            inports=(Inport(capacity=None, batch=2), Inport(batch=1), Inport(capacity=None, batch=1)),
            script=(".x",),
            members=7,
        ),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=0, outport="x", target=2, inport=0),
        Link(source=2, outport="y", target=3, inport=0, ordered=False),
        Link(source=1, outport="x", target=4, inport=0),
        Link(source=1, outport="x", target=4, inport=1),
        Link(source=3, outport="x", target=4, inport=2),
    ),
)
"""Rows of batches of several sizes, whose order follows from that of results that are gathered."""

KEYS_OF_MERGED_ROWS = Plan(
    nodes=(
        Node(script=("xt", "", "xxx", "xy"), by_item=True, items=16, members=3),
        Node(
            inports=(Inport(capacity=None, policy="keyed"), Inport(capacity=11), Inport(capacity=2)),
            script=("xx",),
            by_item=True,
            finish="y",
            members=4,
        ),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0, ordered=False),
        Link(source=0, outport="x", target=1, inport=1),
        Link(source=0, outport="x", target=1, inport=2),
        Link(source=1, outport="x", target=1, inport=0),
    ),
)
"""Keys of rows that come from several senders, and round a loop; some are left over when the rows have ended."""

RESULTS_BESIDE_OTHERS_IN_ROWS = Plan(
    nodes=(
        Node(items=8),
        Node(inports=(Inport(policy="broadcast"),), script=("xt", "xx", "xt"), members=3),
        Node(items=4),
        Node(inports=(Inport(capacity=None), Inport(capacity=None)), script=("",), members=4),
    ),
    links=(
        Link(source=0, outport="x", target=1, inport=0),
        Link(source=1, outport="x", target=3, inport=0),
        Link(source=2, outport="x", target=3, inport=0),
        Link(source=1, outport="x", target=3, inport=1, ordered=False),
        Link(source=2, outport="x", target=3, inport=1),
    ),
)
"""Rows whose order follows from that of results to which other items come at the same port."""

DEAD_WITH_ROWS_BEGUN = Plan(
    nodes=(
        Node(script=("y",), items=5),
        Node(inports=(Inport(policy="broadcast"),), members=2),
        Node(inports=(Inport(), Inport(capacity=1)), script=("y",), members=3),
    ),
    links=(
        Link(source=0, outport="y", target=1, inport=0),
        Link(source=1, outport="x", target=2, inport=0),
        Link(source=1, outport="x", target=2, inport=1, ordered=False),
    ),
)
"""Rows that lack a part for ever, when others have been fired on whose parts had come later."""

LEFT_OUTSIDE_OF_A_BATCH = Plan(
    nodes=(
        Node(script=("x", "x"), by_item=True, items=-1),
        Node(script=("y",), by_item=True, items=8),
        Node(inports=(Inport(capacity=1), Inport(capacity=None)), script=("x",), by_item=True, members=1),
        Node(
            inports=(
                Inport(capacity=1, batch=1),
                Inport(capacity=1, batch=1, within=True),
                Inport(capacity=3, policy="keyed"),
            ),
            script=("x",),
            by_item=True,
            members=5,
        ),
    ),
    links=(
        Link(source=0, outport="x", target=2, inport=0),
        Link(source=1, outport="y", target=2, inport=1),
        Link(source=0, outport="x", target=3, inport=0),
        Link(source=2, outport="x", target=3, inport=1, of=0),
        Link(source=2, outport="x", target=3, inport=2, of=0),
    ),
)
"""A member of a group that ends leaves to the others what lies before its batch, be it the last of the stream."""

ALL = {name: plan for name, plan in globals().items() if isinstance(plan, Plan)}
