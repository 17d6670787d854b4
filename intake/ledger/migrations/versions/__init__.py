"""One file for each form the ledger has had."""
