"""Xero's side: accounting API 2.0, the token service, and the connections list."""

from deployments.sandbox.xero.app import Xero

__all__ = ["Xero"]
