"""The steps of a pass: each does its work and says whether there was any."""
