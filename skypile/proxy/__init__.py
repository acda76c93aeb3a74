"""Small models that judge text: cheap stand-ins for the one that a corpus is made for."""
