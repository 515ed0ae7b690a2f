"""Stand-ins for Xero and Monstock on loopback, honest to the contracts of both; see README.md here."""
