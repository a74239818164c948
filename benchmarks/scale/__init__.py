"""How the service scales: a simulation from measured service times, held against real processes behind a proxy."""
