"""What pyxero needs to read the same pages of invoices, keeping nothing. Prints its seconds and how many came."""

import json
import os
import sys
import time

from xero import Xero
from xero.auth import OAuth2Credentials

from tests.benchmarks.books import TENANT, token


def main() -> None:
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
    xero_url = sys.argv[1]
    signed_in = token(xero_url) | {"expires_at": time.time() + 1800}
    credentials = OAuth2Credentials("sandbox-client", "sandbox-secret", token=signed_in, tenant_id=TENANT)
    credentials.base_url = xero_url
    xero = Xero(credentials, unit_price_4dps=True)
    begun, number, rows, full = time.perf_counter(), 0, 0, True
    while full:
        number += 1
        page = xero.invoices.filter(page=number, pageSize=1000)
        rows, full = rows + len(page), len(page) == 1000
    print(json.dumps({"seconds": time.perf_counter() - begun, "rows": rows}))


if __name__ == "__main__":
    main()
