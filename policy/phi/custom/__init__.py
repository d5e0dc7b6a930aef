"""What an organisation adds to the classifier: shapes of record numbers, terms, exceptions, a list of patients."""
