import _adbench_cases
import _report
import adbench
import numpy as np
import pytest

METHODS = ["IsolationForest", "kNN-5"]


@pytest.fixture
def data(tmp_path):
    """A directory with two tables of a few odd rows."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("b", "a"):
        X = rng.normal(size=(30, 2))
        X[:3] += 9
        np.savez(folder / f"{name}.npz", X=X, y=np.arange(30) < 3)
    return folder


@pytest.fixture
def run(data, tmp_path, monkeypatch, capsys):
    """Return a function that runs the script, and returns its status and its output."""
    records = tmp_path / "records.jsonl"
    monkeypatch.setattr(_report, "RESULTS", tmp_path / "results")

    def run(*arguments, methods=METHODS):
        command = ["adbench.py", "--data", data, "--records", records, "--jobs", 1]
        command += ["--seeds", 2, *arguments]
        command += ["--methods", *methods]
        monkeypatch.setattr("sys.argv", [str(word) for word in command])
        with pytest.raises(SystemExit) as ended:
            adbench.main()
        return ended.value.code, capsys.readouterr().out

    run.records = records
    return run


def test_every_table_setting_seed_and_method_is_a_record(run):
    status, output = run()
    assert status == 0
    assert len(run.records.read_text().splitlines()) == 2 * 2 * 2 * len(METHODS)
    assert "b clean: IsolationForest 1.000, kNN-5 1.000" in output
    assert "## data, contaminated" in output
    assert "| a         | confirming | 1.000           | 1.000 |" in output
    assert "earlier" not in output


def test_an_interrupted_run_goes_on(run):
    output = run()[1]
    lines = run.records.read_text().splitlines(keepends=True)
    run.records.write_text("".join(lines[:5]))
    status, resumed = run()
    assert status == 0
    assert sorted(map(_answer, run.records.read_text().splitlines())) == sorted(
        map(_answer, lines)
    )
    assert "5 of the 16 results, seconds included, were read from records" in resumed
    assert resumed.count("AUROC by table") == output.count("AUROC by table") == 2


def _answer(line):
    return line.partition('"seconds"')[0]


def test_records_answer_all(run, monkeypatch):
    run()
    monkeypatch.setattr(adbench, "run_case", None)
    assert run()[0] == 0


def test_a_method_that_fails_is_a_missing_figure(run, monkeypatch):
    def fail(seed):
        raise ValueError("no | luck")

    monkeypatch.setitem(_adbench_cases.MAKERS, "kNN-5", fail)
    status, output = run()
    assert status == 0
    assert "## Missing figures" in output
    assert "ValueError: no \\| luck" in output
    assert "| kNN-5  | a     | clean        | 0 1   |" in output


def test_scores_that_are_not_finite_are_a_missing_figure(run, monkeypatch):
    def make(seed):
        return lambda train, test: np.full(30, np.nan)

    monkeypatch.setitem(_adbench_cases.MAKERS, "kNN-5", make)
    output = run("--settings", "contaminated")[1]
    assert "| kNN-5  | a     | contaminated | 0 1   | ValueError: Input" in output


def test_ours_alone_is_raw_and_is_judged(run):
    status, output = run("--seeds", 1, methods=["ours", *METHODS])
    assert "## Without scaling" in output
    assert "data, raw-clean: mean AUROC, distance from the scaled" in output
    assert status == (1 if "MISSED" in output else 0)
    raw = [line for line in run.records.read_text().splitlines() if "raw-" in line]
    assert len(raw) == 4
    assert all('"method": "ours"' in line for line in raw)


def test_a_trial_is_saved_only_if_asked(run, tmp_path):
    run("--tables", "a")
    assert not (tmp_path / "results").exists()
    run("--tables", "a", "--save")
    text = (tmp_path / "results" / "adbench.md").read_text()
    assert text.startswith("# Outliers")
    assert str(tmp_path) not in text


def test_tables_that_are_not_there_are_refused(run):
    assert run("--tables", "c")[0] == 2


def test_no_tables_are_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["adbench.py", "--data", str(tmp_path)])
    adbench.main()
    assert "holds no tables with labels" in capsys.readouterr().out
