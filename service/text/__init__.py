"""German article text: cleaned of page furniture, cut into sentences without loss, and put together again."""
