"""The attention slice: exact attention of rows over the keys that they keep (SU-FA)."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.predictor.predictor import half_address
from hw.shared import shared
from hw.sofa.task import Task
from hw.sorter.key_mask import GroupMasks
from hw.stream import Buffer
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory
from hw.stream.select import select

from .accumulator import Accumulator
from .dot_product import DotProduct
from .group_walk import GroupWalk
from .normalise import Normalise
from .row_issue import RowIssue
from .softmax import Probability, Softmax
from .value_lane import ValueLane

__all__ = ["Attention"]


class Attention(wiring.Component):
    """Exact attention, one (row, key) pair a cycle and fold: a row of k keys takes k * folds cycles.

    ``2 * lanes`` multipliers are busy in every cycle in which a key is issued: `lanes` on the query-key
    product, `lanes` on the probability-value product of a key some cycles ahead. Each key of a batch of rows is
    issued to all rows that need it, so a key and its value are read once a batch (with one fold; with more, the
    folds alternate and are read for each row). Bound by the multipliers as long as masks are there and a row
    keeps at least about 20 keys (the time to divide a row by its sum).

    Members
    -------
    write_* : In
        Beats of queries, keys and values from the loader.
    task : In(stream of Task)
        Emitted when keys and values are loaded; taken when the task's rows have left the slice.
    index, group : see :class:`GroupWalk`
    group_done : Out(1)
        Pulse: a group's queries are no longer needed.
    o : Out(stream of beats)
        Output rows, each ``last_value_beat + 1`` beats.
    row_out : In(1)
        Pulse: a row has left the slice.
    active : Out(Task)
        Head whose rows come out; stable until the last of them has left.
    raised, positive, forced, saturated, multiplying, loaded, starved : Out(1)
        Events: see :class:`Softmax`, :class:`DotProduct` and :class:`RowIssue`; a key is issued.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "write_query": In(1), "write_key": In(1), "write_value": In(1),
            "write_vector": In(p.key_bits),
            "write_slot": In(range(p.query_groups)),
            "write_tree": In(max(1, ceil_log2(p.trees))),
            "write_beat": In(p.beat_bits),
            "write_data": In(data.ArrayLayout(signed(p.element_width), p.elements_per_beat)),
            "task": In(stream.Signature(Task(p))),
            "group": In(GroupMasks(p)),
            "group_done": Out(1),
            "o": Out(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
            "row_out": In(1),
            "active": Out(Task(p)),
            "raised": Out(1), "positive": Out(1), "forced": Out(1), "saturated": Out(1),
            "multiplying": Out(1), "loaded": Out(1), "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        tree_bits = ceil_log2(p.trees)

        # The head at work, until its last row has left.
        task, running = Signal(Task(p), reset_less=True), Signal()
        m.d.comb += self.active.eq(task)
        m.submodules.walk = walk = GroupWalk(p)
        m.submodules.issue = issue = RowIssue(p)
        wiring.connect(m, wiring.flipped(self.group), walk.group)
        wiring.connect(m, walk.o, issue.i)
        pending = Signal(bits_for(p.row_queue + 2 * p.slice_rows + 64))    # rows issued and not yet out
        over, walked = Signal(), Signal()                  # the last step has come to what says that there is none
        m.d.sync += [pending.eq(pending + issue.row_done - self.row_out), walked.eq(walk.done),
                     over.eq(running & walk.done & walked & issue.starved & (pending == 0))]
        m.d.comb += self.task.ready.eq(over & running)
        with m.If(~running & self.task.valid):
            m.d.sync += [running.eq(1), task.eq(self.task.payload)]
        with m.Elif(self.task.ready):
            m.d.sync += running.eq(0)
        m.d.comb += [
            walk.index.eq(self.index), walk.task.eq(task), walk.task_valid.eq(running),
            issue.last_fold.eq(task.last_fold), self.group_done.eq(issue.group_done),
        ]
        m.d.sync += [self.multiplying.eq(issue.issued_valid & ~issue.issued.empty), self.loaded.eq(issue.loaded),
                     self.starved.eq(running & ~walk.done & issue.starved)]

        # Query-key products.
        def lane_memory(name, vectors, enable, vector):
            memory = LaneMemory(vectors, p.folds, p.lanes, p.elements_per_beat, p.element_width, vendor=p.vendor,
                                apart=True)
            m.submodules[name] = memory
            m.d.comb += [
                memory.write_enable.eq(enable), memory.write_vector.eq(vector),
                memory.write_beat.eq(self.write_beat),
                memory.write_data.as_value().eq(self.write_data.as_value()),
            ]
            return memory

        query_row = Cat(self.write_tree[:tree_bits], self.write_slot)
        queries = lane_memory("queries", p.query_groups << tree_bits, self.write_query, query_row)
        keys = lane_memory("keys", p.max_keys, self.write_key, self.write_vector)
        values = lane_memory("values", p.max_keys, self.write_value, self.write_vector)
        issued = issue.issued
        m.submodules.dot_product = dot_product = shared(DotProduct, p)
        m.d.comb += [
            queries.read_enable.eq(1),
            queries.read_vector.eq(Cat(issued.tree[:tree_bits], issued.slot)),
            queries.read_fold.eq(issued.fold),
            keys.read_enable.eq(issue.issued_valid & (issued.load | (task.last_fold != 0))),
            keys.read_vector.eq(half_address(issued.key, task.half)),
            keys.read_fold.eq(issued.fold),
            dot_product.query.as_value().eq(queries.read_data.as_value()),
            dot_product.key.as_value().eq(keys.read_data.as_value()),
            dot_product.valid.eq(delay(m, issue.issued_valid, keys.latency, "valid")),
            dot_product.first_fold.eq(delay(m, issued.first_fold, keys.latency, "first_fold")),
            dot_product.last_fold.eq(delay(m, issued.last_fold, keys.latency, "last_fold")),
            dot_product.shift.eq(task.score_shift),
        ]

        # Probabilities. What is on its way to them, by the count of a cycle ago: three more keys may come.
        m.submodules.softmax = softmax = shared(Softmax, p)
        score, names = softmax.i, ("key", "row", "lead", "last", "empty", "load", "wrap")
        accompanying = Cat(issued[name] for name in names)
        m.d.comb += [
            softmax.i_valid.eq(dot_product.o_valid),
            score.score.eq(dot_product.o),
            Cat(score[name] for name in names).eq(delay(m, accompanying, keys.latency + dot_product.latency,
                                                        "accompanying", payload=True)),
            self.raised.eq(softmax.raised), self.positive.eq(softmax.positive), self.forced.eq(softmax.forced),
        ]
        m.d.sync += self.saturated.eq(dot_product.o_valid & dot_product.saturated & ~score.empty)
        outstanding = Signal(range(softmax.depth + 1))
        m.d.sync += [outstanding.eq(outstanding + (issue.issued_valid & issue.issued.last_fold) - softmax.taken),
                     issue.credit.eq(outstanding < softmax.depth - 4)]
        m.submodules.probabilities = probabilities = Buffer(Probability(p))
        wiring.connect(m, softmax.o, probabilities.i)

        # Probability-value products: one fold a cycle. A row's end waits until the result before has been divided, and
        # what shifts the sum of the cycle before a cycle: whether a key waits is a register, made as the key comes.
        m.submodules.normalise = normalise = shared(Normalise, p)
        wiring.connect(m, wiring.flipped(self.o), normalise.o)
        following = probabilities.o.payload
        step, step_valid, blocked = Signal(Probability(p)), Signal(), Signal()
        go, take, went, single = Signal(), Signal(), Signal(), Signal()
        fold, last_fold = counter(m, task.last_fold, go, ~delay(m, running, 3, "settled"), "fold")
        occupied = Signal(p.batch_rows)                    # rows with a result, from their last key on
        row_bits = ceil_log2(p.batch_rows)
        row = step.row[:row_bits]

        def is_occupied(row):
            return select(row[:row_bits], list(occupied))

        m.d.comb += [
            go.eq(step_valid & ~blocked),
            take.eq(go & last_fold),
            probabilities.o.ready.eq(~step_valid | take),
            values.read_enable.eq(go & (step.load | ~single)),
            values.read_vector.eq(half_address(step.key, task.half)),
            values.read_fold.eq(fold),
        ]
        m.d.sync += [single.eq(task.last_fold == 0), went.eq(go), blocked.eq(step.last & is_occupied(row))]
        with m.If(probabilities.o.ready):
            m.d.sync += [
                step_valid.eq(probabilities.o.valid), step.eq(following),
                blocked.eq((following.last & is_occupied(following.row)) | (take & (
                    (following.shifts & single) | (following.again & following.last & step.last)))),
            ]

        # Sums of probabilities beside the totals of the value lanes; what they are told, in the same cycle.
        def place(row, fold):
            return Cat(row[:row_bits], fold[:ceil_log2(p.folds)])

        behind = values.latency + ValueLane.control_delay
        control = {"enable": go, "place": place(step.row, fold), "clear": step.clear, "steps": step.steps,
                   "last": step.last, "again": went & step.again & single}
        control = {name: delay(m, value, behind, f"{name}_v", payload=name in ("place", "steps"))
                   for name, value in control.items()}
        m.submodules.sums = sums = shared(Accumulator, unsigned(p.sum_width), unsigned(p.probability_width),
                                          1 << p.place_bits, p.rescale_step, p.clear_steps - 1)
        m.d.comb += [getattr(sums, name).eq(value) for name, value in control.items()]

        # Rows are divided in order, whichever ends first, and their totals read in order when this is done.
        turn, sum_turn = Signal(p.row_bits), Signal(p.row_bits)
        wraps, complete, ending = Signal(p.batch_rows), Signal(p.batch_rows), Signal(p.batch_rows)
        m.d.comb += ending.eq(Mux(take & step.last, 1 << row, 0))
        complete_now = delay(m, ending, values.latency + ValueLane.latency, "ended")
        sum_valid, taken = Signal(), Signal()

        def after(turn):
            return Mux(select(turn[:row_bits], list(wraps)), 0, turn + 1)

        # The sum is shown a cycle after the turn has changed, and offered in the next one.
        m.d.comb += [
            sums.addend.eq(delay(m, step.probability, behind + 2, "probability_s", payload=True)),
            sums.read_place.eq(place(sum_turn, C(0, p.fold_bits))), sums.read.eq(1),
            normalise.sum.payload.eq(sums.result),
            normalise.sum.valid.eq(sum_valid),
            taken.eq(sum_valid & normalise.sum.ready),
        ]
        m.d.sync += sum_valid.eq(~taken & select(sum_turn[:row_bits], list(complete)))
        with m.If(taken):
            m.d.sync += sum_turn.eq(after(sum_turn))
        with m.If(normalise.release):
            m.d.sync += turn.eq(after(turn))
        for index in range(p.batch_rows):
            with m.If(ending[index]):
                m.d.sync += [occupied[index].eq(1), wraps[index].eq(step.wrap)]
            with m.Elif(normalise.release & (turn == index if row_bits else 1)):
                m.d.sync += occupied[index].eq(0)
            with m.If(complete_now[index]):
                m.d.sync += complete[index].eq(1)
            with m.Elif(taken & (sum_turn == index if row_bits else 1)):
                m.d.sync += complete[index].eq(0)

        # The operands, with the values that the memory shows.
        probability = delay(m, step.probability, values.latency, "probability_v", payload=True)
        for index in range(p.lanes):
            m.submodules[f"value_lane{index}"] = lane = shared(ValueLane, p)
            m.d.comb += [getattr(lane, name).eq(value) for name, value in control.items()]
            m.d.comb += [
                lane.probability.eq(probability), lane.value.eq(values.read_data[index]),
                lane.read_place.eq(place(turn, normalise.fold)),
                lane.read.eq(normalise.part[index // p.normalise_lanes]),
                normalise.totals[index].eq(lane.result),
            ]
        m.d.comb += [
            normalise.value_dim.eq(task.value_dim),
            normalise.last_beat.eq(task.last_value_beat),
        ]
        return m
