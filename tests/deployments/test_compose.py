"""What containers run cannot be started without Docker; what can be read of it is held against what it names."""

import inspect
import json
import os
import re
import subprocess
import tomllib
from datetime import timedelta
from fnmatch import fnmatch
from typing import Any

import jsonschema
import pytest
from prefect.server.utilities import encryption
from prefect.settings import Settings
from prefect.settings.legacy import _get_settings_fields
from prefect_redis.client import RedisMessagingSettings
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError

from deployments.automations import SILENCE
from tests.deployments.composed import COMPOSE, FOLDER, ROOT, environment, filled, wanted_values
from tests.postgres import NoPostgres, own_server

SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "api", "services", "setup", "worker", "receiver", "following"]
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
TEMPLATE: dict[str, Any] = json.loads((FOLDER / "kubernetes-work-pool.json").read_text())
VALUES = dict.fromkeys(wanted_values(), "x")

# Of the Compose specification, what our file may say.
SERVICE = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "env_file",
    "environment",
    "healthcheck",
    "image",
    "init",
}
SERVICE |= {"ports", "restart", "security_opt", "user", "volumes"}
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}


def test_the_file_knows_only_keys_of_the_specification() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}
    for service in SERVICES.values():
        assert not set(service) - SERVICE
        assert not set(service.get("healthcheck", {})) - HEALTH


def test_services_wait_for_services_that_are_there() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert healthy == ("healthcheck" in SERVICES[name]), name
            assert healthy or SERVICES[name]["restart"] == "on-failure", name


def test_volumes_and_files_are_there_or_made_by_whoever_installs_it() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                path = FOLDER / source
                assert path.exists() or f"deployments/{path.name}" in ignored, source
            else:
                assert source in COMPOSE["volumes"]


def test_nothing_has_a_password_by_default_and_every_secret_is_asked_for() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    variables = re.findall(r"\$\{(\w+)(:?[?-]?)", text)
    assert {name for name, mode in variables if mode == ":?"} == wanted_values()
    assert {name for name, mode in variables if mode != ":?"} == {
        "UI_URL",
        "UI_PORT",
        "POSTGRES_PORT",
        "RECEIVER_PORT",
    }
    sealed = re.compile("PASSWORD|AUTH|_KEY$|^LEDGER_URL$|MESSAGING_URL$|DOCKET_URL$|CONNECTION_URL$")
    for name, service in SERVICES.items():
        for variable, text in service.get("environment", {}).items():
            assert not sealed.search(variable) or ":?" in text, (name, variable)


def test_only_this_machine_reaches_it() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(filled(port, {}).startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_one_that_prefect_knows(service: str) -> None:
    fields = _get_settings_fields(Settings).values()
    known = {field.name for field in fields} | {"PREFECT_REDIS_MESSAGING_URL"}
    if "PREFECT_SERVER_ENCRYPTION_KEY" in inspect.getsource(encryption):
        known.add("PREFECT_SERVER_ENCRYPTION_KEY")
    given = {name for name in environment(service, VALUES) if name.startswith("PREFECT_")}
    assert given
    assert not given - known


def test_settings_say_what_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("worker", "api"):
        for name, value in environment(service, VALUES).items():
            monkeypatch.setenv(name, value)
    settings = Settings()
    server = settings.server
    assert server.services.db_vacuum.enabled_vacuum_types >= {"events", "flow_runs"}
    assert server.services.db_vacuum.retention_period == timedelta(days=90)
    assert server.events.retention_period == timedelta(days=14)
    assert server.events.messaging_broker == server.events.messaging_cache == "prefect_redis.messaging"
    assert server.events.causal_ordering == "prefect_redis.ordering"
    assert server.concurrency.lease_storage == "prefect_redis.lease_storage"
    assert server.api.auth_string == settings.api.auth_string
    assert not server.analytics_enabled
    assert not server.database.migrate_on_start
    assert settings.flows.heartbeat_frequency == SILENCE / 3
    assert server.ui.api_url == "http://127.0.0.1:4200/api"
    assert RedisMessagingSettings().url == "redis://default:x@redis:6379/0"


def test_one_image_of_this_version_for_all() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    image = f"monstock-xero:{version}"
    assert {SERVICES[name]["image"] for name in OURS} == {image}
    assert TEMPLATE["variables"]["properties"]["image"]["default"] == image
    assert f"-t {image} ." in DOCKERFILE
    build = SERVICES["worker"]["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert (FOLDER / build["context"] / build["dockerfile"]).read_text() == DOCKERFILE


def test_the_image_is_made_of_what_is_there_and_of_no_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in words.split()[:-1]
    }
    assert lines[0] == "*"
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
    kept_out = [line for line in lines[1:] if not line.startswith("!")]
    for secret in ("deployments/.env", "deployments/connections.env", "deployments/connections.toml"):
        assert any(fnmatch(secret, pattern) for pattern in kept_out)


def test_the_image_runs_as_somebody_who_is_not_root() -> None:
    user = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert f"--uid {user} " in DOCKERFILE
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    pod = TEMPLATE["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["name"] == "prefect-job"  # Prefect's Kubernetes worker takes no other


def test_the_image_can_copy_the_ledger_of_this_postgres() -> None:
    version = SERVICES["postgres"]["image"].removeprefix("postgres:")
    assert f" postgresql-client-{version} " in DOCKERFILE


def test_a_pod_has_what_a_worker_of_compose_has() -> None:
    worker = environment("worker", VALUES)
    given = TEMPLATE["variables"]["properties"]["env"]["default"]
    secret = {"MONSTOCK_XERO_KEY", "LEDGER_URL"}
    injected = {"PREFECT_API_URL", "PREFECT_API_AUTH_STRING"}
    assert set(worker) - set(given) == secret | injected
    assert {name: worker[name] for name in worker if name in given}.items() <= given.items()


def test_the_template_uses_the_variables_that_it_has() -> None:
    variables = TEMPLATE["variables"]
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(TEMPLATE["job_configuration"])))
    assert used == set(variables["properties"])
    jsonschema.Draft7Validator.check_schema(variables)
    for field in variables["properties"].values():
        if field.get("default") is not None:
            jsonschema.validate(field["default"], field, cls=jsonschema.Draft7Validator)


def test_each_database_lets_in_its_own_user_alone() -> None:
    try:
        with own_server() as url:
            make_databases(url)
            for user, other in (("prefect", "ledger"), ("ledger", "prefect")):
                assert enters(url.set(username=user, database=user))
                assert not enters(url.set(username=user, database=other))
                assert not enters(url.set(username=user, database="postgres"))
    except NoPostgres as reason:
        pytest.fail(str(reason)) if os.environ.get("CI") else pytest.skip(str(reason))


def make_databases(url: URL) -> None:
    """As the image of Postgres does with what lies in /docker-entrypoint-initdb.d."""
    script = FOLDER / "databases.sh"
    given = environment("postgres", VALUES) | {"POSTGRES_LEDGER_PASSWORD": "it's"}
    server = {"PGHOST": str(url.host), "PGPORT": str(url.port), "PATH": os.environ["PATH"]}
    subprocess.run([script], env=given | server, check=True)


def enters(url: URL) -> bool:
    """Whether the user may use the database, and make a table in it."""
    engine = create_engine(url)
    try:
        with engine.begin() as tx:
            tx.exec_driver_sql("create table mine (a int)")
    except OperationalError as refused:
        if "permission denied for database" not in str(refused):
            raise
        return False
    finally:
        engine.dispose()
    return True
