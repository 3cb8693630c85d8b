import numpy as np

from sklearn_ae.training import Run, content_ranks, make_plan
from sklearn_ae.training._runs import Judged


def test_rows_judge_their_run_in_the_order_of_its_models(
    table, make_rows, make_network, make_settings, loss
):
    weight, group = np.linspace(1, 2, len(table)), content_ranks(table, 0)
    settings, source = make_settings(), make_rows(table)
    runs = []
    for fraction, cross_fit in ((0.25, True), (0.5, True)):
        plan = make_plan(
            group,
            weight,
            hold_out=True,
            validation_fraction=fraction,
            cross_fit=cross_fit,
        )
        network = make_network((0,) * plan.n_models)
        runs.append(Run(network, source, plan, weight, loss, settings))
    judged = Judged.of(runs)
    rows = [run.plan.held_out_rows for run in runs]
    assert judged.weight.tolist() == weight[np.concatenate(rows)].tolist()
    assert judged.group.tolist() == group[np.concatenate(rows)].tolist()
    assert judged.team_of_rows.tolist() == [0] * len(rows[0]) + [1] * len(rows[1])
    sizes = [run.plan.n_models for run in runs]
    assert judged.team.tolist() == [0] * sizes[0] + [1] * sizes[1]
    assert sizes[0] != sizes[1]
