"""What a message is: envelope, header fields, addresses, queue entries, events, delivery status notices."""
