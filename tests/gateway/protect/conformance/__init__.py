"""One suite for every implementation of OpenPGP: ours, GnuPG, Sequoia."""
