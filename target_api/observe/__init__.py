"""Pure ASGI observers: request context, truth and metrics, headers, logs."""
