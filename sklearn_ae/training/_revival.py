"""Units that no row uses start anew, from what the others explain least."""

import torch
from skorch.callbacks import Callback

# Steps between looks, at least, and share of the epochs in which units are revived:
# a unit needs time to learn.
STEPS_BETWEEN, LAST_SHARE = 30, 0.6

# Rows in which new directions are looked for, at most, and the memory they may take.
POOL_ROWS, POOL_BYTES = 4096, 2**27


class ReviveUnits(Callback):
    """Point idle units of a dictionary at the rows with the largest residuals."""

    def on_train_begin(self, net, **kwargs):
        """Begin to count."""
        self.looked_at = net.step_

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        """Look for idle units, now and then."""
        late = len(net.history) > LAST_SHARE * net.max_epochs
        if late or net.step_ - self.looked_at < STEPS_BETWEEN:
            return
        self.looked_at = net.step_
        idle = net.module_.idle[:, 0]
        if bool(idle.any()):
            self._revive(net, idle, dataset_train)

    @torch.no_grad()
    def _revive(self, net, idle, batches):
        most = max(2, min(POOL_ROWS, POOL_BYTES // (8 * net.module_.n_features)))
        index, weight = batches.distinct(most)
        rows = batches.source.take(index)
        residual = rows - net.module_(rows).reconstruction
        size = (residual * net.module_.scale).square().sum(dim=-1) * (weight > 0)
        for model in torch.nonzero(idle.any(dim=1)).flatten().tolist():
            units = torch.nonzero(idle[model]).flatten()
            order = torch.argsort(size[model], descending=True, stable=True)
            # Rows held out from a model must not be among its atoms.
            order = order[size[model][order] > 0]
            units = units[: len(order)]
            net.module_.revive(model, units, residual[model, order[: len(units)]])
            self._forget(net, model, units)

    def _forget(self, net, model, units):
        """Clear the optimiser's memory of the units."""
        network = net.module_
        for parameter, where in (
            (network.atoms, (model, units)),
            (network.encoder.weight, (model, slice(None), units)),
            (network.encoder.bias, (model, 0, units)),
        ):
            for moment in ("exp_avg", "exp_avg_sq"):
                net.optimizer_.state[parameter][moment][where] = 0
