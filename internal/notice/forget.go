package notice

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"

// The inbox of a person goes with them (X12). What others were told of them is rendered
// from the audit log, so erasing reaches it there.
var (
	_ = object.Forgets("notice",
		object.Forgetting{Place: "notifications", Table: "notification", Key: []string{"id"}, Who: []string{"member_id"}, Also: []string{"event_id", "event", "item"}},
		object.Forgetting{Place: "notification preferences", Table: "notification_preference", Key: []string{"member_id"}, Who: []string{"member_id"}, Also: []string{"doc"}},
		object.Forgetting{Place: "notification preferences", Table: "notice_digest", Key: []string{"member_id"}, Who: []string{"member_id"}, Also: []string{"day"}},
	)

	_ = object.Impersonal("notice_once", map[string]string{"what": "ids, and keyed hashes of addresses, deleted after a time"})
	_ = object.Impersonal("log_cursor", map[string]string{"*": "how far readers have come"})
)
