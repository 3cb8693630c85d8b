"""Networks in plain torch: no module here imports scikit-learn."""

from ._anchored import Anchor, AnchoredAutoencoder
from ._cells import CELLS
from ._dictionary import Dictionary, DictionaryAutoencoder, keep_largest
from ._layers import ACTIVATIONS
from ._output import Output
from ._resampled import ResampledAutoencoder, resampled, widened
from ._state import from_state, restore, select_model, snapshot, to_state
from ._token import TokenAutoencoder, TokenStart

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "Anchor",
    "AnchoredAutoencoder",
    "Dictionary",
    "DictionaryAutoencoder",
    "Output",
    "ResampledAutoencoder",
    "TokenAutoencoder",
    "TokenStart",
    "from_state",
    "keep_largest",
    "resampled",
    "restore",
    "select_model",
    "snapshot",
    "to_state",
    "widened",
]
