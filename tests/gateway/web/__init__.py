"""The portal and the health pages, over real HTTPS where it matters."""
