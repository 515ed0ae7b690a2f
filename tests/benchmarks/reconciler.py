"""One reconciliation run in this process; a line of JSON about it afterwards."""

import json
import time

from flows.reconciliation import reconciliation


def main() -> None:
    begun = time.perf_counter()
    state = reconciliation(return_state=True)
    night = state.result(raise_on_failure=False)
    report = {
        "state": state.name,
        "seconds": time.perf_counter() - begun,
        "calls": night.calls,
        "forecast": night.forecast,
        "documents": night.documents,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
