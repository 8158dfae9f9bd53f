package secevent

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"

// What is queued when a person is erased is still delivered: receivers close sessions and
// accounts by it. It is sealed, and gone once it has arrived or is given up.
var (
	_ = object.Impersonal("security_event", map[string]string{
		"id": "random", "receiver_id": "opaque id", "event": "a word", "subject": "opaque id", "event_id": "opaque id", "state": "a word",
		"sealed": "on its way to a receiver that has to learn who left", "error": "what the receiver answered by status",
	})
	_ = object.Impersonal("event_receiver_state", map[string]string{"*": "how deliveries go"})
	_ = object.Impersonal("security_event_key", map[string]string{"*": "keys"})
)
