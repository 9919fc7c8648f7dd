"""`make audit`: what is known against the locked packages."""
