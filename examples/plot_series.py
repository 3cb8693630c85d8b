"""
Outliers in a long series
=========================

One score for every step, from the scores of windows that hold it.
"""

# %%
# A year of a sensor that is read every hour, with a daily and a weekly rhythm, and a
# second one that follows it. In June the second one hangs for two days, too high; in
# September the rhythm of both is lost for three.
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
times = pd.date_range("2025-01-01", periods=365 * 24, freq="h")
hours = np.arange(len(times))
rhythm = np.sin(2 * np.pi * hours / 24) + 0.5 * np.sin(2 * np.pi * hours / 168)
X = pd.DataFrame(
    {"load": 20 + 5 * rhythm, "temperature": 50 + 2 * np.roll(rhythm, 2)}, index=times
)
X += rng.normal(size=X.shape) * [1.0, 0.5]
X.loc["2025-06-10":"2025-06-11", "temperature"] = 54
lost = X.loc["2025-09-01":"2025-09-03"].index
X.loc[lost] = X.loc[lost].sample(frac=1, random_state=0).to_numpy()
is_odd = X.index.isin(X.loc["2025-06-10":"2025-06-11"].index) | X.index.isin(lost)

# %%
# For two weeks in March nothing was recorded. No window reaches over the gap, and
# nothing is filled in.
X.loc["2025-03-10":"2025-03-23"] = np.nan

# %%
# The windows hold whole periods: the week comes out by itself.
from sklearn_ae import SeriesDetector

detector = SeriesDetector(contamination=0.02, random_state=0).fit(X)
print(f"period {detector.period_} hours, windows of {detector.window_} hours")

# %%
# What is known to be odd is marked along the upper edge, what is flagged is shaded.
from sklearn_ae.plotting import SeriesScoreDisplay

display = SeriesScoreDisplay.from_estimator(detector, X, is_odd)

# %%
# Which channel it is, hour by hour:
shares = pd.DataFrame(detector.explain(X), index=X.index, columns=X.columns)
print(shares.loc["2025-06-10":"2025-06-11"].mean().round(2))
print(shares.loc["2025-04"].mean().round(2))

# %%
# Any detector of rows can take the place of the default one.
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor

for name, estimator in {
    "default": None,
    "IsolationForest": IsolationForest(random_state=0),
    "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
}.items():
    scores = SeriesDetector(estimator, random_state=0).fit(X).score_samples(X)
    there = ~np.isnan(scores)
    precision = average_precision_score(is_odd[there], -scores[there])
    print(f"{name:20} average precision {precision:.2f}")
