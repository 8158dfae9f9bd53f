package notice

import (
	"context"
	"errors"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Consume reads what was sealed since the last time, in every workspace, tells people,
// and answers how many events it told somebody of or could have.
func (w *Worker) Consume(ctx context.Context) (int, error) {
	log := object.LogReader{Service: w.Service, Name: "notice"}
	return log.Read(ctx, func(ctx context.Context, s *object.Scope, entries []object.LogEntry) (told int, err error) {
		h := &herald{scope: s, baseURL: s.BaseURL()}
		for _, e := range entries {
			if rules[e.Action] == nil {
				continue
			}
			n, err := w.tellOf(ctx, h, e.EventID)
			if err != nil {
				return told, err
			}
			told += n
		}
		return told, nil
	})
}

// tellOf tells of one event.
func (w *Worker) tellOf(ctx context.Context, h *herald, id string) (int, error) {
	e, err := w.Service.AuditLog().Get(ctx, h.scope.Tx, h.scope.WorkspaceID, id)
	if errors.Is(err, audit.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	tellings, err := rules[e.Action](ctx, h.scope, &e, factsOf(&e))
	if err != nil {
		return 0, err
	}
	told := 0
	for _, t := range tellings {
		if err := h.tell(ctx, &e, t); err != nil {
			return told, err
		}
		told++
	}
	return told, nil
}
