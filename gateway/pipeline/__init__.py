"""The path of a message from the client's last dot to the queue; `submit.py` is it, on one screen."""
