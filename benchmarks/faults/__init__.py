"""Faults under load: a rolling restart behind nginx, and a Redis that is killed, restored and paused."""
