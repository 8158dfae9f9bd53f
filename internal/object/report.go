package object

import (
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Reported is something that happened elsewhere and was handed in by the caller.
type Reported struct {
	Action     string
	Target     audit.Target
	Kind, Key  string // who did it; the caller when empty
	ID         string
	IP, Device string
	At         time.Time
	Reasons    []string
}

// RecordReported adds the audit event of what happened elsewhere. Who did it is its
// actor, so that people are found by what they did (C049); who says so stays with it,
// as its token and among its reasons.
func (s *Scope) RecordReported(r Reported) error {
	reasons := append([]string{"handed in by " + s.Caller.Principal()}, r.Reasons...)
	if err := s.Record(r.Action, r.Target, audit.EffectNeutral, nil, nil, reasons...); err != nil {
		return err
	}
	e := &s.events[len(s.events)-1]
	e.Time, e.IP, e.Device = r.At, r.IP, r.Device
	if r.Key != "" {
		e.Actor = audit.Actor{Kind: r.Kind, ID: r.ID, Key: r.Key, TokenID: s.Caller.TokenID}
	}
	return nil
}
