"""How it runs and how people reach it."""

import os

# So often, in seconds, a run says that it lives, whoever started it; Prefect takes no less. Three that do not come mean
# that its process is gone (deployments.automations). Prefect reads this when it is imported.
HEARTBEAT = 30
HEARTBEAT_VARIABLE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
os.environ.setdefault(HEARTBEAT_VARIABLE, f"{HEARTBEAT}")
