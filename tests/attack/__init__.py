"""Attacks on a running service. Each test repeats one attack while another caller, the victim, uses the service."""
