"""The small Marian model, which aligns words: its network, vocabulary and export."""
