"""Networks in plain torch: no module here imports scikit-learn."""

from ._activations import ACTIVATIONS
from ._activity import activation_ranges
from ._anchored import Anchor, AnchoredAutoencoder
from ._cells import CELLS
from ._dense_pass import light_pass
from ._dense_step import DenseStep, is_dense
from ._dictionary import Dictionary, DictionaryAutoencoder, keep_largest
from ._headed import Head, HeadedAutoencoder
from ._output import Output
from ._resampled import ResampledAutoencoder, resampled, widened
from ._state import (
    from_state,
    restore,
    select_model,
    select_models,
    snapshot,
    stack_models,
    to_state,
)
from ._token import TokenAutoencoder, TokenStart

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "Anchor",
    "AnchoredAutoencoder",
    "DenseStep",
    "Dictionary",
    "DictionaryAutoencoder",
    "Head",
    "HeadedAutoencoder",
    "Output",
    "ResampledAutoencoder",
    "TokenAutoencoder",
    "TokenStart",
    "activation_ranges",
    "from_state",
    "is_dense",
    "keep_largest",
    "light_pass",
    "resampled",
    "restore",
    "select_model",
    "select_models",
    "snapshot",
    "stack_models",
    "to_state",
    "widened",
]
