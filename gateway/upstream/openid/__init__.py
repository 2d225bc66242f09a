"""Signing people in with an OpenID provider. https://openid.net/specs/openid-connect-core-1_0.html"""

from gateway.upstream.openid.flow import Begun, Flow, Provider
from gateway.upstream.openid.id_token import Claims

__all__ = ["Begun", "Claims", "Flow", "Provider"]
