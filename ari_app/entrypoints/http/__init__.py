"""The HTTP API. `serve_http(doors, listen(host, port))` serves it inside this process until cancelled."""
