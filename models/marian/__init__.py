"""The small Marian model that aligns words: its network, its vocabulary and its export."""
