"""Codes that form clusters: the loss that asks for it, and what each row aims at."""

import torch
from skorch.callbacks import Callback
from torch import nn

from ._net import StopTraining
from ._rows import blocks_of


class ClusterLoss(nn.Module):
    r"""A loss, and how far codes are from the clusters that their rows aim at.

    .. math::
        L + \frac{\gamma}{n} \sum_i w_i \sum_j p_{ij} \log \frac{p_{ij}}{q_{ij}},
        \qquad
        q_{ij} = \frac{(1 + \lVert z_i - \mu_j \rVert^2 / s^2)^{-1}}
                      {\sum_l (1 + \lVert z_i - \mu_l \rVert^2 / s^2)^{-1}}

    with raw codes :math:`z`, the centres :math:`\mu`, which are trained too, a length
    :math:`s` and targets :math:`p`, which :class:`ClusterTargets` sets.

    Parameters
    ----------
    loss : torch module
        Of the network alone.
    n_clusters, n_components : int
    share : float
        The weight :math:`\gamma`.
    """

    def __init__(self, loss, n_clusters, n_components, share):
        super().__init__()
        self.loss = loss
        self.share = share
        self.centers = nn.Parameter(torch.zeros(n_clusters, n_components))
        self.register_buffer("length", torch.ones(()))
        self.register_buffer("targets", torch.zeros(0, n_clusters))

    @property
    def is_relative(self):
        """Whether losses are shares of the error of the mean row."""
        return self.loss.is_relative

    def describe(self, loss):
        """Say what a loss means, for messages."""
        return self.loss.describe(loss)

    def log_assignments(self, codes):
        """Return the logarithm of each code's share in each cluster."""
        squares = squared_distances(codes, self.centers) / self.length.square()
        return torch.log_softmax(-squares.log1p(), dim=-1)

    def forward(self, output, batch):
        """Return the loss of a batch of a stack of one model."""
        target = self.targets[batch.index]
        # Of targets of zero the logarithm is none, and counts nothing.
        divergence = torch.special.xlogy(target, target)
        divergence = divergence - target * self.log_assignments(output.code[0])
        divergence = divergence.sum(dim=-1)
        if batch.row_weight is not None:
            divergence = divergence * batch.row_weight[0]
        return self.loss(output, batch) + self.share * divergence.mean()


class ClusterTargets(Callback):
    r"""Set what each row aims at: what it and its neighbours are, more decidedly.

    .. math::
        p_{ij} \propto \bar q_{ij}^2 / \sum_l w_l \bar q_{lj}

    with the mean :math:`\bar q_i` of :math:`q` over row :math:`i` and its neighbours.
    Training begins with labels in the place of :math:`q`, and ends once few rows change
    theirs, or a cluster has none left.

    Parameters
    ----------
    source : RowSource
    weight : ndarray of shape (n,)
    labels : ndarray of shape (n,)
    neighbors : ndarray of shape (n, n_neighbors)
        Positions of rows.
    interval : int
        Epochs between two settings of the targets.
    tol : float
        Share of the rows.
    """

    def __init__(self, source, weight, labels, neighbors, *, interval, tol):
        self.source = source
        self.weight = torch.from_numpy(weight / weight.sum())
        self.labels = torch.from_numpy(labels).long()
        self.neighbors = torch.from_numpy(neighbors)
        self.interval = interval
        self.tol = tol
        self.changes = []
        self.has_collapsed = False

    def on_train_begin(self, net, **kwargs):
        """Put the centres to the means of the labels' codes."""
        loss, codes = net.criterion_, self._codes(net)
        self.to(codes)
        start = nn.functional.one_hot(self.labels, len(loss.centers)).to(codes)
        mass = (start * self.weight.unsqueeze(1)).sum(dim=0)
        centers = (start * self.weight.unsqueeze(1)).T @ codes / mass.unsqueeze(1)
        spread = (codes - centers[self.labels]).square().sum(dim=1) @ self.weight
        with torch.no_grad():
            loss.centers.copy_(centers)
            loss.length.copy_(spread.sqrt() or 1.0)
        self._aim(loss, start)

    def on_epoch_end(self, net, **kwargs):
        """Set the targets anew, if it is time, and see whether training is over."""
        if len(net.history) % self.interval:
            return
        loss = net.criterion_
        with torch.no_grad():
            shares = loss.log_assignments(self._codes(net)).exp()
        labels = shares.argmax(dim=1)
        changed = float(self.weight[labels != self.labels].sum())
        self.changes.append(changed)
        self.labels = labels
        if len(labels.unique()) < len(loss.centers):
            self.has_collapsed = True
            raise StopTraining
        if changed < self.tol:
            raise StopTraining
        self._aim(loss, shares)

    def to(self, codes):
        """Hold rows' labels, weights and neighbours where the codes are."""
        self.weight = self.weight.to(codes)
        self.labels = self.labels.to(codes.device)
        self.neighbors = self.neighbors.to(codes.device)

    def _aim(self, loss, shares):
        total = shares.clone()
        for column in self.neighbors.T:
            total += shares[column]
        loss.targets = decided(total, self.weight)

    @torch.no_grad()
    def _codes(self, net):
        """Return the raw codes of all rows."""
        device = torch.device(net.device)
        index = torch.arange(self.source.n_rows, device=device)
        blocks = blocks_of(self.source.n_rows, self.source.n_features)
        encode = net.module_.encode_raw
        return torch.cat([encode(self.source.take(index[b]))[0] for b in blocks])


def squared_distances(codes, centers):
    """Return squared distances of codes, (n, k), to centres, (m, k)."""
    squares = codes.square().sum(dim=1, keepdim=True) + centers.square().sum(dim=1)
    return torch.addmm(squares, codes, centers.T, alpha=-2).clamp(min=0)


def decided(shares, weight):
    """Return shares of clusters squared, over each cluster's mass, of sum 1."""
    mass = weight @ shares
    target = shares.square() / mass
    return target / target.sum(dim=1, keepdim=True)
