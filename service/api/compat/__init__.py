"""The shapes of other translation services, so that their clients work with a changed address."""
