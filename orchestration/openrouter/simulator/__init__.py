"""A simulated OpenRouter: `world` generates its data, `api` serves its requests, `server` does so over HTTP.

Every author, model, provider and app is invented and has `sim` in its name, and every response has a header that marks
it as simulated. The data forecasts nothing.
"""

from orchestration.openrouter.simulator.api import Simulator

__all__ = ["Simulator"]
