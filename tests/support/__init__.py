"""What the tests share: the real daemon as an object, clients, producers. No fakes in Python."""
