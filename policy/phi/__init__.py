"""Protected health information: reading a message in every way a recipient could, and saying what is in it."""
