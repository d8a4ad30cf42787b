"""A synthetic OpenRouter: `world` is what happens in it, `api` answers for it, `server` serves it over HTTP.

Every author, model, provider and app is invented and carries `sim` in its name; every answer says in a header that it
is simulated. Nothing here is a forecast of anything.
"""

from orchestration.openrouter.simulator.api import Simulator

__all__ = ["Simulator"]
