"""Routerscope: OpenRouter's public rankings and prices as tables that can be trusted and quoted."""

__version__ = "0.2.0"
