"""The command line: one module for each group of commands, no logic beyond parsing and printing."""
