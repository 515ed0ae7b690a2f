from tests.reconciling.drifts import *


def compare(seeded, rows):
    left = rows[~rows["state"].isin(["repaired","gone"])].copy()
    used=set()
    for one in seeded:
        at, d = one.at, one.drift
        here = left[[at.is_here(r.order_kind, r.order_id, r.document_id) for r in left.itertuples()]]
        kinds = list(here["kind"])
        used |= set(here.index)
        extra = [k for k in kinds if k != d.kind and k not in d.also]
        if kinds.count(d.kind) != 1 or extra:
            print("MISMATCH", d.name, "| wanted", d.kind, "| got", kinds, at)
            if extra: print(here[["kind","ours","theirs","cause"]].to_string())
    rest = left[~left.index.isin(used)]
    print("ALARMS", rest[["kind","order","number","state","ours","theirs","cause"]].to_string())
def test_try(sandbox, connect, no_waiting):
    import pandas as pd

    from tests.reconciling.driver import night
    pd.set_option("display.width", 250, "display.max_columns", 30, "display.max_rows", 500, "display.max_colwidth", 60)
    connection = nightly(connect)
    staged = stage(sandbox, connection, 2)
    clean = night(connection, run_id="n0")
    seeded = seed(staged)
    found = night(connection, run_id="n1")
    compare(seeded, found.rows)
    print(found.orders, found.documents, found.pairs, found.matched)
