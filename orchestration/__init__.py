"""Routerscope: OpenRouter's public rankings and prices as tables that can be trusted and quoted."""
