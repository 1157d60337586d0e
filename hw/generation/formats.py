"""What passes between the loader and the blocks that make a head from tokens."""

from amaranth.lib import data, enum
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import Projection, Task

__all__ = ["Batch", "Destination", "FetchKind", "FetchRequest", "Heads", "QueryOrder", "Section", "TokenHead",
           "TokenNumber", "WeightWrite"]


class Section(enum.Enum, shape=3):
    """Parts of the body of a head from tokens, in their order."""

    CODES = 0            # of the key weights, for the prediction
    QUERY_BIAS = 1
    QUERY = 2
    KEY_BIAS = 3
    KEY = 4
    VALUE_BIAS = 5
    VALUE = 6


class WeightWrite(data.StructLayout):
    """A word of a section: `word` of `vector`, which is a channel, or in a bias always the word 0 of a beat."""

    def __init__(self, parameters):
        p = parameters
        codes = max(1, p.token_folds * 4 * p.tree_lanes // p.bus_width)
        super().__init__({
            "section": Section,
            "vector": bits_for(p.folds * p.lanes),
            "word": bits_for(max(codes, p.feature_words)),
            "data": p.bus_width,
        })


class Heads(data.ArrayLayout):
    """The heads from tokens in flight, by their half of the key memories."""

    def __init__(self, parameters):
        super().__init__(Projection(parameters), 2)


class TokenHead(data.StructLayout):
    """A head whose keys are to be predicted from its tokens, and the task to be emitted then."""

    def __init__(self, parameters):
        super().__init__({"task": Task(parameters), "projection": Projection(parameters)})


class QueryOrder(data.StructLayout):
    """A row whose query is to be made, and its place in the memories."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "row": 16,
            "slices": p.slices,
            "slot": range(p.query_groups),
            "tree": max(1, ceil_log2(p.trees)),
            "group_end": 1,
            "half": 1,
        })


class Destination(data.UnionLayout):
    """Where the vectors of a token go: the place of a query, or the number of a key."""

    def __init__(self, parameters):
        super().__init__({"query": QueryOrder(parameters), "key": parameters.key_bits})


class Batch(data.StructLayout):
    """Tokens that are projected side by side: `queries`, or keys and values, of the head in `half`."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"queries": 1, "count": bits_for(p.generator_rows), "half": 1, "bank": 1})


class TokenNumber(data.StructLayout):
    """A token of the head in `half`."""

    def __init__(self, parameters):
        super().__init__({"key": parameters.key_bits, "half": 1})


class FetchKind(enum.Enum, shape=2):
    """What a token is fetched for; to predict a key from it has elements of 8 bits, else of 16."""

    KHAT = 0
    QUERY = 1
    KEY_VALUE = 2


class FetchRequest(data.StructLayout):
    """A row that the host is to send: a token of the source that the head's header names."""

    def __init__(self):
        super().__init__({"token": 16, "source": 8, "kind": FetchKind, "reserved": 6})
