//! Events on their way out: SET push (RFC 8935), webhooks, NATS JetStream, syslog over TLS (RFC 5425), mail.
