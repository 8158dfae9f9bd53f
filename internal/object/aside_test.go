package object_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// Inside a change that cannot be begun again, what is computed aside is computed at once.
func TestWhatIsComputedAsideIsComputedAtOnceWithinAnotherChange(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		ctx := context.Background()
		broken := errors.New("out of salt")
		err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
			v, err := s.Aside(ctx, "cooking", func(context.Context) (string, error) { return "done", nil })
			if err != nil || v != "done" {
				t.Errorf("answered %q, %v", v, err)
			}
			_, err = s.Aside(ctx, "cooking", func(context.Context) (string, error) { return "", broken })
			return err
		})
		if !errors.Is(err, broken) {
			t.Errorf("error = %v, want that of the computation", err)
		}
	})
}

// A change with an interlude is one change: one event, one version, and an
// Idempotency-Key that answers the same again.
func TestAChangeWithAnInterludeIsOneChange(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		ctx := context.Background()
		f.Put(t, f.Owner, api.SharingPolicyKind, "", map[string]any{"external_sharing": "anyone", "public_links": "allowed"})
		f.Put(t, f.Owner, api.FolderKind, "/press", map[string]any{"path": "/press"})
		raw := objecttest.JSON(t, map[string]any{"resource": "/press", "name": "Press kit", "kind": "anyone", "password_wo": "correct horse battery", "password_wo_version": 1})
		o := object.WriteOptions{IdempotencyKey: "once"}
		first, err := f.Service.Create(ctx, f.Admin, api.ShareLinkKind, raw, o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := f.Service.Create(ctx, f.Admin, api.ShareLinkKind, raw, o)
		if err != nil || again.Object.GetMeta().ID != first.Object.GetMeta().ID || first.Object.GetMeta().ETag != "1" {
			t.Errorf("first %+v, again %+v, %v", first, again, err)
		}
		if n := len(f.Events(t, audit.Filter{TargetKind: api.ShareLinkKind.Name})); n != 1 {
			t.Errorf("%d events, want one", n)
		}
	})
}
