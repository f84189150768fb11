"""Weights as an adder graph: canonical signed digits, and the most frequent sums of two terms shared.

A row is a sum of terms sign * node * 2^shift, at first one for each nonzero digit of its weights. Whatever
two terms save most by being added once (they occur often, with many bits that meet), up to a common shift and
sign, become a node of their own in all rows at once; so on until no two terms occur twice. What is left of
each row is added by a tree. This is the greedy search of Sun et al., "da4ml: Distributed Arithmetic for
Real-time Neural Networks on FPGAs" (2025), there with a decomposition of the matrix before it.

No row may come later than the row with the most digits must: a term of stage s counts 2^s, and a row that
counts at most 2^L can be added within L stages.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.adder_graph import AdderGraph, Addition, Sum

# A node with a shift; and two of them as they may occur in several rows: the first one, the second one, how
# much farther the second is shifted (>= 0), and whether their signs are the same (1) or not (-1).
Term = tuple[int, int]
Pair = tuple[int, int, int, int]


def adder_graph(weights: IntArray, low: int, high: int) -> AdderGraph:
    """The graph of weights [rows, inputs] over inputs in low..high."""
    search = _Search(weights, low, high)
    search.share(search.digit_pairs())
    sums = tuple(search.total(row) for row in range(len(weights)))
    return AdderGraph(weights.shape[1], low, high, tuple(search.additions), sums)


def latency(weights: IntArray) -> int:
    """Stages of the graph of weights [rows, inputs]: those of a tree over the digits of the longest row."""
    digits = np.count_nonzero(signed_digits(weights), axis=(1, 2))
    return max(int(digits.max()) - 1, 0).bit_length()


def signed_digits(weights: IntArray) -> IntArray:
    """Digits -1, 0 and 1 [..., bits], the lowest first, no two neighbours other than 0."""
    digits = []
    while np.any(weights):
        digit = np.where(weights & 1, 2 - (weights & 3), 0)
        digits.append(digit)
        weights = (weights - digit) >> 1
    return np.stack([*digits, np.zeros_like(weights)], axis=-1)


class _Search:
    """The rows' terms, the nodes so far, and where each node occurs.

    `where[sign][node]` has bit row * stride + shift set for each term sign * node * 2^shift of a row, so that
    all occurrences of a pair are found by a shift and an AND of such masks.
    """

    def __init__(self, weights: IntArray, low: int, high: int) -> None:
        rows, inputs = weights.shape
        digits = signed_digits(weights)
        self.stride = 2 * digits.shape[-1]
        self.additions: list[Addition] = []
        self.known: dict[Addition, int] = {}
        self.types = [IntType.covering(low, high)] * inputs
        self.ranges = [(low, high)] * inputs
        self.stages = [0] * inputs
        self.inputs = inputs
        self.where: dict[int, list[int]] = {1: [0] * inputs, -1: [0] * inputs}
        self.rows: list[dict[Term, int]] = [{} for _ in range(rows)]
        for row, node, shift in np.argwhere(digits).tolist():
            self.put(row, (node, shift), int(digits[row, node, shift]))
        self.load = [len(terms) for terms in self.rows]
        self.limit = 1 << max(max(self.load) - 1, 0).bit_length()

    def put(self, row: int, term: Term, sign: int) -> None:
        """Adds a term to a row."""
        node, shift = term
        self.rows[row][term] = sign
        self.where[sign][node] |= 1 << (row * self.stride + shift)

    def take(self, row: int, term: Term) -> int:
        """Removes a term from a row; gives its sign."""
        node, shift = term
        sign = self.rows[row].pop(term)
        self.where[sign][node] ^= 1 << (row * self.stride + shift)
        return sign

    def digit_pairs(self) -> Counter[Pair]:
        """How often each pair of the rows' terms occurs, of those that do so twice."""
        base = len(self.stages)
        found = []
        for row in self.rows:
            terms = [(shift, node, sign) for (node, shift), sign in row.items()]
            shift, node, sign = np.array(sorted(terms), np.int64).reshape(-1, 3).T
            a, b = np.triu_indices(len(row), 1)
            same = sign[a] == sign[b]
            found.append(((node[a] * base + node[b]) * self.stride + shift[b] - shift[a]) * 2 + same)
        keys, counts = np.unique(np.concatenate(found), return_counts=True)
        keys, counts = keys[counts > 1], counts[counts > 1]
        rest, same = np.divmod(keys, 2)
        rest, apart = np.divmod(rest, self.stride)
        pairs = np.stack([rest // base, rest % base, apart, 2 * same - 1], axis=-1).tolist()
        return Counter({tuple(pair): count for pair, count in zip(pairs, counts.tolist(), strict=True)})

    def share(self, pairs: Counter[Pair]) -> None:
        """Makes nodes of pairs, best first, until none occurs twice.

        Counts only fall while other pairs are taken, so an old one is a bound: what comes first with its
        count renewed is the best.
        """
        heap: list[tuple[int, int, Pair]] = []
        self.push(heap, pairs.items())
        while heap:
            saved, worth, pair = heapq.heappop(heap)
            mask = self.occurrences(pair)
            now = (1 - mask.bit_count()) * worth
            if now >= 0:
                continue
            if now > saved:
                heapq.heappush(heap, (now, worth, pair))
                continue
            places = self.places(pair, mask)
            if len(places) > 1:
                self.push(heap, self.merge(pair, places).items())

    def push(self, heap: list[tuple[int, int, Pair]], pairs: Iterable[tuple[Pair, int]]) -> None:
        """Pairs with their counts, the one first that saves most: bits where both terms have some."""
        for pair, count in pairs:
            if count > 1:
                a, b, apart, _ = pair
                worth = max(1, min(self.types[a].bits - apart, self.types[b].bits))
                heapq.heappush(heap, ((1 - count) * worth, worth, pair))

    def occurrences(self, pair: Pair) -> int:
        """Mask of the first terms of a pair, in rows that it would not make late."""
        a, b, apart, same = pair
        plus, minus = self.where[1], self.where[-1]
        mask = (plus[a] & (self.where[same][b] >> apart)) | (minus[a] & (self.where[-same][b] >> apart))
        more = self.more_load(a, b)
        if mask and more:
            whole = (1 << self.stride) - 1
            for row, load in enumerate(self.load):
                if load + more > self.limit:
                    mask &= ~(whole << (row * self.stride))
        return mask

    def more_load(self, a: int, b: int) -> int:
        """What a row counts more after the sum of two nodes took their places."""
        return (2 << max(self.stages[a], self.stages[b])) - (1 << self.stages[a]) - (1 << self.stages[b])

    def places(self, pair: Pair, mask: int) -> list[tuple[int, int]]:
        """(row, shift) of the first terms of occurrences that have no term in common."""
        a, b, apart, _ = pair
        more, loads = self.more_load(a, b), dict(enumerate(self.load))
        places: list[tuple[int, int]] = []
        seconds: set[tuple[int, int]] = set()
        while mask:
            bit = mask & -mask
            mask ^= bit
            row, shift = divmod(bit.bit_length() - 1, self.stride)
            if loads[row] + more <= self.limit and (a != b or (row, shift) not in seconds):
                loads[row] += more
                places.append((row, shift))
                seconds.add((row, shift + apart))
        return places

    def merge(self, pair: Pair, places: list[tuple[int, int]]) -> Counter[Pair]:
        """Puts the pair's node in place of its terms; gives the pairs that this makes, with counts."""
        a, b, apart, same = pair
        node = self.node(Addition(a, b, 0, apart, same < 0))
        pairs: Counter[Pair] = Counter()
        for row, shift in places:
            sign = self.take(row, (a, shift))
            self.take(row, (b, shift + apart))
            self.load[row] += self.more_load(a, b)
            for (other, at), its_sign in self.rows[row].items():
                pairs[_pair((node, shift), (other, at), sign * its_sign)] += 1
            self.put(row, (node, shift), sign)
        return pairs

    def node(self, addition: Addition) -> int:
        """The node of an addition; the same one for the same addition."""
        if addition not in self.known:
            self.known[addition] = self.inputs + len(self.additions)
            self.additions.append(addition)
            a, b = addition.a, addition.b
            (a_low, a_high), (b_low, b_high) = self.ranges[a], self.ranges[b]
            if addition.subtract:
                b_low, b_high = -b_high, -b_low
            low = (a_low << addition.shift_a) + (b_low << addition.shift_b)
            high = (a_high << addition.shift_a) + (b_high << addition.shift_b)
            self.ranges.append((low, high))
            self.types.append(IntType.covering(low, high))
            self.stages.append(1 + max(self.stages[a], self.stages[b]))
            for masks in self.where.values():
                masks.append(0)
        return self.known[addition]

    def total(self, row: int) -> Sum | None:
        """The sum of the terms that a row has left, the earliest and lowest first."""
        heap = [(self.stages[node], shift, node, sign) for (node, shift), sign in self.rows[row].items()]
        heapq.heapify(heap)
        while len(heap) > 1:
            first, second = heapq.heappop(heap), heapq.heappop(heap)
            low, high = sorted((first, second), key=lambda term: (term[1], term[2]))
            _, shift, a, a_sign = low
            apart, b, b_sign = high[1] - shift, high[2], high[3]
            # The last positive term stays positive: whoever reads the sum need not negate it.
            if a_sign < b_sign and all(rest[3] < 0 for rest in heap):
                addition, a_sign = Addition(b, a, apart, 0, subtract=True), 1
            else:
                addition = Addition(a, b, 0, apart, a_sign != b_sign)
            node = self.node(addition)
            heapq.heappush(heap, (self.stages[node], shift, node, a_sign))
        if not heap:
            return None
        _, shift, node, sign = heap[0]
        return Sum(node, shift, sign < 0)


def _pair(first: Term, second: Term, same: int) -> Pair:
    """Two terms as the pair that they are, whichever is named first."""
    (a, a_shift), (b, b_shift) = first, second
    if (b_shift, b) < (a_shift, a):
        return b, a, a_shift - b_shift, same
    return a, b, b_shift - a_shift, same
