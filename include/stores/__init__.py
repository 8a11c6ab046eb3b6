"""Stores: the ports of the domain and the adapters behind them."""
