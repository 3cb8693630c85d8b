"""What became of a fit: a report of facts, and what to do where something is wrong."""

from sklearn.utils.validation import check_is_fitted

from ._facts import (
    epoch_facts,
    held_out_facts,
    overfitting_facts,
    row_facts,
    score_facts,
)
from ._findings import ABOUT_SCORES, findings_of, findings_of_members


class Diagnosis(dict):
    """Facts about a fit by name, which print as a short report.

    Attributes
    ----------
    problems : list of str
        What is wrong, and what to do; empty where nothing is.
    """

    @property
    def problems(self):
        """Lines of the report on what is wrong."""
        return [text for is_fine, text in self["findings"] if not is_fine]

    def __repr__(self):
        lines = [
            f"  {'ok' if is_fine else '!!'}  {text}"
            for is_fine, text in self["findings"]
        ]
        return "\n".join([f"Diagnosis of {self['estimator']}", *lines])

    __str__ = __repr__


class DiagnosisMixin:
    """The report of a fitted estimator on itself."""

    def diagnose(self):
        """Return what became of the fit, and what to do where something is wrong.

        Nothing is fitted anew: it reads the fitted attributes, and a sample of at most
        1024 training rows that the estimator keeps.

        Returns
        -------
        diagnosis : dict
            It prints as a report, one line for each finding, with ``ok`` where nothing
            needs to be done. Facts that an estimator has not are None. By name:
            ``estimator``, its class; ``start``, what training started from;
            ``improved``, whether held-out rows prefer the model; ``start_error`` and
            ``held_out_error``, the losses on held-out rows of both, in
            ``error_unit``, and ``gain``, the share of the start's that is gone;
            ``n_epochs``, ``best_epoch``, ``max_epochs`` and ``is_cut_short``;
            ``training_error``, the model's loss on training rows, and ``overfitting``,
            how many times larger that of held-out rows is (of likelihoods, the factor
            of a normal variance that comes to the difference), with the verdict
            ``is_overfitted``; ``n_hidden_units`` and ``n_dead_units``, those that
            never vary; ``n_components`` and ``n_idle_components``, those that never
            vary; ``n_dead_atoms`` and ``mean_active`` of sparse codes; ``kl``, the
            divergence of each component in nats, and ``n_active``, the number whose
            mean has a variance above 0.01 over the rows, as [1]_ counts them, of
            variational ones; ``n_scores``, ``n_distinct_scores`` and ``share_tied`` of
            the ``training_scores_``; ``share_trimmed``, which is ``trimmed_share_``;
            ``n_calibration``, the number of held-out scores; ``offset`` and
            ``share_flagged``, the share of training scores below it; and ``findings``,
            the lines of the report.

        References
        ----------
        .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
           autoencoders. International Conference on Learning Representations.
        """
        check_is_fitted(self)
        facts = Diagnosis(
            estimator=type(self).__name__,
            **held_out_facts(self),
            **epoch_facts(self),
            **row_facts(self),
            **score_facts(self),
        )
        facts.update(overfitting_facts(facts, self._reference.rows.shape[1]))
        facts["findings"] = findings_of(facts)
        return facts


class EnsembleDiagnosisMixin:
    """The report of a fitted ensemble on itself."""

    def diagnose(self):
        """Return what became of the members, and what to do where something is wrong.

        Returns
        -------
        diagnosis : dict
            It prints as a report, as those of the members, which it has as
            ``members``; and of the mean scores what they have of their own:
            ``n_scores``, ``n_distinct_scores``, ``share_tied``, ``share_trimmed``,
            ``n_calibration``, ``offset`` and ``share_flagged``. What is wrong with
            some members is said once, with how many they are.
        """
        check_is_fitted(self)
        facts = Diagnosis(
            estimator=type(self).__name__,
            members=[member.diagnose() for member in self.estimators_],
            **score_facts(self),
        )
        of_members = findings_of_members(facts["members"])
        facts["findings"] = of_members + findings_of(facts, ABOUT_SCORES)
        return facts
