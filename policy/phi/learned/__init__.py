"""The trained model that joins the rules: what it reads in a message, its weights, and its opinion."""
