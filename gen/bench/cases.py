"""What sections on cases that are predicted and simulated have in common."""

import tempfile

__all__ = ["case_section", "run_cases"]


def run_cases(update, cases, run_case, title):
    """Rows of all cases.

    Parameters
    ----------
    update : callable
        See :func:`gen.bench.run.run_sections`.
    cases : sequence
    run_case : callable
        Gives the row of a case, and takes the path of a folder for its files.
    title : callable
        Gives a case's title for `update`.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            update(title(case))
            rows.append(run_case(case, folder))
    return rows


def case_section(rows, table, figure):
    """Section of the benchmark.

    Parameters
    ----------
    rows : list of dict
        With ``preset``, ``stall``, ``cycles``, ``deviation`` (of the prediction, None with stalls), ``bit_exact``,
        ``kcycles_per_second``.
    table : str
        Name of their table.
    figure : callable
        Name and value of the figure of a row; only of rows without stalls.

    Returns
    -------
    dict
    """
    usual = [row for row in rows if not row["stall"]]
    figures = dict(figure(row) for row in usual)
    figures["cycles: deviation of the prediction from simulation, at most"] = max(
        abs(row["deviation"]) for row in usual)
    for preset in dict.fromkeys(row["preset"] for row in usual):
        figures[f"thousand cycles a second, longest run ({preset})"] = max(
            (row for row in usual if row["preset"] == preset), key=lambda row: row["cycles"])["kcycles_per_second"]
    figures["runs that are bit-exact"] = f"{sum(row['bit_exact'] for row in rows)} of {len(rows)}"
    return {"tables": {table: rows}, "figures": figures}
