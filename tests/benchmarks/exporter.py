"""One export run in this process: "ready" before the flow begins, a line of JSON about it afterwards."""

import json
import resource
import sys
import time

from flows.order_export import order_export


def main() -> None:
    parameters = json.loads(sys.argv[1])
    print("ready", flush=True)
    begun, worked = time.perf_counter(), time.process_time()
    state = order_export(return_state=True, **parameters)
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    outcome = state.result()
    report = {
        "state": state.name,
        "seconds": seconds,
        "processor": processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "calls": outcome.calls,
        "written": outcome.written,
        "failed": outcome.new_problems,
        "problems": outcome.problems[:5],
        "warnings": outcome.warnings[:5],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
