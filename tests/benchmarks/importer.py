"""One import run in this process; a line of JSON about it afterwards."""

import json
import resource
import time

from flows.invoice_import import invoice_import


def main() -> None:
    begun, worked = time.perf_counter(), time.process_time()
    state = invoice_import(return_state=True)
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    outcome = state.result()
    report = {
        "state": state.name,
        "seconds": seconds,
        "processor": processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "calls": outcome.calls,
        "calls_by_endpoint": outcome.calls_by_endpoint,
        "documents": sum(outcome.standing.values()),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
