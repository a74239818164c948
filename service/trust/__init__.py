"""What an editor must know before publishing: one check a module, all of them pure functions of texts."""
