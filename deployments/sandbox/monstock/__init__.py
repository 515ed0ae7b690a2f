"""Monstock's side, written from `openapi.yaml` here: the contract that is assumed of it."""

from deployments.sandbox.monstock.app import Monstock

__all__ = ["Monstock"]
