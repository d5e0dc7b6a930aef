"""What speaks HTTP: the portal for recipients, health and metrics for the operator."""
