"""One session with one server: login, statements, deadline, end."""
