"""map → judge → record → fan out: what the processing worker calls for events, and the API for what people create."""
