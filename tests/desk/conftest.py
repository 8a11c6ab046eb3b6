"""The desk as Airflow serves it, over a bank in memory, for people who are signed in for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.fraud_desk.app import make_app
from tests.desk.bank import MemoryBank

PREFIX = "/fraud-desk"
OURS = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}

_SECRET = "a secret that signs sessions in tests, long enough for HS512 and then for some more of it"
#: As the embedded stack has them: users by name, with their roles of Airflow's SimpleAuthManager.
USERS = {"viewer": "VIEWER", "analyst": "USER", "approver": "OP", "admin": "ADMIN"}
#: Somebody who may sign in to Airflow and has no role there.
GUEST = "guest"

SignIn = Callable[[str | None], TestClient]


def session_of(user: str, role: str, seconds: float = 600, secret: str = _SECRET) -> str:
    """What Airflow's cookie holds; without an id, as those are looked up in the database of revoked ones."""
    now = time.time()
    claims = {"sub": user, "role": role, "teams": None, "aud": "apache-airflow", "iss": "tidewatch"}
    return jwt.encode(claims | {"iat": now - 700, "nbf": now - 700, "exp": now + seconds}, secret, "HS512")


@pytest.fixture(scope="session")
def auth_manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Airflow's own auth manager and validation of sessions."""
    from airflow.api_fastapi.app import create_auth_manager, purge_cached_app
    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW__API_AUTH__JWT_SECRET", _SECRET)
        environment.setenv("AIRFLOW__API_AUTH__JWT_ISSUER", "tidewatch")
        environment.setenv(
            "AIRFLOW__CORE__AUTH_MANAGER",
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        )
        environment.setenv(
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
            ",".join(f"{name}:{role.lower()}" for name, role in {**USERS, "bela": "USER"}.items()),
        )
        BaseAuthManager._get_token_validator.cache_clear()
        create_auth_manager()
        yield
    BaseAuthManager._get_token_validator.cache_clear()
    purge_cached_app()


@pytest.fixture
def bank(tmp_path: Path) -> MemoryBank:
    """An empty bank."""
    return MemoryBank.at(tmp_path)


@pytest.fixture
def sign_in(auth_manager: None, bank: MemoryBank) -> SignIn:
    """A browser of a user, by name; of nobody for None."""
    app = FastAPI()
    app.mount(PREFIX, make_app(bank))

    def client(user: str | None) -> TestClient:
        browser = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
        browser.headers.update(OURS)
        if user is not None:
            browser.cookies.set("_token", session_of(user, USERS.get(user, "")))
        return browser

    return client
