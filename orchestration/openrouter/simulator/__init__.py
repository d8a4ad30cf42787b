"""A simulated OpenRouter: `world` generates its data, `api` handles requests, `server` serves them over HTTP.

Every author, model, provider and app is invented and has `sim` in its name, and every response has a header that marks
it as simulated. The data does not forecast anything.
"""

from orchestration.openrouter.simulator.api import Simulator

__all__ = ["Simulator"]
