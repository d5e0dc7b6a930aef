"""How commands reach the state: through a running gateway's control socket, or alone under the store's lock."""
