"""Networks in plain torch: no module here imports scikit-learn."""

from ._anchored import Anchor, AnchoredAutoencoder
from ._dictionary import Dictionary, DictionaryAutoencoder, keep_largest
from ._layers import ACTIVATIONS
from ._output import Output
from ._state import from_state, restore, select_model, snapshot, to_state

__all__ = [
    "ACTIVATIONS",
    "Anchor",
    "AnchoredAutoencoder",
    "Dictionary",
    "DictionaryAutoencoder",
    "Output",
    "from_state",
    "keep_largest",
    "restore",
    "select_model",
    "snapshot",
    "to_state",
]
