"""The path of a message into the queue, on a real store."""
