"""The small Marian model that provides word alignments: its network, vocabulary and export."""
