"""The small Marian model that aligns words: its network, vocabulary and export."""
