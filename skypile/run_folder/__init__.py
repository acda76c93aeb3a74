"""The run folder and the ledger: stage folders, their storage, what joins and what reads them."""
