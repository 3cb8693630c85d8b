"""The benchmark of outlier detection in Markdown."""

from collections import defaultdict

import numpy as np
from _adbench_methods import OURS
from _adbench_spread import FACTORS, PARAMETERS
from _adbench_summary import FAR_BELOW, FLOOR, MEASURES, TIMED
from _adbench_tables import HALVES, RAW
from _report import markdown_table

EXPLANATION = (
    "AUROC and average precision (AP) are means over the seeds; each table of figures "
    "ends in the means over its tables, and in mean ranks, of which 1 is best. "
    "kNN-sqrt is the distance to the √n-th neighbour. Every method has its defaults."
)


def sections(groups):
    """Return the sections of the report, from results by collection and setting."""
    texts = [EXPLANATION]
    for (collection, setting), results in groups.items():
        if setting.startswith(RAW):
            continue
        texts += [f"## {collection}, {setting}", summary(results)]
        for measure, name in MEASURES.items():
            texts += [f"### {name} by table", by_table(results, measure)]
    failed = [record for results in groups.values() for record in results.failures()]
    return [*texts, *raw_sections(groups), *failures(failed)]


def summary(results):
    """Return a line of each method: means of halves and all, ranks, spread, seconds."""
    columns = {"method": results.methods}
    for measure, name in MEASURES.items():
        for half in (None, *HALVES):
            means = results.means(measure, half)
            columns[f"{name}, {half or 'all'}"] = _decimals(means.values())
    for measure, name in MEASURES.items():
        columns[f"rank {name}"] = _decimals(results.mean_ranks(measure).values(), 2)
    for measure, name in MEASURES.items():
        columns[f"spread {name}"] = _decimals(results.spreads(measure).values(), 4)
    for measure, name in MEASURES.items():
        columns[f"far below, {name}"] = _far_below(results, measure)
    columns["s"] = _decimals(results.seconds().values(), 1)
    ratios = [results.time_ratio(method) for method in results.methods]
    columns[f"s / {TIMED}"] = _decimals(ratios, 2)
    known = f"Far below: tables more than {FAR_BELOW} below {' and '.join(FLOOR)} both."
    text = (
        f"{len(results.tables)} tables, {len(results.seeds)} seeds. The choosing half "
        "are the tables in even places of the sorted list, the confirming half the "
        "others. Spread is the standard deviation over the seeds of the mean over the "
        f"tables. {known} Seconds of fits and scores, in total, and as a multiple."
    )
    return f"{text}\n\n{_of_columns(columns)}"


def _far_below(results, measure):
    tables = [results.far_below(method, measure) for method in results.methods]
    return ["" if names is None else len(names) for names in tables]


def by_table(results, measure):
    """Return all methods' figures on each table, their means and their mean ranks."""
    figures = results.by_table(measure).T
    rows = [
        (table.name, table.half, *_decimals(line))
        for table, line in zip(results.tables, figures, strict=True)
    ]
    rows.append(("mean", "", *_decimals(results.means(measure).values())))
    rows.append(("mean rank", "", *_decimals(results.mean_ranks(measure).values(), 2)))
    return markdown_table(("table", "half", *results.methods), rows)


def raw_sections(groups):
    """Return the means without scaling beside those with it, if there are any."""
    rows = []
    for (collection, setting), raw in groups.items():
        scaled = groups.get((collection, setting.removeprefix(RAW)))
        if not setting.startswith(RAW) or scaled is None:
            continue
        for method in raw.methods:
            if method in scaled.methods:
                place = collection, setting.removeprefix(RAW), method
                rows.append((*place, *_moves(scaled, method, raw, method)))
    if not rows:
        return []
    header = ("collection", "setting", "method", *_move_header("scaled", "raw"))
    text = "Means over all tables, with columns left as they are."
    return ["## Without scaling", text, markdown_table(header, rows)]


def _move_header(before, after):
    names = MEASURES.values()
    return [f"{name}, {what}" for name in names for what in (before, after, "move")]


def _moves(before, method, after, other):
    cells = []
    for measure in MEASURES:
        pair = before.means(measure)[method], after.means(measure)[other]
        cells += [*_decimals(pair), f"{pair[1] - pair[0]:+.4f}"]
    return cells


def failures(records):
    """Return a section on the figures that are missing, if any are."""
    seeds = defaultdict(list)
    for record in records:
        seeds[record._replace(seed=None, seconds=0, auroc=0, ap=0)].append(record.seed)
    if not seeds:
        return []
    rows = [
        (
            one.method,
            one.table,
            one.setting,
            " ".join(map(str, sorted(members))),
            one.reason.replace("|", "\\|"),
        )
        for one, members in seeds.items()
    ]
    header = ("method", "table", "setting", "seeds", "reason")
    text = (
        "A rival's mean is over the tables of which there is a figure; its rank is the "
        "last on the others."
    )
    return ["## Missing figures", text, markdown_table(header, rows)]


# -- ours with parameters moved


def spread_sections(groups):
    """Return how far each parameter moves the means, by collection and setting."""
    text = (
        "Ours with one parameter at a time halved and doubled; of the share of the "
        'variance that components keep, the rest. "auto" is what it comes to on the '
        "rows of the fit. Means over all tables and seeds, and how far they move."
    )
    texts = [text]
    for (collection, setting), results in groups.items():
        rows = [
            (
                parameter,
                how,
                *_moves(results, OURS, results, f"{OURS}, {parameter} {how}"),
            )
            for parameter in PARAMETERS
            for how in FACTORS
        ]
        header = ("parameter", "", *_move_header("default", "moved"))
        texts += [f"## {collection}, {setting}", markdown_table(header, rows)]
    failed = [record for results in groups.values() for record in results.failures()]
    return [*texts, *failures(failed)]


# -- cells


def _of_columns(columns):
    return markdown_table(columns, list(zip(*columns.values(), strict=True)))


def _decimals(values, digits=3):
    return ["" if np.isnan(value) else f"{value:.{digits}f}" for value in values]
