import numpy as np
from _adbench_records import Record, append, read

DONE = Record("adbench", "1_a", "clean", 0, "PCA", 100, auroc=0.5, ap=0.25, seconds=2.0)
FAILED = Record("adbench", "1_a", "clean", 1, "PCA", 100, reason="ValueError: √n")


def test_records_come_back(tmp_path):
    for record in (DONE, FAILED):
        append(tmp_path / "r.jsonl", record)
    records = read([tmp_path / "r.jsonl"])
    assert records[DONE.key] == DONE
    assert records[FAILED.key].reason == "ValueError: √n"
    assert np.isnan(records[FAILED.key].auroc)


def test_a_file_that_is_not_there_holds_none(tmp_path):
    assert read([tmp_path / "none.jsonl"]) == {}


def test_the_last_answer_counts(tmp_path):
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    append(paths[0], DONE)
    append(paths[1], DONE._replace(auroc=0.75))
    assert read(paths)[DONE.key].auroc == 0.75


def test_half_a_line_is_no_answer(tmp_path):
    path = tmp_path / "r.jsonl"
    append(path, DONE)
    append(path, FAILED)
    path.write_text(path.read_text()[:-30])
    assert list(read([path])) == [DONE.key]


def test_other_numbers_of_rows_are_other_questions():
    assert DONE._replace(max_rows=50).key != DONE.key
    assert DONE._replace(auroc=0.9, seconds=1.0).key == DONE.key
