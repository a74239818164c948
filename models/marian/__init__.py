"""The small Marian models of the service: their network, vocabulary and export."""
