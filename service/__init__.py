"""Depesche, a service that summarises German articles and translates them into English."""

__version__ = "0.2.0"
