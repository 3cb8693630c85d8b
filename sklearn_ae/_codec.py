"""Codes as bytes: a uniform quantiser and a range coder.

Knows arrays of codes only, of whatever model they are: PCA's as well as a network's.
Encoder and decoder must agree on every probability to the last bit, also where they run
on different machines. Probabilities therefore come of sums, products and quotients
only, which all machines round alike; ``exp`` and its kin they do not.
"""

import zlib

import numpy as np

# Standard deviations on either side of zero that 2**bits steps span, of the component
# that spreads most.
SPAN = 4.0

MOST_BITS = 16

# A component's distribution is a normal one bent through its quantiles at these normal
# scores. Five points bend it too little, 13 follow the noise of few hundred rows.
SCORES = np.linspace(-2.5, 2.5, 9)
SCORE_STEP = SCORES[1] - SCORES[0]

# Rows that the normal distribution counts as, next to the quantiles.
PRIOR_ROWS = 20

# Integers beyond this normal score are not in a component's table. They cost an escape
# of this probability, and 32 bits.
REACH = 6.0
ESCAPE = 2.0**-12
HALF_WORD = 2**16

# Standard deviations below this share of the largest code are rounding errors.
ROUNDING = 1e-12

# Quantiles may coincide; no stretch between two is shorter than this share of a step.
SHORTEST = 2.0**-20

# No 32-bit word of a payload holds more entries: of probability 1 - ESCAPE, each costs
# log2(1 / (1 - ESCAPE)) bits, and 32 bits pay for 91,000. Data that claim more rows
# than that are refused before memory is set aside for them.
ENTRIES_PER_WORD = 2**17


class CodeModel:
    """How the codes of training rows were distributed, component by component.

    Each component has a normal distribution, bent such that it has the quantiles of the
    training rows. Components count as independent.

    Attributes
    ----------
    std : ndarray of shape (n_components,)
        Standard deviations.
    knots : ndarray of shape (n_components, 9)
        Quantiles at the normal scores -2.5, -1.875, ..., 2.5.
    """

    def __init__(self, std, knots):
        self.std = std
        self.knots = knots

    @classmethod
    def of(cls, codes, weight=None):
        """Return the model of training rows' codes.

        Parameters
        ----------
        codes : ndarray of shape (n_samples, n_components)
        weight : ndarray of shape (n_samples,), default=None
            Weights of the rows, above zero. None weighs all rows alike.

        Returns
        -------
        model : CodeModel
        """
        codes = np.asarray(codes, dtype=np.float64)
        weight = np.ones(len(codes)) if weight is None else weight / weight.max()
        # Squares of codes as large or small as floats can be are no floats.
        unit = np.abs(codes).max() or 1.0
        share = weight / weight.sum()
        mean = np.einsum("i,ij->j", share, codes / unit)
        variance = np.einsum("i,ij->j", share, np.square(codes / unit - mean))
        spread = np.sqrt(variance)
        mean, std = mean * unit, np.where(spread > ROUNDING, spread, 0.0) * unit
        normal = mean[:, None] + std[:, None] * SCORES
        quantiles = np.array([_quantiles(component, share) for component in codes.T])
        n_rows = 1 / np.square(share).sum()
        trust = n_rows / (n_rows + PRIOR_ROWS)
        return cls(std, trust * quantiles + (1 - trust) * normal)

    @property
    def n_components(self):
        """Number of components."""
        return len(self.std)

    def step(self, bits):
        """Return the distance between two rounded codes, in the units of the codes."""
        step = self.std.max() * (2 * SPAN / 2**bits)
        # Rows that were all alike have no spread to take as unit.
        return step if step > np.finfo(np.float64).tiny else 1.0

    def quantize(self, codes, bits):
        """Return codes as whole numbers of steps.

        Parameters
        ----------
        codes : ndarray of shape (n_samples, n_components)
        bits : int
            The component that spreads most has 2**bits steps within 4 standard
            deviations of zero. All components have the same step.

        Returns
        -------
        symbols : ndarray of shape (n_samples, n_components), int32

        Raises
        ------
        ValueError
            If a code is more than 2**31 - 1 steps from zero.
        """
        with np.errstate(over="ignore"):
            steps = np.rint(np.asarray(codes, dtype=np.float64) / self.step(bits))
        limit = np.iinfo(np.int32).max
        far = ~(np.abs(steps) <= limit)
        if far.any():
            row, component = np.argwhere(far)[0]
            raise ValueError(
                f"The code of row {row} is {codes[row, component]:.3g} in component "
                f"{component}: more than {limit} steps of {self.step(bits):.3g} from "
                f"zero, and bits={bits} reaches no farther. Leave the row out, or give "
                "fewer bits."
            )
        return steps.astype(np.int32)

    def dequantize(self, symbols, bits, dtype=np.float64):
        """Return the codes that whole numbers of steps stand for.

        Parameters
        ----------
        symbols : ndarray of shape (n_samples, n_components), int32
        bits : int
        dtype : dtype, default=np.float64

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
        """
        return (symbols * self.step(bits)).astype(dtype)

    def table(self, component, bits):
        """Return the least integer of a component's table, and the probabilities.

        The first probability is that of all integers which are not in the table.
        """
        step, knots = self.step(bits), self.knots[component]
        stretches = np.maximum(np.diff(knots), step * SHORTEST)
        tails = (REACH - SCORES[-1]) / SCORE_STEP * stretches[[0, -1]]
        ends = np.rint(np.array([knots[0] - tails[0], knots[-1] + tails[1]]) / step)
        limits = np.iinfo(np.int32)
        low, high = (int(end) for end in np.clip(ends, limits.min, limits.max))
        edges = (np.arange(low, high + 2) - 0.5) * step
        before = np.clip(np.searchsorted(knots, edges) - 1, 0, len(stretches) - 1)
        beyond = (edges - knots[before]) / stretches[before]
        mass = np.diff(normal_share(SCORES[before] + SCORE_STEP * beyond))
        return low, np.concatenate([[ESCAPE], np.maximum(mass, 0.0)])


def _quantiles(values, share):
    """Return the weighted quantiles of values at the scores of a model."""
    order = np.argsort(values)
    middle = np.cumsum(share[order]) - share[order] / 2
    return np.interp(normal_share(SCORES), middle, values[order])


def normal_share(score):
    """Return the share of a normal distribution below a score, to 3e-7.

    Abramowitz and Stegun's formula 7.1.28, of which every machine makes the same bits.
    """
    # Beyond the clip powers would leave the floats, and the share is zero anyway.
    distance = np.minimum(np.abs(score), 40.0) / np.sqrt(2.0)
    series = 0.0
    for factor in (430638e-10, 2765672e-10, 1520143e-10, 92705272e-10, 422820123e-10):
        series = (series + factor) * distance
    power = 1 + (series + 705230784e-10) * distance
    for _ in range(4):
        power = np.square(power)
    return np.where(score < 0, 0.5 / power, 1 - 0.5 / power)


# -- entropy coding


def import_constriction():
    """Return constriction's streams and models, or say how to install them."""
    try:
        import constriction
    except ImportError as error:
        raise ImportError(
            "Compression needs constriction, which could not be imported. Install it "
            'with `pip install "sklearn-ae[compression]"`.'
        ) from error
    return constriction.stream.queue, constriction.stream.model


def encode_symbols(symbols, model, bits):
    """Return whole numbers of steps as bytes.

    Parameters
    ----------
    symbols : ndarray of shape (n_samples, n_components), int32
    model : CodeModel
    bits : int

    Returns
    -------
    payload : bytes
        A multiple of 4; at most 8 bytes and 6 for each number.

    Raises
    ------
    ImportError
        If constriction is not installed.
    """
    queue, models = import_constriction()
    encoder = queue.RangeEncoder()
    for component, column in enumerate(symbols.T.astype(np.int64)):
        low, mass = model.table(component, bits)
        place = column - low + 1
        place[(place < 1) | (place >= len(mass))] = 0
        table = models.Categorical(mass, perfect=False)
        encoder.encode(place.astype(np.int32), table)
        far = column[place == 0] % 2**32
        if len(far):
            halves = np.concatenate(np.divmod(far, HALF_WORD)).astype(np.int32)
            encoder.encode(halves, models.Uniform(HALF_WORD))
    encoder.encode(_check_mark(symbols), models.Uniform(HALF_WORD))
    return encoder.get_compressed().astype("<u4").tobytes()


def decode_symbols(payload, n_rows, model, bits):
    """Return the whole numbers of steps that :func:`encode_symbols` was given.

    Parameters
    ----------
    payload : bytes
    n_rows : int
    model : CodeModel
    bits : int

    Returns
    -------
    symbols : ndarray of shape (n_rows, n_components), int32

    Raises
    ------
    ImportError
        If constriction is not installed.
    ValueError
        If the payload is not one of so many rows.
    """
    queue, models = import_constriction()
    n_words, rest = divmod(len(payload), 4)
    if rest or n_rows * model.n_components > n_words * ENTRIES_PER_WORD:
        raise contradiction(f"{len(payload)} bytes cannot hold {n_rows} rows")
    words = np.frombuffer(payload, dtype="<u4").astype(np.uint32)
    decoder = queue.RangeDecoder(words)
    symbols = np.empty((n_rows, model.n_components), dtype=np.int32)
    try:
        for component in range(model.n_components):
            low, mass = model.table(component, bits)
            table = models.Categorical(mass, perfect=False)
            symbols[:, component] = _decode_column(decoder, n_rows, table, low, models)
        mark = decoder.decode(models.Uniform(HALF_WORD))
    except AssertionError as error:  # words that no encoder writes
        raise contradiction("no codes have such bytes") from error
    if mark != _check_mark(symbols) or not decoder.maybe_exhausted():
        raise contradiction("the codes in it do not match their check mark")
    return symbols


def _decode_column(decoder, n_rows, table, low, models):
    """Return the whole numbers of one component, whose table begins at ``low``."""
    place = decoder.decode(table, n_rows)
    column, is_far = place.astype(np.int64) + (low - 1), place == 0
    if is_far.any():
        halves = decoder.decode(models.Uniform(HALF_WORD), 2 * int(is_far.sum()))
        high, rest = halves.astype(np.int64).reshape(2, -1)
        far = high * HALF_WORD + rest
        column[is_far] = np.where(far < 2**31, far, far - 2**32)
    return column


def _check_mark(symbols):
    """Return 16 bits by which a decoder notices that it read other numbers."""
    return zlib.crc32(symbols.astype("<i4").tobytes()) % HALF_WORD


def contradiction(reason):
    """Return the error for bytes that are whole but make no sense."""
    return ValueError(
        f"data contradicts itself: {reason}. Give decompress what compress returned, "
        "unchanged."
    )
