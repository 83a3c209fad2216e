"""The web server of the page: who is let in, what is open, what pages may do."""
