"""The audit log: events, signed checkpoints, search, export, proofs, and a verifier that needs none of the rest."""
